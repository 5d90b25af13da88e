"""The Kafka feed on a real broker: each message takes effect once, whatever is sent, sent again, or gone."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from launch.kafka_broker import Broker
from services.access.permissions import OPERATOR
from services.writes.control_feed import pause_feed, resume_feed
from storage.core.database import Store
from tests.fixtures.databases import Templates, wait_for
from tests.fixtures.kafka import everything_in, fresh_topic, new_broker, produce
from tests.ingestion.kafka_running import ARTICLE, KafkaSidecar, one, quote_message, rows, ticket, topic_of

pytestmark = pytest.mark.kafka

MARKET_VALUE = "ingestion.deserializers:market_value_of_trade"


class TestTheArticlesMessage:
    def test_as_a_ticket_it_is_a_dead_letter_for_its_strike(self, store: Store, broker: Broker) -> None:
        topic = fresh_topic(broker)
        message = json.dumps(ARTICLE).encode()
        produce(broker, topic, [(b"key", message, None), ticket("Good")])
        with KafkaSidecar(store, broker, {topic: topic_of("trades")}) as sidecar:
            sidecar.wait_for_rows(1, "trades")
        assert rows(store, "SELECT trade_id FROM trades") == [("Good",)]
        query = (
            "SELECT consumer_group, topic, partition, message_offset, message_key, message, kind, deserializer, "
            "column_name, value, reason, state, attempts FROM dead_letters"
        )
        (letter,) = rows(store, query)
        assert letter == (
            *("deltaboard", topic, 0, 0, b"key", message, "trades", "ingestion.deserializers:trade_ticket"),
            *("Strike", "-31.41249430583221", "must be above 0", "waiting", 1),
        )

    def test_by_the_articles_own_deserializer_its_market_value_is_stored(self, store: Store, broker: Broker) -> None:
        topic = fresh_topic(broker)
        produce(broker, topic, [json.dumps(ARTICLE).encode()])
        with KafkaSidecar(store, broker, {topic: topic_of("trades", MARKET_VALUE)}) as sidecar:
            sidecar.wait_for_rows(1, "sensitivities")
        assert rows(store, "SELECT trade_id, risk_factor, market_value, cash_delta, source FROM sensitivities") == [
            ("New_Trd_Test", "OXY", 89.43425919208067, None, "kafka")
        ]
        assert rows(store, "SELECT * FROM trades") == rows(store, "SELECT * FROM dead_letters") == []


class TestOnce:
    def test_a_message_three_times_has_one_effect(self, store: Store, broker: Broker) -> None:
        trades, quotes = fresh_topic(broker), fresh_topic(broker)
        topics = {trades: topic_of("trades"), quotes: topic_of("quotes")}
        with KafkaSidecar(store, broker, topics) as sidecar:
            for offset in (1, 2, 3):
                produce(broker, trades, [ticket()])
                produce(broker, quotes, [quote_message(17.0)])
                sidecar.wait_for_offset(trades, offset)
                sidecar.wait_for_offset(quotes, offset)
        assert one(store, "SELECT count(*) FROM record_versions") == 1
        assert one(store, "SELECT count(*) FROM quote_versions") == 1
        assert one(store, "SELECT count(*) FROM sensitivities") == 1

    def test_the_newest_quote_wins_in_whatever_order_they_come(self, store: Store, broker: Broker) -> None:
        topic = fresh_topic(broker)
        seconds = [3, 1, 5, 2, 5, 4, 0]
        messages = [quote_message(10.0 + place, f"2020-07-09T14:00:0{second}Z") for place, second in enumerate(seconds)]
        with KafkaSidecar(store, broker, {topic: topic_of("quotes")}) as sidecar:
            for offset, message in enumerate(messages, 1):
                produce(broker, topic, [message])
                sidecar.wait_for_offset(topic, offset)
        assert one(store, "SELECT quote FROM quotes") == 14.0, "of equal times the later arrival"
        assert one(store, "SELECT count(*) FROM quote_versions") == 7, "both of one time, too"
        assert sidecar.row is not None
        assert sidecar.row.late_quotes == 4

    def test_the_offset_in_the_store_rules_whatever_kafka_says(self, store: Store, broker: Broker) -> None:
        """Both ways: Kafka's own offset far behind (redelivery), and far ahead (which would lose messages)."""
        topic = fresh_topic(broker)
        read = 0
        for committed in (0, 1000, None):
            produce(broker, topic, [ticket(Quantity=read + number) for number in range(5)])
            read += 5
            topics = {topic: topic_of("trades")}
            with KafkaSidecar(store, broker, topics, group=topic, max_batch=1) as sidecar:
                sidecar.wait_for_offset(topic, read)
            if committed is not None:
                set_offset(broker, topic, committed)
        assert one(store, "SELECT count(*) FROM record_versions") == read, "a version a message: none was read again"
        wait_for(lambda: committed_offset(broker, topic) == read, 60, "Kafka to know it, for the eyes of tools")

    def test_another_group_reads_all_again_to_no_effect(self, store: Store, broker: Broker) -> None:
        topic = fresh_topic(broker)
        produce(broker, topic, [ticket()])
        for group in ("one", "two"):
            with KafkaSidecar(store, broker, {topic: topic_of("trades")}, group=group) as sidecar:
                sidecar.wait_for(lambda g=group: group_at(store, g) == 1, f"group {group}")
        assert one(store, "SELECT count(*) FROM record_versions") == 1
        assert one(store, "SELECT place FROM record_versions") == f"{topic}, partition 0, offset 0"


