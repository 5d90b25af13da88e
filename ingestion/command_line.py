"""The commands of ``python -m ingestion``: each reads its arguments, calls one service, and says what came of it.

What only some commands need is imported where they need it: asking for help must not wait for the pricing engines.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from enum import Enum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.record_kinds import RECORD_KINDS

if TYPE_CHECKING:
    from storage.database import Store
    from storage.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Deltaboard's sidecar: brings data into the store and prices what depends on it.",
)

_UNREADABLE, _BAD_INPUT, _TAKEN = 3, 2, 4

Kind = Enum("Kind", {name: name for name in RECORD_KINDS}, type=str)  # type: ignore[misc]


class Exported(StrEnum):
    SENSITIVITIES = "sensitivities"
    TRADES = "trades"
    QUOTES = "quotes"
    FAILURES = "failures"


class Format(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"


class Wish(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    RESTART = "restart"
    SPEED = "speed"


def _fail(message: str, code: int) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(code)


def _settings() -> "Settings":
    from pydantic import ValidationError

    from storage.settings import settings

    try:
        return settings()
    except ValidationError as error:
        wrong = error.errors()[0]
        name = ".".join(str(part) for part in wrong["loc"]).upper()
        raise _fail(f"The setting {name} is '{wrong['input']}': {wrong['msg']}.", _BAD_INPUT) from error


@contextmanager
def _opened_store(*, fresh: bool = False) -> Iterator["Store"]:
    """The store of the settings, brought to the newest schema. A store that cannot be read ends the command."""
    from storage.database import STORE_AWAY, Store, StoreUnreadable

    try:
        store = Store(_settings().database_url)
    except StoreUnreadable as error:
        raise _fail(str(error), _UNREADABLE) from error
    try:
        if fresh:
            _throw_away(store)
        store.migrate()
        yield store
    except StoreUnreadable as error:
        raise _fail(str(error), _UNREADABLE) from error
    except STORE_AWAY as error:
        raise _fail(str(store.unreadable(error)), _UNREADABLE) from error
    finally:
        store.close()


def _throw_away(store: "Store") -> None:
    if store.dialect != "sqlite" or not store.url.database:
        raise _fail(
            "--fresh throws away the embedded SQLite store only; empty a PostgreSQL database yourself.", _BAD_INPUT
        )
    path = Path(store.url.database)
    try:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise _fail(f"{path} cannot be thrown away: {error.strerror}.", _UNREADABLE) from error


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise _fail(f"The speed must be a number above 0, or max; it is '{text}'.", _BAD_INPUT)
    return speed


@app.command()
def demo(
    fresh: Annotated[bool, typer.Option(help="Throw the embedded store away first.")] = False,
) -> None:
    """Make the store, and fill an empty one with the demo book."""
    from services.load_demo import is_empty, load_demo
    from services.load_file import summary_of
    from storage.settings import ROOT

    with _opened_store(fresh=fresh) as store:
        if not is_empty(store):
            typer.echo("The store has data already: they stay as they are.")
            return
        for loaded in load_demo(store, ROOT / "data"):
            typer.echo(summary_of(loaded))


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="Ticks: AsOfDate (UTC) and a column a ticker.")],
    speed: Annotated[str, typer.Option(help="How many times as fast as it was; max does not wait.")] = "100",
    once: Annotated[bool, typer.Option("--once", help="Play to the end and stop.")] = False,
) -> None:
    """Run the sidecar with the tick replay, from where it was."""
    from engine.warm_up import warm_up
    from ingestion.logs import log_to_stderr
    from ingestion.replay import ReplayFileFault, read_ticks
    from ingestion.runner import ReplaySidecar
    from storage.feeds import FeedLost, FeedTaken

    log_to_stderr(_settings().log_level)
    pace = _speed(speed)
    try:
        rows = read_ticks(file)
    except ReplayFileFault as error:
        raise _fail(str(error), _BAD_INPUT) from error
    except OSError as error:
        raise _fail(f"{file}: {error.strerror}.", _BAD_INPUT) from error
    with _opened_store() as store:
        warm_up()
        stop = threading.Event()
        for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), lambda *_: stop.set())
        try:
            ReplaySidecar(store, _settings(), rows, speed=pace, once=once).run(stop)
        except (FeedTaken, FeedLost) as error:
            raise _fail(str(error), _TAKEN) from error


@app.command()
def load(
    kind: Annotated[Kind, typer.Argument(help="What the file holds.")],
    file: Annotated[Path, typer.Argument(help="A CSV file.")],
    good_rows: Annotated[bool, typer.Option("--good-rows", help="Load the good rows although others are bad.")] = False,
) -> None:
    """Load a file; what it changes is priced at once. A bad row refuses the whole file, unless --good-rows."""
    from services.load_file import load_file, summary_of
    from services.pricing_state import PricingState

    with _opened_store() as store:
        try:
            loaded = load_file(store, PricingState(), kind.value, file, good_rows=good_rows)
        except OSError as error:
            raise _fail(f"{file}: {error.strerror}.", _BAD_INPUT) from error
    for failure in loaded.failures:
        typer.echo(f"{file}: {failure}", err=True)
    typer.echo(summary_of(loaded))
    if loaded.failures:
        raise typer.Exit(1)


@app.command()
def export(
    what: Annotated[Exported, typer.Argument(help="What to write.")],
    as_of: Annotated[str | None, typer.Option("--as-of", help="YYYY-MM-DD; the newest date when missing.")] = None,
    file_format: Annotated[Format, typer.Option("--format", help="The file's format.")] = Format.CSV,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A file; standard output when missing.")] = None,
) -> None:
    """Write sensitivities, trades, quotes or failures as CSV or Parquet."""
    from storage.read_models import export_frame

    try:
        day = date.fromisoformat(as_of) if as_of else None
    except ValueError as error:
        raise _fail(f"--as-of must be a date like 2020-03-12, it is '{as_of}'.", _BAD_INPUT) from error
    with _opened_store() as store, store.read() as connection:
        frame = export_frame(connection, what.value, day)
    target = output or sys.stdout.buffer
    try:
        if file_format is Format.CSV:
            frame.to_csv(target, index=False, date_format="%Y-%m-%d")
        else:
            frame.to_parquet(target, index=False)
    except OSError as error:
        if output is None:
            raise
        raise _fail(f"{output}: {error.strerror or error}.", _BAD_INPUT) from error


@app.command()
def control(
    wish: Annotated[Wish, typer.Argument(help="What the replay is to do.")],
    value: Annotated[str | None, typer.Argument(help="For speed: a number, or max.")] = None,
    feed: Annotated[str | None, typer.Option(help="Which feed; replay when missing.")] = None,
) -> None:
    """Pause, resume or restart the replay, or set its speed."""
    from services.control_feed import UnknownFeed, pause_feed, restart_feed, resume_feed, set_feed_speed
    from storage.feeds import REPLAY

    pace = _speed(value or "") if wish is Wish.SPEED else None
    with _opened_store() as store:
        try:
            if wish is Wish.SPEED:
                set_feed_speed(store, feed or REPLAY, pace)
            else:
                wishes = {Wish.PAUSE: pause_feed, Wish.RESUME: resume_feed, Wish.RESTART: restart_feed}
                wishes[wish](store, feed or REPLAY)
        except UnknownFeed as error:
            raise _fail(str(error), _BAD_INPUT) from error


@app.command()
def status() -> None:
    """What runs, the last tick, revision and lag, and what is priced, not priced and rejected."""
    from ingestion.status_text import status_text
    from storage.read_models import read_status

    with _opened_store() as store, store.read() as connection:
        known = read_status(connection)
    typer.echo(status_text(known, datetime.now(UTC), _settings().sidecar_silence_seconds))
