"""``append`` brings in one row from the command line, or rows from standard input for as long as they come."""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ingestion.commands.contents import Kind
from ingestion.commands.opening import BAD_INPUT, REFUSED, fail, opened_store, read_settings
from services.records.how_many import grouped
from services.records.record_kinds import RECORD_KINDS, RecordKind

if TYPE_CHECKING:
    from services.records.read_rows import ReadRecords
    from services.writes.append import Row
    from storage.connection.settings import Settings


def append(
    kind: Annotated[Kind, typer.Argument(help="What the rows are.")],
    values: Annotated[
        list[str] | None,
        typer.Argument(help="A row: values in the order of the columns, or Name=value. Without: standard input."),
    ] = None,
) -> None:
    """Append a row, or what comes by standard input: lines of CSV or JSON, or a whole Excel or Parquet file.

    Good rows go in, bad ones are named.
    """
    from services.pricing.fallback_parameters import fallback_parameters_text
    from services.pricing.pricing_state import PricingState
    from services.records.read_rows import left_aside_text
    from services.writes.append import append_read

    known, told = RECORD_KINDS[kind.value], read_settings()
    row = _row(values, known) if values else None
    left_aside: dict[str, None] = {}
    total = dict.fromkeys(("new", "changed", "unchanged", "late", "refused"), 0)
    with opened_store() as store:
        state = PricingState.of(told)
        try:
            for read in _rows(row, known, told):
                appended = append_read(
                    store, state, known.name, read, future_tolerance_seconds=told.future_tolerance_seconds
                )
                for failure in appended.failures:
                    typer.echo(str(failure), err=True)
                for warning in appended.warnings:
                    typer.echo(f"warning: {warning}", err=True)
                left_aside.update(dict.fromkeys(appended.left_aside))
                for name in total:
                    total[name] += getattr(appended, name)
        finally:
            if left_aside:
                typer.echo(left_aside_text(left_aside, known), err=True)
            typer.echo(f"{known.name}: {', '.join(f'{grouped(count)} {name}' for name, count in total.items())}")
        with store.read() as connection:
            by_default = fallback_parameters_text(connection)
    if by_default:
        typer.echo(by_default)
    if total["refused"]:
        raise typer.Exit(REFUSED)


def _rows(row: "Row | None", kind: RecordKind, told: "Settings") -> "Iterator[ReadRecords]":
    from ingestion.standard_input import rows_of_input
    from services.files.file_limits import FileLimits
    from services.writes.append import read_appended

    if row is not None:
        yield read_appended(kind.name, [(1, row)], place="line")
        return
    # The raw stream gives what is there, and holds no lock while it waits for more.
    stream = sys.stdin.buffer
    yield from rows_of_input(getattr(stream, "raw", stream).read, kind, FileLimits.of(told))


def _row(values: Sequence[str], kind: RecordKind) -> "Row":
    """A row as it was typed: in order, or by name when the first value names a column."""
    columns = {column.name.lower() for column in kind.columns}
    if "=" not in values[0] or values[0].split("=")[0].lower() not in columns:
        return values
    row: dict[str, str] = {}
    for value in values:
        name, sign, text = value.partition("=")
        if not sign or name.lower() not in columns:
            names = ", ".join(column.name for column in kind.columns)
            raise fail(f"'{value}' names no column of {kind.name}: write Name=value, with {names}.", BAD_INPUT)
        row[name] = text
    return row
