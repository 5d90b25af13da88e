"""What the store holds: ``demo`` and ``load`` fill it, ``export`` writes files, ``status`` says how it is."""

import sys
from datetime import UTC, date, datetime
from enum import Enum, StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ingestion.commands.opening import BAD_INPUT, OTHER_BOOK, REFUSED, fail, opened_store, read_settings
from services.records.record_kinds import RECORD_KINDS

Kind = Enum("Kind", {name: name for name in RECORD_KINDS}, type=str)  # type: ignore[misc]


class Exported(StrEnum):
    SENSITIVITIES = "sensitivities"
    TRADES = "trades"
    QUOTES = "quotes"
    FAILURES = "failures"


class Format(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"


def demo(
    fresh: Annotated[bool, typer.Option(help="Throw the embedded store away first.")] = False,
) -> None:
    """Make the store, and fill an empty one with the demo book."""
    from services.writes.load_demo import holds_another_book, is_empty, load_demo
    from services.writes.load_file import summary_of
    from storage.connection.settings import ROOT

    with opened_store(fresh=fresh) as store:
        if holds_another_book(store):
            raise fail(
                "The store holds a book of your own, and the demo would play its ticks into it. "
                "Start the board with ./run --no-demo.",
                OTHER_BOOK,
            )
        if not is_empty(store):
            typer.echo("The store has data already: they stay as they are.")
            return
        typer.echo("Making the pricing engines ready, which takes some seconds the first time.")
        from engine.pricing.warm_up import warm_up

        warm_up(lambda name: typer.echo(f"{name}: ready"))
        for loaded in load_demo(store, ROOT / "data"):
            typer.echo(summary_of(loaded))


def load(
    kind: Annotated[Kind, typer.Argument(help="What the file holds.")],
    file: Annotated[Path, typer.Argument(help="A CSV, Excel or Parquet file.")],
    good_rows: Annotated[bool, typer.Option("--good-rows", help="Load the good rows although others are bad.")] = False,
) -> None:
    """Load a file; what it changes is priced at once. A bad row refuses the whole file, unless --good-rows."""
    from services.files.file_limits import FileLimits
    from services.pricing.fallback_parameters import fallback_parameters_text
    from services.pricing.pricing_state import PricingState
    from services.writes.load_file import load_file, summary_of

    known = read_settings()
    with opened_store() as store:
        state = PricingState.of(known)
        try:
            loaded = load_file(
                store,
                state,
                kind.value,
                file,
                good_rows=good_rows,
                limits=FileLimits.of(known),
                future_tolerance_seconds=known.future_tolerance_seconds,
            )
        except OSError as error:
            raise fail(f"{file}: {error.strerror}.", BAD_INPUT) from error
        with store.read() as connection:
            by_default = fallback_parameters_text(connection)
    for failure in loaded.failures:
        typer.echo(f"{file}: {failure}", err=True)
    typer.echo(summary_of(loaded))
    if by_default:
        typer.echo(by_default)
    if loaded.failures:
        raise typer.Exit(REFUSED)


def export(
    what: Annotated[Exported, typer.Argument(help="What to write.")],
    as_of: Annotated[str | None, typer.Option("--as-of", help="YYYY-MM-DD; the newest date when missing.")] = None,
    file_format: Annotated[Format, typer.Option("--format", help="The file's format.")] = Format.CSV,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A file; standard output when missing.")] = None,
) -> None:
    """Write sensitivities, trades, quotes or failures as CSV or Parquet."""
    from services.files.spreadsheet_text import harmless
    from storage.read_models.read_models import export_frame

    try:
        day = date.fromisoformat(as_of) if as_of else None
    except ValueError as error:
        raise fail(f"--as-of must be a date like 2020-03-12, it is '{as_of}'.", BAD_INPUT) from error
    with opened_store() as store, store.read() as connection:
        frame = export_frame(connection, what.value, day)
    target = output or sys.stdout.buffer
    try:
        if file_format is Format.CSV:
            texts = frame.select_dtypes(["object", "str"]).columns
            frame[texts] = frame[texts].map(lambda value: harmless(value) if isinstance(value, str) else value)
            frame.to_csv(target, index=False, date_format="%Y-%m-%d")
        else:
            frame.to_parquet(target, index=False)
    except OSError as error:
        if output is None:
            raise
        raise fail(f"{output}: {error.strerror or error}.", BAD_INPUT) from error


def status() -> None:
    """What runs, the last tick, revision and lag, and what is priced, not priced and rejected."""
    from ingestion.sidecar.status_text import status_text
    from services.pricing.fallback_parameters import old_parameters_text
    from storage.read_models.read_models import read_status

    told = read_settings()
    with opened_store() as store, store.read() as connection:
        known = read_status(connection)
        old = old_parameters_text(connection, told.questioned_parameter_days)
    typer.echo(status_text(known, datetime.now(UTC), told.sidecar_silence_seconds))
    if old:
        typer.echo(old)
