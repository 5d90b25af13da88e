"""Several sidecars of one group, and a database that goes away: each message still takes effect once."""

import os
import signal
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from kafka.structs import MemberState
from sqlalchemy import text

from ingestion.kafka.feed import KafkaFeed, KafkaOptions
from ingestion.sidecar.feed import Batch
from launch.kafka_broker import Broker
from services.pricing.pricing_state import PricingState
from services.writes.apply_incoming import apply_incoming
from storage.core.database import Store
from storage.feeds.feeds import PositionMoved, claim_feed
from tests.fixtures.databases import PostgresServer, Templates, wait_for
from tests.fixtures.kafka import fresh_topic, produce
from tests.ingestion.crashing import Commands, url_of
from tests.ingestion.kafka_running import QUICK, KafkaSidecar, one, rows, ticket, topic_of

pytestmark = pytest.mark.kafka


def owners(store: Store, topic: str) -> int:
    """How many sidecars own partitions of a topic."""
    return int(one(store, f"SELECT count(DISTINCT owner) FROM partition_offsets WHERE topic = '{topic}'"))


@pytest.fixture
def two_commands() -> Iterator[list[Commands]]:
    both = [Commands(), Commands()]
    yield both
    for one_of_them in both:
        one_of_them.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is neither fork nor kill -9")
