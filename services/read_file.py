"""Read a file of records, CSV or Parquet, within bounds: every good row as typed values, every bad one and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from services.csv_rows import csv_rows, delimiter_of, lines_of, named_rows, too_large
from services.parquet_rows import MAGIC, ParquetRows
from services.read_rows import ReadRecords, RowFailure, Unreadable, heading_of, read_table
from services.record_kinds import RECORD_KINDS, RecordKind
from storage.settings import Settings

_PARQUET_NAMES = {".parquet", ".pq"}
_EXCEL = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How much one file may hold. bytes: as it lies there, and unpacked."""

    bytes: int = 500_000_000
    rows: int = 1_000_000
    columns: int = 200

    @classmethod
    def of(cls, settings: Settings) -> "FileLimits":
        return cls(int(settings.file_megabytes * 1e6), settings.file_rows, settings.file_columns)


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What a file holds. kind is None when its columns are not those of one kind; records has the reason then."""

    kind: str | None
    records: ReadRecords


def read_file(path: Path, kind: str | None, limits: FileLimits) -> ReadFile:
    """Read a file of a kind of record (a key of ``RECORD_KINDS``; None: the one that its columns fit).

    Parquet is known by its first bytes. All else is text in UTF-8, with or without a byte-order mark: separated by tabs
    where the name ends in .tsv or .tab, else by commas. Columns may come in any order. Never raises for what is in
    the file; raises OSError when there is none.
    """
    with path.open("rb") as file:
        start = file.peek(len(MAGIC))
        try:
            if path.stat().st_size > limits.bytes:
                raise Unreadable(1, too_large(limits.bytes))
            if start.startswith(MAGIC):
                return _read_parquet(path, kind, limits)
            if path.suffix.lower() in _PARQUET_NAMES:
                raise Unreadable(1, "not a Parquet file: write it again", "row")
            if start.startswith(_EXCEL):
                raise Unreadable(1, "an Excel workbook or an archive: save the sheet as CSV UTF-8")
            return _read_text(file, kind, limits, delimiter_of(path.suffix))
        except Unreadable as unreadable:
            return _refused(kind, unreadable.failure)


def kind_of(names: Sequence[str]) -> str:
    """The one kind whose required columns are all there. Raises ValueError with what was found and what is needed."""
    fitting = [kind.name for kind in RECORD_KINDS.values() if heading_of(names, kind).fault(kind) is None]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ValueError(f"the columns fit {' and '.join(fitting)}: say which of them the file holds")
    found = ", ".join(names[:20]) + (f" and {len(names) - 20:,} more" if len(names) > 20 else "")
    needs = "; ".join(f"{kind.name} need {', '.join(_required(kind))}" for kind in RECORD_KINDS.values())
    raise ValueError(f"the columns fit no kind of record. Found: {found or 'none'}. {needs[0].upper()}{needs[1:]}")


def _required(kind: RecordKind) -> list[str]:
    return [column.name for column in kind.columns if column.required]


def _read_text(file: BufferedReader, kind: str | None, limits: FileLimits, delimiter: str) -> ReadFile:
    line, names, rows = named_rows(csv_rows(lines_of(file, limits.bytes), limits.columns, delimiter), limits.rows)
    found = kind or _kind_or_refuse(names, line, "line")
    return ReadFile(found, read_table(names, rows, RECORD_KINDS[found]))


def _read_parquet(path: Path, kind: str | None, limits: FileLimits) -> ReadFile:
    table = ParquetRows(path, limits.bytes, limits.rows, limits.columns)
    try:
        found = kind or _kind_or_refuse(table.names, 1, "row")
        heading = heading_of(table.names, RECORD_KINDS[found])
        wanted = [position for position, _ in heading.columns]
        faulty = heading.fault(RECORD_KINDS[found]) is not None
        names = table.names if faulty else [table.names[position] for position in wanted]
        records = read_table(names, () if faulty else table.rows(wanted), RECORD_KINDS[found], place="row")
        records.left_aside = list(heading.left_aside)
        return ReadFile(found, records)
    finally:
        table.close()


def _kind_or_refuse(names: Sequence[str], line: int, place: str) -> str:
    try:
        return kind_of(names)
    except ValueError as error:
        raise Unreadable(line, str(error), place) from error


def _refused(kind: str | None, failure: RowFailure) -> ReadFile:
    records = ReadRecords()
    records.refuse([failure])
    return ReadFile(kind, records)
