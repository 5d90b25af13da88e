"""Turn rows into records of a kind: every good row as typed values, every bad one with column, value and reason."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from services.records.faults import BadValue, Fault, Questioned, fault_of
from services.records.faulty_cell import FaultyCell
from services.records.how_many import grouped, how_many
from services.records.read_dates import MIDNIGHT, MIDNIGHTS, day_of_midnight
from services.records.read_values import shown
from services.records.record_kinds import FileColumn, Record, RecordKind

_MOST_FAILURES = 10_000
"""So many are kept; the others of a file that is wrong throughout are counted."""
_PLANS_KEPT, _LONGEST_NAMES = 256, 4_000
_MOST_NAMES = 20
_REQUIRED, _EMPTIES, _SAYS_NOTHING = range(3)


@dataclass(frozen=True, slots=True)
class CellFault:
    """What is wrong with one value of a row. column is "" when the whole row is meant."""

    column: str
    value: str
    reason: str
    remediation: str = ""

    @property
    def message(self) -> str:
        """The reason and the remediation as one text."""
        return str(Fault(self.reason, self.remediation))


@dataclass(frozen=True, slots=True)
class RowFailure:
    """A row that cannot be taken. column is "" when the whole row or file is meant; place: "line" or "row".

    reason: why; remediation: how to fix it, "" where nothing but the reason is known.
    """

    line: int
    column: str
    value: str
    reason: str
    place: str = "line"
    remediation: str = ""

    @property
    def message(self) -> str:
        """The reason and the remediation as one text."""
        return str(Fault(self.reason, self.remediation))

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        printable = self.value if self.value.isprintable() else ascii(self.value)[1:-1]
        value = f", value '{printable}'" if self.value else ""
        return f"{self.place} {self.line}{column}{value}: {self.message}"


class Unreadable(Exception):
    """What comes is no table, or too much of one; nothing after this place can be read."""

    def __init__(self, line: int, fault: str | Fault, place: str = "line") -> None:
        super().__init__(str(fault))
        reason, remediation = fault if isinstance(fault, Fault) else (fault, "")
        self.failure = RowFailure(line, "", "", reason, place, remediation)


@dataclass(slots=True)
class ReadRecords:
    """What rows hold: the good records (field -> value) with their lines, and the failures.

    place: what the numbers in ``lines`` count, lines or rows. left_aside: columns that the kind does not know.
    more_failures: how many are not in the list. failed_rows: how many rows are not taken. is_refused_whole: the one
    failure is that of the table.
    """

    records: list[Record] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    failures: list[RowFailure] = field(default_factory=list)
    left_aside: list[str] = field(default_factory=list)
    more_failures: int = 0
    failed_rows: int = 0
    place: str = "line"
    is_refused_whole: bool = False
    remarks: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """(column, remark) -> how many values it is about, and the line of the first."""

    @property
    def warnings(self) -> list[str]:
        """What to look at in values that are taken, for people."""
        return [
            f"{column}: {remark} ({how_many(count, 'row')}, the first in {self.place} {line})"
            for (column, remark), (count, line) in self.remarks.items()
        ]

    def remark(self, line: int, remarks: Iterable[tuple[str, str]]) -> None:
        """Note remarks, as (column, remark), on a row that is taken."""
        for remark in remarks:
            self.remarks.setdefault(remark, [0, line])[0] += 1

    def take_midnights(self) -> None:
        """Take observations that are all doubtful midnights as days: as instants they would change earlier closes."""
        doubtful = self.remarks.get(("AsOfDate", MIDNIGHT), (0, 0))
        if not self.records or doubtful[0] != len(self.records):
            return
        self.remarks = {("AsOfDate", MIDNIGHTS): [*doubtful], **self.remarks}
        del self.remarks["AsOfDate", MIDNIGHT]
        rows = list(zip(self.records, self.lines, strict=True))
        self.records, self.lines = [], []
        for record, line in rows:
            try:
                day = day_of_midnight(record["as_of_date"])
            except BadValue as error:
                value = shown(record["as_of_date"])
                self.refuse(
                    [RowFailure(line, "AsOfDate", value, error.fault.reason, self.place, error.fault.remediation)]
                )
                continue
            self.records.append({**record, "as_of_date": day})
            self.lines.append(line)
        self.failures.sort(key=lambda failure: failure.line)

    @property
    def places(self) -> list[str]:
        """Where each record was, for people."""
        return [f"{self.place} {line}" for line in self.lines]

    def refuse(self, failures: Sequence[RowFailure]) -> None:
        """Note a row (or a whole file) that is not taken, and why."""
        self.failed_rows += 1
        room = max(_MOST_FAILURES - len(self.failures), 0)
        self.failures += failures[:room]
        self.more_failures += len(failures[room:])

    def refuse_whole(self, failure: RowFailure) -> None:
        """Note that the table is not taken, and why."""
        self.refuse([failure])
        self.is_refused_whole = True


@dataclass(frozen=True, slots=True)
class Heading:
    """What the names of a table's columns mean for a kind of record.

    columns: (position, column). absent: required columns that are not there. repeated: names that stand twice.
    names: all of them.
    """

    columns: tuple[tuple[int, FileColumn], ...]
    absent: tuple[str, ...]
    repeated: tuple[str, ...]
    left_aside: tuple[str, ...]
    names: tuple[str, ...] = ()

    def fault(self, kind: RecordKind, where: str = "") -> Fault | None:
        """Why no row under these names can be read, or None. where: the names stand, for people."""
        if not (self.absent or self.repeated):
            return None
        known = f"{kind.name} have the columns {', '.join(column.name for column in kind.columns)}"
        if not self.absent:
            return Fault(f"column {', '.join(self.repeated)} stands twice", known)
        if self.names and self.names[0].lower().startswith("sep="):
            known = f"remove this line; {known}"
        reason = f"no column {', '.join(self.absent)}. Found: {names_text(self.names)}"
        return Fault(reason, f"{known}{looked_for(where)}")


def heading_of(names: Sequence[str], kind: RecordKind) -> Heading:
    """Find a kind's columns: by their names, else in another letter case, else by their other names."""
    ranks = _ranks(kind)
    found: dict[str, tuple[int, int, FileColumn]] = {}
    repeated: list[str] = []
    for position, name in enumerate(names):
        match = ranks.get(name) or ranks.get(name.lower())
        if match is None:
            continue
        rank, column = match
        known = found.get(column.field)
        if known is not None and known[0] == rank:
            repeated.append(name)
        elif known is None or rank < known[0]:
            found[column.field] = (rank, position, column)
    taken = {position for _, position, _ in found.values()}
    return Heading(
        tuple((found[column.field][1], column) for column in kind.columns if column.field in found),
        tuple(column.name for column in kind.columns if column.required and column.field not in found),
        tuple(dict.fromkeys(repeated)),
        tuple(shown(name) for position, name in enumerate(names) if position not in taken and name),
        tuple(names),
    )