def test_of_two_sidecars_one_is_killed_and_the_other_takes_over(
    two_commands: list[Commands], store: Store, broker: Broker
) -> None:
    topic = fresh_topic(broker, partitions=4)
    arguments = ["kafka", "--bootstrap", broker.bootstrap, "--topic", f"{topic}=trades", "--group", topic]
    arguments += ["--config", "session_timeout_ms=6000", "--config", "heartbeat_interval_ms=300"]
    processes = [commands.start(url_of(store), *arguments) for commands in two_commands]
    try:
        wait_for(lambda: owners(store, topic) == 2, 120, "both to have partitions")
        produce(broker, topic, [ticket(f"T{number}") for number in range(400)])
        wait_for(lambda: one(store, "SELECT count(*) FROM trades") == 400, 120, "the first trades")
        produce(broker, topic, [ticket(f"T{number}") for number in range(400, 1200)])
        os.kill(processes[0], signal.SIGKILL)
        produce(broker, topic, [ticket(f"T{number}") for number in range(1200, 1600)])
        wait_for(lambda: one(store, "SELECT count(*) FROM trades") == 1600, 120, "all trades")
    finally:
        os.kill(processes[1], signal.SIGTERM)
    assert two_commands[1].exit_code() == 0
    assert one(store, "SELECT count(*) FROM record_versions") == 1600
    assert one(store, "SELECT sum(next_offset) FROM partition_offsets") == 1600
    assert rows(store, "SELECT feed FROM feeds ORDER BY feed") == [("kafka",), ("kafka-2",)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is neither fork nor kill -9")
def test_trades_and_quotes_of_one_underlying_are_read_by_one_sidecar(
    two_commands: list[Commands], store: Store, broker: Broker
) -> None:
    """Partitions of one number have one owner, also where they cannot be shared out evenly."""
    topics = {kind: fresh_topic(broker, partitions=3) for kind in ("trades", "quotes")}
    arguments = ["kafka", "--bootstrap", broker.bootstrap, "--group", topics["trades"]]
    for kind, topic in topics.items():
        arguments += ["--topic", f"{topic}={kind}"]
    processes = [commands.start(url_of(store), *arguments) for commands in two_commands]
    try:
        each = "SELECT partition, count(*), count(DISTINCT owner) FROM partition_offsets GROUP BY partition"

        def is_shared_out() -> bool:
            both = [owners(store, topic) for topic in topics.values()] == [2, 2]
            return both and sorted(rows(store, each)) == [(0, 2, 1), (1, 2, 1), (2, 2, 1)]

        wait_for(is_shared_out, 120, "each number of partition to have one owner")
    finally:
        for process in processes:
            os.kill(process, signal.SIGTERM)
    assert [commands.exit_code() for commands in two_commands] == [0, 0]


class ByHand:
    """A feed that is moved step by step, like a sidecar that stands still in the middle of a batch."""

    def __init__(
        self,
        store: Store,
        broker: Broker,
        topic: str,
        name: str,
        *,
        max_poll_interval_ms: int = 300_000,
        **options: Any,
    ) -> None:
        self.store, self._state = store, PricingState()
        with store.bookkeeping() as connection:
            row = claim_feed(connection, name, uuid.uuid4().hex, os.getpid(), datetime.now(UTC), 10.0, None)
        # None dies, so a session may be long: a machine that pauses must not seem to be dead.
        consumer = {**QUICK, "session_timeout_ms": 30_000, "max_poll_interval_ms": max_poll_interval_ms}
        options = {"batch_seconds": 0.0, "consumer": consumer, **options}
        self.feed = KafkaFeed(store, row, KafkaOptions(broker.bootstrap, topic, {topic: topic_of("trades")}, **options))

    def batch(self) -> Batch:
        """The next batch, waited for."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            batch = self.feed.next_batch(time.monotonic())
            if batch is not None:
                return batch
        pytest.fail("waited 120 s for a batch")

    def apply(self, batch: Batch) -> None:
        applied = apply_incoming(self.store, self._state, batch.incoming, source=batch.source, position=batch.position)
        self.feed.committed(batch, applied)


def test_one_that_lost_its_partitions_cannot_write_and_starts_again(store: Store, broker: Broker) -> None:
    """It stands still for longer than the group allows; another reads on from its place; then it wakes up."""
    topic = fresh_topic(broker, partitions=2)
    produce(broker, topic, [(None, ticket(f"T{number}"), number % 2) for number in range(10)])
    slow = ByHand(store, broker, topic, "slow", max_poll_interval_ms=1500)
    taken = slow.batch()
    with KafkaSidecar(store, broker, {topic: topic_of("trades")}, name="other", group=topic) as other:
        other.wait_for_rows(10, "trades")
        before = one(store, "SELECT revision FROM store_state")
        with pytest.raises(PositionMoved):
            slow.apply(taken)
        assert one(store, "SELECT revision FROM store_state") == before, "nothing of it was written"
        slow.feed.rewind()
        end = time.monotonic() + 120
        while owners(store, topic) < 2 and time.monotonic() < end:
            assert slow.feed.next_batch(time.monotonic()) is None, "all of it was read by the other"
    produce(broker, topic, [(None, ticket(f"N{number}"), number % 2) for number in range(10)])
    while one(store, "SELECT count(*) FROM trades") < 20:
        slow.apply(slow.batch())
    slow.feed.close()
    assert one(store, "SELECT count(*) FROM record_versions") == 20


def test_a_rebalance_throws_away_what_was_read_and_not_stored(store: Store, broker: Broker) -> None:
    """The first has gathered ten messages of an unfinished batch of eleven when the second takes half of them over."""
    topic = fresh_topic(broker, partitions=2)
    produce(broker, topic, [(None, ticket(f"{number % 2}-{number}"), number % 2) for number in range(10)])
    patience = {"batch_seconds": 3600.0, "max_batch": 11}
    first = ByHand(store, broker, topic, "first", **patience)
    wait_for(
        lambda: first.feed.next_batch(time.monotonic()) or first.feed._gathered.messages == 10, 120, "ten messages"
    )
    second = ByHand(store, broker, topic, "second", **patience)

    def both_own() -> bool:
        for feed in (first.feed, second.feed):
            assert feed.next_batch(time.monotonic()) is None
        return owners(store, topic) == 2

    wait_for(both_own, 120, "both to have a partition")
    produce(broker, topic, [(None, ticket(f"{number % 2}-{number}"), number % 2) for number in range(10, 22)])
    read: dict[str, list[str]] = {}

    def both_have_read_a_batch() -> bool:
        for one_of_them in (first, second):  # both go on asking, for the group to settle
            batch = one_of_them.feed.next_batch(time.monotonic())
            if batch is not None:
                read[one_of_them.feed.name] = [trade["trade_id"] for trade in batch.incoming.records["trades"]]
                one_of_them.apply(batch)
        return len(read) == 2

    wait_for(both_have_read_a_batch, 120, "a batch of each")
    for one_of_them in (first, second):
        names = read[one_of_them.feed.name]
        assert len(names) == 11
        assert len({name[0] for name in names}) == 1, f"the messages of its partition alone: {names}"
        one_of_them.feed.close()
    assert one(store, "SELECT count(*) FROM record_versions") == 22


def test_a_joining_that_ends_between_two_polls_is_taken(store: Store, broker: Broker) -> None:
    """The first begins to join anew, the second follows and asks no more: were the first to begin once more, it would
    wait for the second."""
    topic = fresh_topic(broker, partitions=2)
    first, second = (ByHand(store, broker, topic, name) for name in ("first", "second"))

    def has_its_share(*asking: ByHand) -> bool:
        """Whether the last of these has one partition, after all of them have asked."""
        for each in asking:
            assert each.feed.next_batch(time.monotonic()) is None
        return len(asking[-1].feed._assignment.places) == 1

    wait_for(lambda: first.feed.next_batch(time.monotonic()) or first.feed._assignment.places, 120, "the first to join")
    wait_for(lambda: has_its_share(second, first) and has_its_share(second), 120, "both to have their share")
    consumer, before = first.feed._consumer, second.feed._assignment.places
    assert consumer is not None
    consumer._coordinator.request_rejoin()
    wait_for(
        lambda: first.feed.next_batch(time.monotonic()) or consumer.group_metadata().state == MemberState.REBALANCING,
        120,
        "the first to begin",
    )
    wait_for(
        lambda: has_its_share(second) and second.feed._assignment.places is not before,
        120,
        "the second to follow",
    )
    time.sleep(1.0)  # what the first is told of its share comes while it does not ask
    wait_for(lambda: has_its_share(first), 120, "the first to take its share")
    for each in (first, second):
        each.feed.close()


def test_a_paused_one_stays_a_member_and_reads_nothing(store: Store, broker: Broker) -> None:
    """A second sidecar can join while the first is paused; what is the first's waits for it."""
    topic = fresh_topic(broker, partitions=2)
    first = ByHand(store, broker, topic, "first")
    wait_for(lambda: first.feed.next_batch(time.monotonic()) or owners(store, topic) == 1, 120, "the first to join")
    first.feed.pause()
    second = ByHand(store, broker, topic, "second")
    produce(broker, topic, [(None, ticket(f"T{number}"), number % 2) for number in range(10)])
    read: dict[str, int] = {"first": 0, "second": 0}

    def go_on() -> None:
        """Both ask, as sidecars do: who does not, keeps the other from joining the group."""
        for one_of_them in (first, second):
            batch = one_of_them.feed.next_batch(time.monotonic())
            if batch is not None:
                read[one_of_them.feed.name] += len(batch.incoming.records["trades"])
                one_of_them.apply(batch)

    def half_is_read() -> bool:
        go_on()
        assert read["first"] == 0, "it is paused"
        return read["second"] == 5 and len(first.feed._assignment.places) == 1

    def all_is_read() -> bool:
        go_on()
        return read == {"first": 5, "second": 5}

    wait_for(half_is_read, 120, "the second to read its half")
    first.feed.resume(time.monotonic())
    wait_for(all_is_read, 120, "the first to read its half")
    for one_of_them in (first, second):
        one_of_them.feed.close()
    assert one(store, "SELECT count(*) FROM record_versions") == 10


@pytest.mark.postgres
def test_the_database_stops_and_comes_back(postgresql: PostgresServer, templates: Templates, broker: Broker) -> None:
    store = Store(templates.copy("postgresql", "empty", lambda _: None, postgresql))
    topic = fresh_topic(broker, partitions=2)
    with KafkaSidecar(store, broker, {topic: topic_of("trades")}, group=topic, max_batch=50) as sidecar:
        produce(broker, topic, [ticket(f"T{number}") for number in range(500)])
        sidecar.wait_for(lambda: one(store, "SELECT count(*) FROM trades") > 0, "the first trades")
        postgresql.stop()
        try:
            produce(broker, topic, [ticket(f"T{number}") for number in range(500, 1000)])
        finally:
            postgresql.start()
        sidecar.wait_for_rows(1000, "trades")
    assert one(store, "SELECT count(*) FROM record_versions") == 1000
    with store.read() as connection:
        assert connection.execute(text("SELECT sum(next_offset) FROM partition_offsets")).scalar_one() == 1000
    store.close()