def group_at(store: Store, group: str) -> Any:
    found = rows(store, f"SELECT next_offset FROM partition_offsets WHERE consumer_group = '{group}'")
    return found[0][0] if found else None


def set_offset(broker: Broker, topic: str, offset: int) -> None:
    """Somebody resets Kafka's own offset of the group, which has the topic's name, as soon as its member has left."""
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, group_id=topic, enable_auto_commit=False)
    consumer.assign([TopicPartition(topic, 0)])

    def is_set() -> bool:
        try:
            consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(offset)})
        except KafkaError:
            return False
        return True

    with closing(consumer):
        wait_for(is_set, 120, "the group to be empty")


def committed_offset(broker: Broker, topic: str) -> int | None:
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, group_id=topic, enable_auto_commit=False)
    try:
        found: int | None = consumer.committed(TopicPartition(topic, 0))
        return found
    finally:
        consumer.close()


class TestPoison:
    def test_the_stream_goes_on_behind_it(self, store: Store, broker: Broker) -> None:
        trades, quotes = fresh_topic(broker), fresh_topic(broker)
        ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        poison = [
            b"",
            b"{",
            b'{"TradeId": "\xff"}',
            ticket().replace(b"45", b"NaN"),
            b"[" * 100_000,
            ticket(Ticker=None),
            ticket(Strike=-1),
            (b"tombstone", None, None),
            b"\x00" * 900_000,
            ticket("nul\u0000"),
            ticket("\ud800"),
        ]
        produce(broker, trades, [m for number, bad in enumerate(poison) for m in (ticket(f"T{number}"), bad)])
        produce(broker, quotes, [quote_message(17.0), quote_message(99.0, ahead), quote_message(-1.0)])
        topics = {trades: topic_of("trades"), quotes: topic_of("quotes")}
        with KafkaSidecar(store, broker, topics, consumer={"max_partition_fetch_bytes": 2_000_000}) as sidecar:
            sidecar.wait_for_rows(len(poison), "trades")
            sidecar.wait_for_rows(len(poison) + 2, "dead_letters")
        query = "SELECT message_offset, message FROM dead_letters WHERE kind = 'trades' ORDER BY message_offset"
        values = [bad[1] if isinstance(bad, tuple) else bad for bad in poison]
        assert rows(store, query) == [(2 * number + 1, value) for number, value in enumerate(values)]
        assert one(store, "SELECT quote FROM quotes") == 17.0
        assert rows(store, "SELECT reason FROM dead_letters WHERE reason = ''") == []

    def test_a_trade_whose_book_and_ticker_are_unknown_is_there_and_marked(self, store: Store, broker: Broker) -> None:
        trades, books = fresh_topic(broker), fresh_topic(broker)
        topics = {trades: topic_of("trades"), books: topic_of("books")}
        quotes = fresh_topic(broker)
        topics[quotes] = topic_of("quotes")
        produce(broker, quotes, [quote_message(70.0, instrument="AAPL")])
        with KafkaSidecar(store, broker, topics) as sidecar:
            sidecar.wait_for_rows(1, "quotes")
            produce(broker, trades, [ticket(Book="NEW")])
            sidecar.wait_for_rows(1, "pricing_failures")
            assert rows(store, "SELECT trade_id, reason FROM pricing_failures") == [("T1", "no quote")]
            produce(broker, quotes, [quote_message(17.0)])
            sidecar.wait_for_rows(1, "sensitivities")
            book = {"Book": "NEW", "Desk": "D", "BusinessUnit": "U", "Region": "R"}
            produce(broker, books, [json.dumps(book).encode()])
            sidecar.wait_for_rows(1, "books")
        assert one(store, "SELECT count(*) FROM pricing_failures") == 0
        assert one(store, "SELECT count(*) FROM dead_letters") == 0

    def test_dead_letters_go_to_a_topic_too(self, store: Store, broker: Broker) -> None:
        topic, letters = fresh_topic(broker), fresh_topic(broker)
        produce(broker, topic, [(b"k", b"{", None), ticket(), ticket(Strike=-1)])
        with KafkaSidecar(store, broker, {topic: topic_of("trades")}, dead_letter_topic=letters) as sidecar:
            sidecar.wait_for_rows(2, "dead_letters")
            sidecar.wait_for(lambda: len(everything_in(broker, letters)) == 2, "both letters in their topic")
        assert everything_in(broker, letters) == [(b"k", b"{"), (None, ticket(Strike=-1))]
        headers = headers_in(broker, letters)
        assert headers[1] == {
            "reason": "must be above 0",
            "column": "Strike",
            "value": "-1",
            "topic": topic,
            "partition": "0",
            "offset": "2",
        }