def names_text(names: Sequence[str]) -> str:
    """What was read as the names of columns, for people."""
    known = [shown(name) for name in names if name]
    more = f" and {grouped(len(known) - _MOST_NAMES)} more" if known[_MOST_NAMES:] else ""
    return ", ".join(known[:_MOST_NAMES]) + more or "nothing"


def looked_for(where: str) -> str:
    """Where the names of columns must stand, for the end of a sentence."""
    return f" (the names are looked for in {where})" if where else ""


def cleaned_name(cell: Any) -> str:
    """The name of a column as a table has it, without white space around it and without invisible characters."""
    text = "" if cell is None else str(cell)
    return "".join(sign for sign in " ".join(text.split()) if sign.isprintable())


def left_aside_text(names: Iterable[str], kind: RecordKind) -> str:
    """The columns that were left aside, for people, with what to do about the obvious ones; "" when there are none."""
    parts = [f"{name}; {hint}" if (hint := kind.hints.get(name.lower())) else name for name in names]
    listed = parts[:10] + ([f"{grouped(len(parts) - 10)} more"] if len(parts) > 10 else [])
    return f"left aside: {', '.join(listed)}" if parts else ""


def record_of(
    values: Mapping[str, Any], kind: RecordKind, remarks: list[tuple[str, str]] | None = None
) -> tuple[Record | None, list[CellFault]]:
    """Read a row of named values (str, int, float, bool, None; anything nested is a fault): the record, or why not.

    Numbers are taken as numbers. Names are those of files, in any letter case; unknown ones are left aside. None and
    the empty text are missing values. remarks: takes (column, remark) of values that are taken with a word.
    """
    plan, heading = _plan_of_names(values, kind)
    faults = [CellFault(name, "", "is missing", "fill it in") for name in heading.absent]
    faults += [CellFault(name, "", "stands twice, in other letters", "keep one") for name in heading.repeated]
    return _read(values, plan, kind, faults, remarks if remarks is not None else []), faults


def read_mappings(
    rows: Iterable[tuple[int, Mapping[str, Any]]], kind: RecordKind, *, place: str = "row"
) -> ReadRecords:
    """Read numbered rows of named values. Rows of one key may follow each other, as in a stream."""
    result = ReadRecords(place=place)
    aside: dict[str, None] = {}
    for number, values in rows:
        remarks: list[tuple[str, str]] = []
        record, faults = record_of(values, kind, remarks)
        if record is None:
            result.refuse([RowFailure(number, f.column, f.value, f.reason, place, f.remediation) for f in faults])
        else:
            result.records.append(record)
            result.lines.append(number)
            result.remark(number, remarks)
        if len(aside) < _PLANS_KEPT:
            aside.update(dict.fromkeys(_plan_of_names(values, kind)[1].left_aside))
    result.left_aside = list(aside)
    result.take_midnights()
    return result


