"""``kill -9`` of the Kafka sidecar at each point of a batch: the store is what an undisturbed run leaves, by hash."""

import hashlib
import json
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient
from sqlalchemy import Table, func, select

from launch.kafka_broker import Broker
from storage.core.database import Store
from storage.core.schema import (
    books,
    dead_letters,
    partition_offsets,
    pricing_failures,
    quote_versions,
    quotes,
    record_versions,
    rejections,
    sensitivities,
    trades,
)
from tests.fixtures.databases import Templates, wait_for
from tests.fixtures.kafka import Message, fresh_topic, produce
from tests.ingestion.crash_points import CrashPoint
from tests.ingestion.crashing import IS_COMMITTED, Commands, commands, crash_at, url_of
from tests.ingestion.kafka_running import KafkaSidecar, one, quote_message, rows, ticket, topic_of

__all__ = ["commands"]

RANDOM_KILLS = {"sqlite": 2, "postgresql": 1}
TRADES, AMENDED_AFTER, PARTITIONS, MAX_BATCH, PASSAGE = 600, 300, 2, 20, 5
"""There are as many messages as whole batches have: so each batch is full, and it is known where the fifth ends."""
TICKERS = ("OXY", "AAPL", "MSFT", "KO")
COMPARED: tuple[Table, ...] = (
    trades,
    books,
    record_versions,
    quotes,
    quote_versions,
    sensitivities,
    pricing_failures,
    dead_letters,
    rejections,
    partition_offsets,
)
OF_THE_RUN = {"revision", "received_at", "recorded_at", "dead_letter_id", "rejection_id", "owner", "consumer_group"}

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is neither fork nor kill -9"),
]


@dataclass(frozen=True)
class Stream:
    """Topics with everything that is ever sent in them. kinds: topic -> kind."""

    kinds: dict[str, str]
    messages: int


def hashes(store: Store) -> dict[str, str]:
    """Table -> row count and hash of its rows, without what tells when and how they came."""
    found: dict[str, str] = {}
    with store.read() as connection:
        for table in COMPARED:
            query = select(*(column for column in table.columns if column.name not in OF_THE_RUN))
            lines = sorted(repr(tuple(row)) for row in connection.execute(query))
            found[table.name] = f"{len(lines)} rows {hashlib.sha256(repr(lines).encode()).hexdigest()}"
    return found


@pytest.fixture(scope="module")
def stream(broker: Broker) -> Stream:
    """Trades of four tickers, one of them without a quote; amendments, duplicates, poison, quotes out of order.

    A trade and its amendment are never in one batch: of two in one batch the first would have no version of its own.
    """
    chance = random.Random(20200709)
    of_trades, of_quotes, of_books = fresh_topic(broker, PARTITIONS), fresh_topic(broker), fresh_topic(broker)
    sent: list[Message] = []
    for number in range(TRADES):
        name = f"T{number:04d}"
        terms = {"Ticker": TICKERS[number % 4], "Book": f"BOOK{number % 5}", "Strike": 10 + number % 50}
        key = name.encode()
        sent.append((key, ticket(name, **terms), None))
        if number % 7 == 0:
            sent.append(sent[-1])
        if number % 50 == 0:
            sent.append((key, chance.choice([b"{", b"\xff", ticket(name, Strike=-1), ticket(name, Ticker=None)]), None))
        if number >= AMENDED_AFTER and number % 10 == 0:
            earlier = f"T{number - AMENDED_AFTER:04d}"
            terms = {"Ticker": TICKERS[number % 4], "Book": "BOOK9", "Strike": 20, "Quantity": number}
            sent.append((earlier.encode(), ticket(earlier, **terms), None))
    produce(broker, of_trades, sent)
    times = [f"2020-07-09T14:{second // 60:02d}:{second % 60:02d}Z" for second in range(200)]
    late = chance.sample(times, 60)
    ticks = [quote_message(round(chance.uniform(10, 60), 2), at, chance.choice(TICKERS[:3])) for at in times]
    ticks += [quote_message(round(chance.uniform(10, 60), 2), at, chance.choice(TICKERS[:3])) for at in late]
    ticks += [quote_message(40.0, "2020-07-09T15:00:00Z", ticker) for ticker in TICKERS[:3]]
    produce(broker, of_quotes, ticks)
    count = MAX_BATCH - (len(sent) + len(ticks)) % MAX_BATCH
    fields = [{"Book": f"BOOK{n}", "Desk": f"D{n}", "BusinessUnit": "U", "Region": "R"} for n in range(count)]
    produce(broker, of_books, [json.dumps(book).encode() for book in fields])
    kinds = {of_trades: "trades", of_quotes: "quotes", of_books: "books"}
    return Stream(kinds, len(sent) + len(ticks) + count)


