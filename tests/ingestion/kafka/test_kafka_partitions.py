"""Partitions with more than plain messages, on a real broker: compressed, transactional and undecodable batches."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import TopicAuthorizationFailedError, UnsupportedCodecError

import ingestion.kafka.set_aside
from ingestion.kafka.feed import KafkaFeed
from ingestion.kafka.set_aside import reason_of
from launch.kafka_broker import Broker
from storage.core.database import Store
from tests.fixtures.kafka import fresh_topic, produce
from tests.ingestion.kafka_running import KafkaSidecar, one, quote_message, rows, ticket, topic_of

pytestmark = pytest.mark.kafka

CODECS = ("gzip", "lz4", "snappy", "zstd")


@pytest.mark.parametrize("codec", CODECS)
def test_compressed_messages_are_read(store: Store, broker: Broker, codec: str) -> None:
    topic = fresh_topic(broker, compression_type=codec)
    produce(broker, topic, [ticket(f"T{number}") for number in range(300)])
    with KafkaSidecar(store, broker, {topic: topic_of("trades")}) as sidecar:
        sidecar.wait_for_offset(topic, 300)
    assert one(store, "SELECT count(*) FROM trades") == 300


def _no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kafka.codec.has_lz4", lambda: False)


def _not_lz4(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_payload: object) -> bytes:
        raise RuntimeError("LZ4F_decompress failed with code: ERROR_frameType_unknown")

    monkeypatch.setattr("kafka.record.default_records.lz4_decode", refuse)


def _damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checksum of compressed batches is wrong."""
    from kafka.record.default_records import DefaultRecordBatch

    monkeypatch.setattr(DefaultRecordBatch, "validate_crc", lambda batch: batch.compression_type == 0)


@pytest.fixture
def soon_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """What is set aside is tried again after a moment; the faults of a context end with it."""
    monkeypatch.setattr(ingestion.kafka.set_aside, "_AGAIN_SECONDS", (0.1,))
    with pytest.MonkeyPatch.context() as faults:
        yield faults


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (_no_library, "Libraries for lz4 compression codec not found: install what requirements.txt names"),
        (_not_lz4, "RuntimeError: LZ4F_decompress failed"),
        (_damaged, "failed crc check"),
    ],
)
def test_a_partition_that_cannot_be_decoded_is_set_aside(
    store: Store, broker: Broker, soon_again: pytest.MonkeyPatch, fault: Callable[[pytest.MonkeyPatch], None], why: str
) -> None:
    """Others go on, people are told which, where and why, the process listens, and it is read once it can be."""
    quotes, trades = fresh_topic(broker), fresh_topic(broker, compression_type="lz4")
    fault(soon_again)
    with KafkaSidecar(store, broker, {quotes: topic_of("quotes"), trades: topic_of("trades")}) as sidecar:
        produce(broker, quotes, [quote_message(17.0)])
        sidecar.wait_for_offset(quotes, 1)
        produce(broker, trades, [ticket("Pressed")])
        sidecar.wait_for(
            lambda: f"{trades}[0] set aside at offset 0" in sidecar.detail, "the partition to be set aside"
        )
        assert why in sidecar.detail
        for number in (1, 2, 3):
            produce(broker, quotes, [quote_message(17.0 + number, f"2020-07-09T14:00:0{number}Z")])
            sidecar.wait_for_offset(quotes, 1 + number)
        soon_again.undo()
        sidecar.wait_for_offset(trades, 1)
        sidecar.wait_for(lambda: "set aside" not in sidecar.detail, "the partition to be read again")
    assert one(store, "SELECT count(*) FROM trades") == 1


def test_good_messages_before_an_undecodable_batch_are_taken(
    store: Store, broker: Broker, soon_again: pytest.MonkeyPatch
) -> None:
    trades = fresh_topic(broker, compression_type="producer")
    produce(broker, trades, [ticket("Plain")])
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap, compression_type="lz4")) as producer:
        producer.send(trades, ticket("Pressed") + b" " * 500).get(120)  # what gains nothing is sent as it is
    _no_library(soon_again)
    with KafkaSidecar(store, broker, {trades: topic_of("trades")}) as sidecar:
        sidecar.wait_for_offset(trades, 1)
        sidecar.wait_for(
            lambda: f"{trades}[0] set aside at offset 1" in sidecar.detail, "the partition to be set aside"
        )
    assert rows(store, "SELECT trade_id FROM trades") == [("Plain",)]