def headers_in(broker: Broker, topic: str) -> list[dict[str, str]]:
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    consumer.assign([TopicPartition(topic, 0)])
    found: list[dict[str, str]] = []
    while len(found) < 2:
        for records in consumer.poll(timeout_ms=500).values():
            found += [{name: value.decode() for name, value in record.headers} for record in records]
    consumer.close()
    return found


class TestTopics:
    def test_one_that_does_not_exist_yet_holds_up_no_other_and_is_not_made(self, store: Store, broker: Broker) -> None:
        there, absent = fresh_topic(broker), f"not-there-yet-on-{store.dialect}"
        produce(broker, there, [ticket()])
        with KafkaSidecar(store, broker, {there: topic_of("trades"), absent: topic_of("books")}) as sidecar:
            sidecar.wait_for_rows(1, "trades")
            sidecar.wait_for(lambda: f"none yet of {absent}" in sidecar.detail, "the status to say so")
            admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
            assert absent not in admin.list_topics()
            admin.create_topics([NewTopic(absent, num_partitions=1, replication_factor=1)])
            admin.close()
            book = {"Book": "NEW", "Desk": "D", "BusinessUnit": "U", "Region": "R"}
            produce(broker, absent, [json.dumps(book).encode()])
            sidecar.wait_for_rows(1, "books")

    def test_each_date_of_a_backlog_gets_its_close_and_keeps_it(self, store: Store, broker: Broker) -> None:
        trades, quotes = fresh_topic(broker), fresh_topic(broker)
        topics = {trades: topic_of("trades"), quotes: topic_of("quotes")}
        produce(broker, trades, [ticket()])
        with KafkaSidecar(store, broker, topics) as sidecar:
            sidecar.wait_for_rows(1, "trades")
        days = ["2020-07-08", "2020-07-09", "2020-07-10"]
        messages = [quote_message(10.0 + i, f"{day}T14:00:0{i}Z") for day in days for i in range(3)]
        produce(broker, quotes, [*messages, quote_message(99.0, "2020-07-09T19:00:00Z")])
        with KafkaSidecar(store, broker, topics) as sidecar:
            sidecar.wait_for_offset(quotes, 10)
        found = rows(store, "SELECT as_of_date, spot FROM sensitivities ORDER BY as_of_date")
        assert [(str(day), spot) for day, spot in found] == [(day, 12.0) for day in days]

    def test_messages_that_retention_has_cut_off_are_said_to_be_gone(self, store: Store, broker: Broker) -> None:
        topic = fresh_topic(broker)
        produce(broker, topic, [ticket("T0"), ticket("T1")])
        topics = {topic: topic_of("trades")}
        with KafkaSidecar(store, broker, topics) as sidecar:
            sidecar.wait_for_rows(2, "trades")
        produce(broker, topic, [ticket(f"T{number}") for number in range(2, 9)])
        admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
        admin.delete_records({TopicPartition(topic, 0): 6})
        admin.close()
        with KafkaSidecar(store, broker, topics) as sidecar:
            sidecar.wait_for_offset(topic, 9)
        assert [row[0] for row in rows(store, "SELECT trade_id FROM trades ORDER BY 1")] == [
            "T0",
            "T1",
            "T6",
            "T7",
            "T8",
        ]
        ((place, reason),) = rows(store, "SELECT place, reason FROM rejections")
        assert place == f"{topic}[0], offsets 2 to 5"
        assert reason.startswith("gone from the broker before they were read")

    def test_a_topic_that_was_made_anew_is_read_from_its_beginning(self, store: Store, broker: Broker) -> None:
        topic = fresh_topic(broker)
        produce(broker, topic, [ticket(f"T{number}") for number in range(5)])
        topics = {topic: topic_of("trades")}
        with KafkaSidecar(store, broker, topics) as sidecar:
            sidecar.wait_for_rows(5, "trades")
        admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
        admin.delete_topics([topic])
        make_again(broker, admin, topic)
        admin.close()
        produce(broker, topic, [ticket("New1"), ticket("New2")])
        with KafkaSidecar(store, broker, topics) as sidecar:
            sidecar.wait_for_offset(topic, 2)
        assert one(store, "SELECT count(*) FROM trades") == 7
        ((place, reason),) = rows(store, "SELECT place, reason FROM rejections")
        assert place == f"{topic}[0], offset 5"
        assert "made anew" in reason


