"""Random messages for anybody who wants to watch a stream: ``generate trades`` and ``generate quotes``."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingestion.commands.opening import BAD_INPUT, fail, opened_store, read_settings
from services.records.how_many import grouped, how_many

if TYPE_CHECKING:
    from ingestion.generate.market import Market
    from ingestion.generate.send_messages import Send

_FASTEST_APART = timedelta(milliseconds=1)
"""Between the times of two quotes that are sent as fast as it goes."""


class Target(StrEnum):
    KAFKA = "kafka"
    STDOUT = "stdout"


app = typer.Typer(no_args_is_help=True, help="Make random messages that are valid, for a topic of Kafka or a pipe.")

_To = Annotated[Target, typer.Option("--to", help="kafka: a topic. stdout: a line of JSON each.")]
_Rate = Annotated[str, typer.Option("--rate", help="Messages a second, or max (0 means the same).")]
_Count = Annotated[int | None, typer.Option("--count", min=1, help="How many; until Ctrl-C when missing.")]
_Seed = Annotated[int | None, typer.Option("--seed", help="The same messages again, on the same store.")]
_Bootstrap = Annotated[
    str | None, typer.Option("--bootstrap", help="HOST:PORT of the broker; DELTABOARD_KAFKA_BOOTSTRAP when missing.")
]


@app.command()
def trades(
    to: _To = Target.KAFKA,
    rate: _Rate = "1",
    count: _Count = None,
    seed: _Seed = None,
    topic: Annotated[str, typer.Option("--topic", help="The topic, with kafka.")] = "trades",
    bootstrap: _Bootstrap = None,
    american: Annotated[float, typer.Option("--american", min=0, max=1, help="Share of American options.")] = 0.0,
) -> None:
    """Random new trades on the underlyings and books that the store knows (the demo's, where it knows none)."""
    from ingestion.generate.trades import random_trades

    pace = _parsed_rate(rate)
    _send(random_trades(_market(), seed, american), "Ticker", to, pace, count, bootstrap, topic, "trade")


@app.command()
def quotes(
    to: _To = Target.KAFKA,
    rate: _Rate = "10",
    count: _Count = None,
    seed: _Seed = None,
    topic: Annotated[str, typer.Option("--topic", help="The topic, with kafka.")] = "quotes",
    bootstrap: _Bootstrap = None,
) -> None:
    """Random quotes that go on from the newest that the store knows, in time and in price."""
    from ingestion.generate.quotes import random_quotes

    pace = _parsed_rate(rate)
    apart = _FASTEST_APART if pace is None else timedelta(seconds=1 / pace)
    messages = random_quotes(_market(), seed, apart, lambda: datetime.now(UTC))
    _send(messages, "Instrument", to, pace, count, bootstrap, topic, "quote")


def _market() -> "Market":
    from ingestion.generate.market import NoMarket, read_market
    from storage.connection.settings import ROOT

    try:
        with opened_store() as store:
            return read_market(store, ROOT / "data")
    except NoMarket as error:
        raise fail(str(error), BAD_INPUT) from error


def _send(
    messages: Iterator[dict[str, Any]],
    key: str,
    to: Target,
    rate: float | None,
    count: int | None,
    bootstrap: str | None,
    topic: str,
    noun: str,
) -> None:
    from ingestion.generate.send_messages import NotSent, send_paced

    stop = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: stop.set())
    place = bootstrap or read_settings().kafka_bootstrap
    started = time.monotonic()
    try:
        with _opened(to, place, topic) as send:
            started = time.monotonic()
            sent = send_paced(messages, key, send, rate=rate, count=count, stop=stop)
    except NotSent as error:
        raise fail(str(error), BAD_INPUT) from error
    if to is Target.KAFKA:
        seconds = max(time.monotonic() - started, 1e-6)
        pace = f"{grouped(sent / seconds)} a second"
        typer.echo(f"Sent {how_many(sent, noun)} to the topic {topic} at {place} ({pace}).")


@contextmanager
def _opened(to: Target, bootstrap: str, topic: str) -> "Iterator[Send]":
    from ingestion.generate.send_messages import to_kafka, to_lines

    if to is Target.STDOUT:
        yield to_lines(sys.stdout)
    else:
        with to_kafka(bootstrap, topic) as send:
            yield send


def _parsed_rate(text: str) -> float | None:
    """Messages a second; None: as fast as it goes. Ends the command for what is none."""
    if text in ("max", "0"):
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 1e-3 <= rate <= 1e6:
        raise fail(f"--rate must be a number from 0.001 to 1000000, or max; it is '{text}'.", BAD_INPUT)
    return rate