def read_table(
    names: Sequence[str],
    rows: Iterable[tuple[int, Sequence[Any]]],
    kind: RecordKind,
    *,
    place: str = "line",
    where: str = "line 1",
    one_a_key: bool = True,
) -> ReadRecords:
    """Read numbered rows of cells under named columns, which stand ``where``. one_a_key: a key that comes again is a
    failure.

    Never raises for what the rows hold. Where the iterator raises Unreadable nothing of the table is taken: what came
    before may be as wrong as what cannot be read.
    """
    result = ReadRecords(place=place)
    heading = heading_of(names, kind)
    if (fault := heading.fault(kind, where)) is not None:
        result.refuse_whole(RowFailure(1, "", "", fault.reason, place, fault.remediation))
        return result
    result.left_aside = list(heading.left_aside)
    plan = _plan(kind, [(position, column) for position, column in heading.columns])
    seen: dict[tuple[Any, ...], int] = {}
    width = len(names)
    try:
        for line, cells in rows:
            if len(cells) != width:
                if any(not isinstance(cell, str) or cell.strip() for cell in cells):
                    reason = f"{len(cells)} values for {width} columns"
                    result.refuse([RowFailure(line, "", "", reason, place, "look for a missing or extra comma")])
                continue
            faults: list[CellFault] = []
            remarks: list[tuple[str, str]] = []
            record = _read(cells, plan, kind, faults, remarks)
            if record is not None and one_a_key:
                key = tuple([record[name] for name in kind.key])
                if (first := seen.setdefault(key, line)) != line:
                    columns = ", ".join(column.name for column in kind.columns if column.field in kind.key)
                    value = ", ".join(str(part) for part in key)
                    faults.append(CellFault(columns, value, f"stands in {place} {first} already", "keep one"))
            if record is None or faults:
                result.refuse([RowFailure(line, f.column, f.value, f.reason, place, f.remediation) for f in faults])
                continue
            result.records.append(record)
            result.lines.append(line)
            result.remark(line, remarks)
    except Unreadable as unreadable:
        result.records.clear()
        result.lines.clear()
        result.remarks.clear()
        result.refuse_whole(unreadable.failure)
    result.take_midnights()
    return result


_Plan = tuple[tuple[Any, FileColumn, Any, str, int], ...]
"""For each column: where its value stands in the row, itself, its parse and field, and what an empty value means."""


def _plan(kind: RecordKind, columns: Iterable[tuple[Any, FileColumn]]) -> _Plan:
    return tuple((at, column, column.parse, column.field, _when_empty(kind, column)) for at, column in columns)


def _when_empty(kind: RecordKind, column: FileColumn) -> int:
    if column.required:
        return _REQUIRED
    return _SAYS_NOTHING if kind.empty_is_unknown or column.default is not None else _EMPTIES


def _read(
    values: Any, plan: _Plan, kind: RecordKind, faults: list[CellFault], remarks: list[tuple[str, str]]
) -> Record | None:
    """The record of a row, or None and the faults. This is the loop that every cell of every file goes through."""
    record: Record = {}
    for at, column, parse, name, when_empty in plan:
        value = values[at]
        if value.__class__ is str:
            value = value.strip()
        if value is None or (value.__class__ is str and not value):
            if when_empty == _REQUIRED:
                faults.append(CellFault(column.name, "", "must not be empty", "fill it in"))
            elif when_empty == _EMPTIES:
                record[name] = None
            continue
        try:
            read = parse(value)
            if read.__class__ is Questioned:
                read, remark = read
                remarks.append((column.name, remark))
            record[name] = read
        except ValueError as error:
            fault_here = value.fault if isinstance(value, FaultyCell) else fault_of(error)
            faults.append(CellFault(column.name, shown(value), *fault_here))
    if not faults and kind.complete is not None and (fault := kind.complete(record)) is not None:
        faults.append(CellFault(fault[0], "", *fault[1]))
    return None if faults else record


@lru_cache(maxsize=64)
def _ranks(kind: RecordKind) -> dict[str, tuple[int, FileColumn]]:
    """Every name that means a column, as (rank, column); the smallest rank of those in a table counts."""
    ranks: dict[str, tuple[int, FileColumn]] = {}
    for column in kind.columns:
        for name in column.other_names:
            ranks[name] = ranks[name.lower()] = (2, column)
    for column in kind.columns:
        ranks[column.name.lower()] = (1, column)
    for column in kind.columns:
        ranks[column.name] = (0, column)
    return ranks


@lru_cache(maxsize=64)
def _plans(_kind: RecordKind) -> dict[tuple[str, ...], tuple[_Plan, Heading]]:
    return {}


def _plan_of_names(values: Mapping[str, Any], kind: RecordKind) -> tuple[_Plan, Heading]:
    """How rows with these names are read. The messages of a stream share few sets of names."""
    plans = _plans(kind)
    names = tuple(values)
    known = plans.get(names)
    if known is None:
        texts = [name if isinstance(name, str) else "" for name in names]
        heading = heading_of(texts, kind)
        known = _plan(kind, [(names[position], column) for position, column in heading.columns]), heading
        if sum(map(len, texts)) <= _LONGEST_NAMES:
            if len(plans) >= _PLANS_KEPT:
                plans.clear()
            plans[names] = known
    return known