def make_again(broker: Broker, admin: KafkaAdminClient, topic: str) -> None:
    """Create a topic whose deletion may not be over yet, and wait until the broker has the new one: it is empty.

    What is sent before may go into the old one, and be lost with it.
    """

    def is_made() -> bool:
        try:
            admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
        except TopicAlreadyExistsError:
            return False
        return True

    def is_empty() -> bool:
        place = TopicPartition(topic, 0)
        with closing(KafkaConsumer(bootstrap_servers=broker.bootstrap)) as consumer:
            try:
                return consumer.end_offsets([place])[place] == 0
            except KafkaError:
                return False

    wait_for(is_made, 120, f"{topic} to be gone")
    wait_for(is_empty, 120, f"{topic} to be there again")


class TestPause:
    def test_nothing_is_read_while_it_is_paused_and_all_of_it_afterwards(self, store: Store, broker: Broker) -> None:
        topic = fresh_topic(broker)
        with KafkaSidecar(store, broker, {topic: topic_of("trades")}) as sidecar:
            sidecar.wait_for(lambda: f"{topic}[0]" in sidecar.detail, "its partition")
            pause_feed(store, OPERATOR, "kafka")
            sidecar.wait_for(lambda: sidecar.row and sidecar.row.state == "paused", "the pause")
            produce(broker, topic, [ticket()])
            seen = sidecar.row.seen_at if sidecar.row else None
            sidecar.wait_for(lambda: sidecar.row and sidecar.row.seen_at != seen, "a sign of life")
            assert one(store, "SELECT count(*) FROM trades") == 0
            resume_feed(store, OPERATOR, "kafka")
            sidecar.wait_for_rows(1, "trades")


class TestTheBrokerGoesAway:
    def test_the_feed_says_so_and_goes_on_when_it_is_back(self, templates: Templates) -> None:
        store = Store(templates.copy("sqlite", "empty", lambda _: None, None))
        broker = new_broker()
        with closing(broker), closing(store):
            topic = fresh_topic(broker)
            produce(broker, topic, [ticket("T0")])
            broker.kill()
            with KafkaSidecar(store, broker, {topic: topic_of("trades")}) as sidecar:
                sidecar.wait_for(lambda: sidecar.detail.startswith("waits for a broker"), "the status to say so")
                broker.start()
                sidecar.wait_for_rows(1, "trades")
                broker.kill()
                sidecar.wait_for(lambda: "no broker at" in sidecar.detail, "the status to say so")
                lag = sidecar.row.lag_seconds if sidecar.row else None
                assert lag is not None
                sidecar.wait_for(lambda: sidecar.row and (sidecar.row.lag_seconds or 0) > lag, "the lag to grow")
                broker.start()
                produce(broker, topic, [ticket("T1")])
                sidecar.wait_for_rows(2, "trades")
                sidecar.wait_for(lambda: "0 messages behind" in sidecar.detail, "the status to say so")
