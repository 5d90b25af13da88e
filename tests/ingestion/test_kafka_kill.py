"""``kill -9`` of the Kafka sidecar at any moment: the store is what an undisturbed run leaves, by hash."""

import hashlib
import json
import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Table, func, select

from launch.kafka_broker import Broker
from storage.database import Store
from storage.schema import (
    books,
    dead_letters,
    partition_offsets,
    pricing_failures,
    quote_history,
    quotes,
    record_versions,
    rejections,
    sensitivities,
    trades,
)
from tests.databases import Templates
from tests.ingestion.crashing import Commands, commands, url_of
from tests.ingestion.kafka_running import KafkaSidecar, one, quote_message, ticket, topic_of
from tests.kafka import Message, fresh_topic, produce

__all__ = ["commands"]

KILLS = {"sqlite": 50, "postgresql": 12}
TRADES, PARTITIONS, MAX_BATCH = 3000, 2, 8
TICKERS = ("OXY", "AAPL", "MSFT", "KO")
COMPARED: tuple[Table, ...] = (
    trades,
    books,
    record_versions,
    quotes,
    quote_history,
    sensitivities,
    pricing_failures,
    dead_letters,
    rejections,
    partition_offsets,
)
OF_THE_RUN = {"revision", "received_at", "recorded_at", "dead_letter_id", "rejection_id", "owner"}

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
        if number >= 1000 and number % 10 == 0:
            earlier = f"T{number - 1000:04d}"
            terms = {"Ticker": TICKERS[number % 4], "Book": "BOOK9", "Strike": 20, "Quantity": number}
            sent.append((earlier.encode(), ticket(earlier, **terms), None))
    produce(broker, of_trades, sent)
    times = [f"2020-07-09T14:{second // 60:02d}:{second % 60:02d}Z" for second in range(600)]
    late = chance.sample(times, 200)
    ticks = [quote_message(round(chance.uniform(10, 60), 2), at, chance.choice(TICKERS[:3])) for at in times]
    ticks += [quote_message(round(chance.uniform(10, 60), 2), at, chance.choice(TICKERS[:3])) for at in late]
    ticks += [quote_message(40.0, "2020-07-09T15:00:00Z", ticker) for ticker in TICKERS[:3]]
    produce(broker, of_quotes, ticks)
    fields = [{"Book": f"BOOK{n}", "Desk": f"D{n}", "BusinessUnit": "U", "Region": "R"} for n in range(5)]
    produce(broker, of_books, [json.dumps(book).encode() for book in fields])
    kinds = {of_trades: "trades", of_quotes: "quotes", of_books: "books"}
    return Stream(kinds, len(sent) + len(ticks) + len(fields))


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


def not_yet(store: Store, sidecar: int, messages: int) -> bool:
    """Whether a sidecar has still to take the feed, which it does when it can be stopped, or messages to be read."""
    return one(store, "SELECT process_id FROM feeds") != sidecar or read_so_far(store) < messages


def test_a_sidecar_killed_at_random_leaves_what_an_undisturbed_run_leaves(
    commands: Commands, store: Store, broker: Broker, stream: Stream, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    """Some are killed soon after their start, while they join or claim; the others when they have come some way."""
    chance, kills = random.Random(7), KILLS[store.dialect]
    topics = [part for topic, kind in stream.kinds.items() for part in ("--topic", f"{topic}={kind}")]
    arguments = ["kafka", "--bootstrap", broker.bootstrap, *topics, "--max-batch", str(MAX_BATCH)]
    arguments += ["--batch-seconds", "0", "--config", "session_timeout_ms=6000"]
    killed_at: list[int] = []
    for attempt in range(kills):
        sidecar = commands.start(url_of(store), *arguments)
        some_way = stream.messages * attempt // (kills + 1) if attempt % 3 else 0
        end = time.monotonic() + 120
        while read_so_far(store) < some_way and time.monotonic() < end:
            time.sleep(0.002)
        time.sleep(chance.uniform(0.0, 0.04 if attempt % 3 else 0.6))
        os.kill(sidecar, signal.SIGKILL)
        assert commands.exit_code() == -signal.SIGKILL, "it was killed before its end"
        killed_at.append(read_so_far(store))
    last = commands.start(url_of(store), *arguments)
    end = time.monotonic() + 120
    while not_yet(store, last, stream.messages) and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(last, signal.SIGTERM)
    assert commands.exit_code() == 0
    middle = {place for place in killed_at if 0 < place < stream.messages}
    assert len(middle) > kills // 3, f"not killed in the middle: {killed_at}"
    assert hashes(store) == undisturbed
    assert one(store, "SELECT count(*) FROM feeds") == 1, "each took the same feed over"