@pytest.fixture(scope="module")
def undisturbed(stream: Stream, broker: Broker, templates: Templates) -> Iterator[dict[str, str]]:
    """What one whole run leaves, on whichever database."""
    store = Store(templates.copy("sqlite", "empty", lambda _: None, None))
    topics = {topic: topic_of(kind) for topic, kind in stream.kinds.items()}
    with KafkaSidecar(store, broker, topics, max_batch=MAX_BATCH, batch_seconds=0.0) as sidecar:
        sidecar.wait_for(lambda: read_so_far(store) == stream.messages, "the whole stream")
    yield hashes(store)
    store.close()


def read_so_far(store: Store) -> int:
    """How many messages the store has taken or put aside."""
    with store.read() as connection:
        return connection.execute(select(func.coalesce(func.sum(partition_offsets.c.next_offset), 0))).scalar_one()


def command(broker: Broker, stream: Stream, group: str) -> list[str]:
    """The arguments of a sidecar that waits for its batches to be full."""
    topics = [part for topic, kind in stream.kinds.items() for part in ("--topic", f"{topic}={kind}")]
    arguments = ["kafka", "--bootstrap", broker.bootstrap, *topics, "--max-batch", str(MAX_BATCH)]
    arguments += ["--batch-seconds", "60", "--group", group]
    return [*arguments, "--config", "session_timeout_ms=6000", "--config", "heartbeat_interval_ms=300"]


def known_to_kafka(broker: Broker, group: str) -> int:
    """How many messages Kafka takes the group to have read."""
    with closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap)) as admin:
        return sum(offset.offset for offset in admin.list_group_offsets(group)[group].values())


def read_to_the_end(commands: Commands, store: Store, stream: Stream, arguments: list[str]) -> None:
    """Start the last sidecar, and stop it when it has the feed, without which it cannot be stopped, and all is read."""
    last = commands.start(url_of(store), *arguments)
    wait_for(
        lambda: rows(store, "SELECT process_id FROM feeds") == [(last,)] and read_so_far(store) == stream.messages,
        180,
        "the end of the stream",
    )
    os.kill(last, signal.SIGTERM)
    assert commands.exit_code() == 0
    assert one(store, "SELECT count(*) FROM feeds") == 1, "each took the same feed over"


@pytest.mark.parametrize("point", CrashPoint)
def test_a_sidecar_that_dies_at_a_point_leaves_what_an_undisturbed_run_leaves(
    commands: Commands,
    store: Store,
    broker: Broker,
    stream: Stream,
    undisturbed: dict[str, str],
    tmp_path: Path,
    point: CrashPoint,
) -> None:
    group = f"dies-{point}-{store.dialect}"
    arguments = command(broker, stream, group)
    crash_at(commands, store, point, PASSAGE, tmp_path, *arguments).check()
    batches = PASSAGE if point in IS_COMMITTED else PASSAGE - 1
    assert 0 < read_so_far(store) == batches * MAX_BATCH < stream.messages
    if point in IS_COMMITTED:
        assert known_to_kafka(broker, group) < read_so_far(store), "Kafka has not been told"
    read_to_the_end(commands, store, stream, arguments)
    assert hashes(store) == undisturbed


def test_a_sidecar_killed_at_random_leaves_what_an_undisturbed_run_leaves(
    commands: Commands,
    store: Store,
    broker: Broker,
    stream: Stream,
    undisturbed: dict[str, str],
    chance: random.Random,
    many: int,
) -> None:
    """One is killed soon after its start, while it joins or claims; the others when they have come some way."""
    kills = RANDOM_KILLS[store.dialect] * many
    arguments = command(broker, stream, f"random-{store.dialect}")
    for attempt in range(kills):
        sidecar = commands.start(url_of(store), *arguments)
        some_way = stream.messages * attempt // (kills + 1)
        wait_for(lambda way=some_way: read_so_far(store) >= way, 180, f"{some_way} messages", pause=0.002)  # type: ignore[misc]
        time.sleep(chance.uniform(0.0, 0.04 if attempt else 0.6))
        os.kill(sidecar, signal.SIGKILL)
        assert commands.exit_code() == -signal.SIGKILL, "it was killed before its end"
    read_to_the_end(commands, store, stream, arguments)
    assert hashes(store) == undisturbed
