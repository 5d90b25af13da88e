"""From Kafka to committed and priced: how many a second, how soon, and how soon again after a kill."""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from statistics import fmean
from typing import Any

from sqlalchemy import func, select

from benchmarks.books import DATA
from benchmarks.results import Result, result_of
from benchmarks.store.postgresql import postgresql
from benchmarks.store.streaming import Message, Progress, Stream, stream
from ingestion.generate.market import read_market
from ingestion.generate.quotes import random_quotes
from ingestion.generate.trades import random_trades
from launch.components import find_postgresql
from launch.kafka_broker import Broker
from launch.messages import Refusal
from storage.core.schema import trades as trades_table

NAME = "kafka_trades"
_TRADES, _AMERICANS, _QUOTES, _ONE_BY_ONE, _KILLS = 20_000, 10_000, 20_000, 50, 5
_QUICK_SHARE = 4
"""A quick run does this part of the work: still several batches of each."""
_TOPICS = {"quotes": "quotes", "trades": "trades", "changes": "trades", "americans": "trades", "single": "trades"}
_PAUSE_SECONDS = 0.05
_SEED = 20200309


def run(quick: bool) -> list[Result]:
    """The real sidecar between a real broker and each database, with the demo's 10,000 trades."""
    by_case: dict[str, list[Result]] = {}
    with ExitStack() as opened:
        try:
            broker = opened.enter_context(Broker())
        except Refusal as refusal:
            print(f"Kafka is not there, nothing is measured with it: {refusal}", flush=True)
            return []
        urls: dict[str, str | None] = {"SQLite": None}
        programs = find_postgresql()
        if programs is None:
            print("PostgreSQL is not there: it is not measured.", flush=True)
        else:
            urls["PostgreSQL"] = opened.enter_context(postgresql(programs))
        for way, url in urls.items():
            with stream(broker, url, _TOPICS, way.lower()) as found:
                for result in _measured(found, quick):
                    named = replace(result, way=f"{way}{result.way}")
                    by_case.setdefault(result.case, []).append(named)
    return [result for results in by_case.values() for result in results]


def _measured(found: Stream, quick: bool) -> Iterator[Result]:
    """Each case in turn. What needs the demo's 10,000 trades as they are comes first: the other cases add to them."""
    share = _QUICK_SHARE if quick else 1
    market = read_market(found.store, DATA)
    some_trades = list(islice(random_trades(market, _SEED, 0.0), _TRADES // share))
    changes = ({**trade, "Quantity": trade["Quantity"] + 5} for trade in some_trades)
    americans = islice(random_trades(market, _SEED + 1, 1.0), _AMERICANS // share)
    singles = _messages(random_trades(market, _SEED + 2, 0.0), "TradeId")
    apart = timedelta(milliseconds=1)
    quotes = _messages(random_quotes(market, _SEED, apart, lambda: datetime.now(UTC)), "Instrument")

    _until_committed(found, "single", singles)  # the sidecar has started
    yield from _worked_off(found, "1,000 quotes of 20 shares", "quotes", islice(quotes, _QUOTES // share))
    for case, topic, messages in (
        ("one quote, from sent to committed", "quotes", quotes),
        ("one trade, from sent to committed and priced", "single", singles),
    ):
        times = []
        for _ in range(_ONE_BY_ONE // share):
            time.sleep(_PAUSE_SECONDS)
            times.append(_until_committed(found, topic, messages))
        yield result_of(NAME, case, "", times)
    yield _after_kills(found, singles, max(1, _KILLS // share))
    for case, topic, rows in (
        ("1,000 new European trades", "trades", iter(some_trades)),
        ("1,000 changes of quantity, European trades", "changes", changes),
        ("1,000 new American trades", "americans", americans),
    ):
        yield from _worked_off(found, case, topic, _messages(rows, "TradeId"))


def _worked_off(found: Stream, case: str, topic: str, messages: Iterable[Message]) -> Iterator[Result]:
    """Milliseconds for 1,000 messages, batch by batch. The first batch is left out: it waited for the others."""
    waiting = list(messages)
    with found.store.read() as connection:
        known = connection.execute(select(func.count()).select_from(trades_table)).scalar_one()
    steps = [step for step in found.work_off(topic, waiting) if step.messages]
    times = [_for_1000(before, after, after.at - before.at) for before, after in pairwise(steps)]
    first, last = steps[0], steps[-1]
    rate = 1e6 / _for_1000(first, last, last.at - first.at)
    size = fmean(len(value) for _, value in waiting)
    yield result_of(NAME, case, "", times, f"{rate:,.0f} a second; {size:.0f} bytes each; {known:,} known trades")
    if first.worked is not None and last.worked is not None:
        worked = _for_1000(first, last, last.worked - first.worked)
        yield result_of(NAME, case, ", processor time of the sidecar", [worked], "mean; all its threads")


def _until_committed(found: Stream, topic: str, messages: Iterator[Message]) -> float:
    """Milliseconds from handing a message to the producer until it is seen in the store."""
    wanted = found.committed(topic) + 1
    started = time.perf_counter()
    found.send(topic, [next(messages)])
    found.wait_committed(topic, wanted)
    return (time.perf_counter() - started) * 1000.0


def _after_kills(found: Stream, messages: Iterator[Message], kills: int) -> Result:
    times = []
    for _ in range(kills):
        time.sleep(_PAUSE_SECONDS)
        started = time.perf_counter()
        found.kill()
        found.start()
        _until_committed(found, "single", messages)
        times.append((time.perf_counter() - started) * 1000.0)
    return result_of(NAME, "kill -9, from the kill to the first trade committed by the next sidecar", "", times)


def _for_1000(before: Progress, after: Progress, seconds: float) -> float:
    """Milliseconds for 1,000 messages, where those between two moments took so many seconds."""
    return seconds * 1e6 / (after.messages - before.messages)


def _messages(rows: Iterable[dict[str, Any]], key: str) -> Iterator[Message]:
    return ((row[key], json.dumps(row, separators=(",", ":")).encode()) for row in rows)
