"""An Excel workbook (.xlsx) from columns of values: no text is a formula, and what Excel cannot hold is a text."""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

SHEET_ROWS = 1_048_575
"""Rows of a sheet below its heading."""
_LONGEST_CELL = 32_767
_LONGEST_SHEET_NAME = 31
_LARGEST_INTEGER = 10**15
"""Excel keeps 15 digits of a number."""
_FIRST_DAY = date(1900, 3, 1)
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_IN_A_SHEET_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_WIDTH_ROWS, _NARROWEST, _WIDEST = 200, 8, 60

Write = Callable[[int, int, Any], object]


@dataclass(frozen=True, slots=True)
class SheetTable:
    """What a sheet shows: a heading above each column, and values of one length: str, int, float, bool, date, datetime
    without a zone, or None for an empty cell."""

    name: str
    headings: Sequence[str]
    columns: Sequence[Sequence[Any]]


def workbook_of(tables: Sequence[SheetTable]) -> bytes:
    """The workbook. What does not fit a sheet goes on in another; headings are bold and stay in sight."""
    sheets = [part for table in tables for part in _parts(table)]
    target = io.BytesIO()
    # Row by row, so that the memory does not grow with the table.
    with Workbook(target, {"constant_memory": True}) as workbook:
        bold = workbook.add_format({"bold": True})
        day = workbook.add_format({"num_format": "yyyy-mm-dd"})
        moment = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for name, (_, table, start) in zip(_sheet_names([name for name, *_ in sheets]), sheets, strict=True):
            sheet = workbook.add_worksheet(name)
            columns = [values[start : start + SHEET_ROWS] for values in table.columns]
            sheet.freeze_panes(1, 0)
            for place, (heading, values) in enumerate(zip(table.headings, columns, strict=True)):
                sheet.set_column(place, place, _width(heading, values))
            for place, heading in enumerate(table.headings):
                sheet.write_string(0, place, _clean(heading), bold)
            _write_rows(sheet, columns, day, moment)
    return target.getvalue()


def _write_rows(sheet: Worksheet, columns: Sequence[Sequence[Any]], day: Format, moment: Format) -> None:
    def write_text(row: int, place: int, value: Any) -> None:
        sheet.write_string(row, place, _clean(str(value)))

    def write_number(row: int, place: int, value: float) -> None:
        if -_LARGEST_INTEGER < value < _LARGEST_INTEGER or (isinstance(value, float) and abs(value) < float("inf")):
            sheet.write_number(row, place, value)
        else:
            write_text(row, place, value)

    def write_date(row: int, place: int, value: date) -> None:
        is_moment = isinstance(value, datetime)
        if (value.date() if isinstance(value, datetime) else value) < _FIRST_DAY:
            write_text(row, place, value.isoformat())
        else:
            sheet.write_datetime(row, place, value, moment if is_moment else day)

    writers: dict[type, Write] = {
        str: write_text,
        float: write_number,
        int: write_number,
        bool: sheet.write_boolean,
        date: write_date,
        datetime: write_date,
    }
    for number, row in enumerate(zip(*columns, strict=True), 1):
        for place, value in enumerate(row):
            if value is not None:
                writers.get(value.__class__, write_text)(number, place, value)


def _parts(table: SheetTable) -> Iterator[tuple[str, SheetTable, int]]:
    """(name, table, first row) of each sheet that a table takes."""
    count = len(table.columns[0]) if table.columns else 0
    for part, start in enumerate(range(0, max(count, 1), SHEET_ROWS), 1):
        yield (table.name if part == 1 else f"{table.name[: _LONGEST_SHEET_NAME - 4]} {part}"), table, start


def _sheet_names(wanted: Sequence[str]) -> list[str]:
    """Names that Excel takes, no two the same."""
    found: list[str] = []
    for text in wanted:
        name = _NOT_IN_A_SHEET_NAME.sub(" ", _clean(text)).strip(" '")[:_LONGEST_SHEET_NAME]
        taken = {each.lower() for each in found} | {"", "history"}
        free = (f"Table {number}" for number in range(1, len(wanted) + 1))
        found.append(name if name.lower() not in taken else next(each for each in free if each.lower() not in taken))
    return found


def _clean(text: str) -> str:
    """A text without what the file cannot hold."""
    clean = _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
    return clean if len(clean) <= _LONGEST_CELL else f"{clean[: _LONGEST_CELL - 1]}…"


def _width(heading: str, values: Sequence[Any]) -> int:
    """In characters."""
    longest = max((_shown_length(value) for value in values[:_WIDTH_ROWS]), default=0)
    return min(max(longest, len(heading), _NARROWEST) + 2, _WIDEST)


def _shown_length(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, datetime):
        return len("2020-03-09 13:30:00")
    return len(f"{value:.6g}" if isinstance(value, float) else str(value))