def test_what_is_set_aside_stays_so_while_the_feed_pauses(
    store: Store, broker: Broker, soon_again: pytest.MonkeyPatch
) -> None:
    trades = fresh_topic(broker, compression_type="lz4")
    soon_again.setattr(ingestion.kafka.set_aside, "_AGAIN_SECONDS", (3600.0,))
    _no_library(soon_again)
    produce(broker, trades, [ticket()])
    with KafkaSidecar(store, broker, {trades: topic_of("trades")}) as sidecar:
        sidecar.wait_for(lambda: "set aside" in sidecar.detail, "the partition to be set aside")
        feed = sidecar.feed
        assert isinstance(feed, KafkaFeed)
        feed.pause()
        feed.resume(0.0)
        assert feed._consumer is not None
        assert TopicPartition(trades, 0) in feed._consumer.paused()


def transactions(broker: Broker, topic: str) -> None:
    """Two messages committed, one aborted, one committed: with the three markers the partition ends at 7."""
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=topic)) as producer:
        producer.init_transactions()
        for trades, commit in ((("A", "B"), True), (("Aborted",), False), (("C",), True)):
            producer.begin_transaction()
            for trade in trades:
                producer.send(topic, ticket(trade), partition=0)
            if commit:
                producer.commit_transaction()
            else:
                producer.flush()
                producer.abort_transaction()


def test_transaction_markers_are_no_messages_behind_and_no_losses(store: Store, broker: Broker) -> None:
    topic = fresh_topic(broker)
    transactions(broker, topic)
    with KafkaSidecar(store, broker, {topic: topic_of("trades")}, group=topic) as sidecar:
        sidecar.wait_for_offset(topic, 7)
        sidecar.wait_for(lambda: ", 0 messages behind" in sidecar.detail, "nothing to be behind")
        sidecar.wait_for(lambda: sidecar.row is not None and sidecar.row.lag_seconds == 0.0, "the lag to be over")
    with closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap)) as admin:
        admin.delete_records({TopicPartition(topic, 0): 7})
    produce(broker, topic, [ticket("D")])
    with KafkaSidecar(store, broker, {topic: topic_of("trades")}, group=topic) as sidecar:
        sidecar.wait_for_offset(topic, 8)
    assert rows(store, "SELECT trade_id FROM trades ORDER BY trade_id") == [("A",), ("B",), ("C",), ("D",)]
    assert rows(store, "SELECT reason FROM rejections") == []


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (
            UnsupportedCodecError("Libraries for zstd compression codec not found"),
            "install what requirements.txt names",
        ),
        (TopicAuthorizationFailedError({"t"}), "grant READ on it"),
        (OSError("Not a gzipped file"), "cannot be decoded (OSError: Not a gzipped file)"),
        (AssertionError(), "cannot be decoded (AssertionError)"),
    ],
)
def test_the_reason_says_what_to_do(fault: Exception, why: str) -> None:
    assert why in reason_of(fault)


def test_positions_are_asked_only_where_a_gap_can_be(
    store: Store, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each question makes the library look at all partitions: none where all that the broker has was read."""
    topic = fresh_topic(broker, partitions=4)
    produce(broker, topic, [(None, ticket(f"T{number}"), number % 4) for number in range(40)])
    asked: list[TopicPartition] = []
    ask = KafkaConsumer.position

    def position(consumer: KafkaConsumer, partition: TopicPartition, **named: Any) -> Any:
        asked.append(partition)
        return ask(consumer, partition, **named)

    with KafkaSidecar(store, broker, {topic: topic_of("trades")}, group=topic) as sidecar:
        sidecar.wait_for_rows(40, "trades")
        monkeypatch.setattr(KafkaConsumer, "position", position)
        produce(broker, topic, [(None, ticket("T40"), 2)])
        sidecar.wait_for_offset(topic, 11, partition=2)
        produce(broker, topic, [(None, ticket("T41"), 2)])
        sidecar.wait_for_offset(topic, 12, partition=2)
    assert {partition.partition for partition in asked} <= {2}
