"""Read a file of records within bounds, whatever its form: every good row as typed values, every bad one and why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.files.file_limits import FileLimits
from services.files.open_table import OpenTable, Rows, open_table
from services.records.faults import BadValue, fault_of
from services.records.read_rows import ReadRecords, Unreadable, heading_of, looked_for, names_text, read_table
from services.records.record_kinds import RECORD_KINDS, RecordKind


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What a file holds. kind is None when its columns are not those of one kind; records has the reason then."""

    kind: str | None
    records: ReadRecords


def read_file(path: Path, kind: str | None, limits: FileLimits, *, one_a_key: bool = True) -> ReadFile:
    """Read a file of a kind of record (a key of ``RECORD_KINDS``; None: the one that its columns fit).

    one_a_key: a key that comes again is a failure; otherwise each of its rows is a record.

    Parquet and Excel workbooks, of which the first sheet is read, are known by their first bytes. All else is text in
    UTF-8, with or without a byte-order mark: separated by tabs where the name ends in .tsv or .tab, else by commas.
    Columns may come in any order. Never raises for what is in the file; raises OSError when there is none.
    """
    try:
        with open_table(path, path.name, limits) as table:
            found = kind or kind_or_refuse(table, table.names)
            return ReadFile(found, read_open_table(table, table.names, RECORD_KINDS[found], one_a_key=one_a_key))
    except Unreadable as unreadable:
        records = ReadRecords()
        records.refuse_whole(unreadable.failure)
        return ReadFile(kind, records)


def read_open_table(
    table: OpenTable,
    names: Sequence[str],
    kind: RecordKind,
    watched: Callable[[Rows], Rows] = lambda rows: rows,
    *,
    one_a_key: bool = True,
) -> ReadRecords:
    """The records of a table under these names of its columns. watched: is handed the rows, and hands them on.

    one_a_key: as in ``read_file``. Raises Unreadable.
    """
    heading = heading_of(names, kind)
    if heading.fault(kind) is not None:
        return read_table(names, (), kind, place=table.place, where=table.where)
    places = [position for position, _ in heading.columns] if table.is_columnar else list(range(len(names)))
    rows = watched(table.rows_of(places))
    read = read_table([names[at] for at in places], rows, kind, place=table.place, one_a_key=one_a_key)
    read.left_aside = list(heading.left_aside)
    return read


def kind_of(names: Sequence[str], where: str = "") -> str:
    """The one kind whose required columns are all there. where: the names stand, for people.

    Raises BadValue with what was found and what is needed.
    """
    fitting = [kind.name for kind in RECORD_KINDS.values() if heading_of(names, kind).fault(kind) is None]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise BadValue(f"the columns fit {' and '.join(fitting)}", "say which of them the file holds")
    needs = "; ".join(f"{kind.name} need {', '.join(_required(kind))}" for kind in RECORD_KINDS.values())
    raise BadValue(
        f"the columns fit no kind of record. Found: {names_text(names)}",
        f"say which kind the file holds, or name the columns: {needs}{looked_for(where)}",
    )


def _required(kind: RecordKind) -> list[str]:
    return [column.name for column in kind.columns if column.required]


def kind_or_refuse(table: OpenTable, names: Sequence[str]) -> str:
    """The kind that these names of a table's columns fit. Raises Unreadable with what was found, and where."""
    try:
        return kind_of(names, table.where)
    except ValueError as error:
        raise Unreadable(1, fault_of(error), table.place) from error
