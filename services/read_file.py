"""Read a file of records: every good row as typed values, every bad one with its line, column, value and reason."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.record_kinds import FileColumn, RecordKind, row_fault

_LONGEST_VALUE_SHOWN = 60


@dataclass(frozen=True, slots=True)
class RowFailure:
    """A row that cannot be taken. column is "" when the whole row or file is meant."""

    line: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        shown = self.value if self.value.isprintable() else ascii(self.value)[1:-1]
        value = f", value '{shown}'" if self.value else ""
        return f"line {self.line}{column}{value}: {self.reason}"


@dataclass(slots=True)
class ReadRecords:
    """What a file holds: the good records (field -> value) with their lines, and the failures."""

    records: list[dict[str, Any]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    failures: list[RowFailure] = field(default_factory=list)


def read_csv(path: Path, kind: RecordKind) -> ReadRecords:
    """Read a CSV file (UTF-8, with or without a byte-order mark) of one kind of record.

    Columns may come in any order; those that the kind does not know are left aside. Never raises for what is in the
    file; raises OSError when there is none.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            return read_rows(((reader.line_num, cells) for cells in reader), kind)
    except UnicodeDecodeError as error:
        fault = RowFailure(1, "", "", f"not UTF-8 text at byte {error.start}: save the file as CSV UTF-8")
        return ReadRecords(failures=[fault])
    except csv.Error as error:
        return ReadRecords(failures=[RowFailure(reader.line_num, "", "", f"not a CSV file: {error}")])


def read_rows(rows: Iterable[tuple[int, Sequence[str]]], kind: RecordKind) -> ReadRecords:
    """Read numbered rows of text; the first holds the column names."""
    result = ReadRecords()
    numbered = iter(rows)
    first = next(numbered, None)
    if first is None:
        result.failures.append(RowFailure(1, "", "", "the file is empty: its first line must name the columns"))
        return result
    header = [name.strip() for name in first[1]]
    columns = {header.index(column.name): column for column in kind.columns if column.name in header}
    absent = [column.name for column in kind.columns if column.required and column.name not in header]
    repeated = sorted({name for name in header if header.count(name) > 1 and name})
    if absent or repeated:
        fault = f"no column {', '.join(absent)}" if absent else f"column {', '.join(repeated)} stands twice"
        known = ", ".join(column.name for column in kind.columns)
        result.failures.append(RowFailure(first[0], "", "", f"{fault}: {kind.name} have the columns {known}"))
        return result
    seen: dict[tuple[Any, ...], int] = {}
    for line, cells in numbered:
        if len(cells) != len(header):
            if any(cell.strip() for cell in cells):
                reason = f"{len(cells)} values for {len(header)} columns: look for a missing or extra comma"
                result.failures.append(RowFailure(line, "", "", reason))
            continue
        record = _record(line, cells, columns, kind, result.failures)
        if record is None:
            continue
        key = tuple(record[name] for name in kind.key)
        if key in seen:
            names = ", ".join(column.name for column in kind.columns if column.field in kind.key)
            value = ", ".join(str(part) for part in key)
            result.failures.append(RowFailure(line, names, value, f"stands in line {seen[key]} already: keep one"))
            continue
        seen[key] = line
        result.records.append(record)
        result.lines.append(line)
    return result


def _record(
    line: int, cells: Sequence[str], columns: dict[int, FileColumn], kind: RecordKind, failures: list[RowFailure]
) -> dict[str, Any] | None:
    record: dict[str, Any] = {}
    good = True
    for index, column in columns.items():
        value = cells[index].strip()
        if not value:
            if column.required:
                failures.append(RowFailure(line, column.name, "", "must not be empty: fill it in"))
                good = False
            elif column.default is None:
                record[column.field] = None
            continue
        try:
            record[column.field] = column.parse(value)
        except ValueError as error:
            failures.append(RowFailure(line, column.name, value[:_LONGEST_VALUE_SHOWN], str(error)))
            good = False
    if good and (fault := row_fault(kind, record)) is not None:
        failures.append(RowFailure(line, fault[0], "", fault[1]))
        good = False
    return record if good else None
