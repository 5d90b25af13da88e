"""An Excel workbook (.xlsx) from columns of values, fast enough for every row of a large book.

The file is written as the standard has it (ECMA-376): a zip of a few small parts, and a stream of cells a sheet. A
library that makes an object of each cell takes ten times as long, and meanwhile the board would stand still.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from html import escape
from typing import Any

SHEET_ROWS = 1_048_575
"""Rows of a sheet below its heading."""
_LONGEST_CELL = 32_767
_LONGEST_SHEET_NAME = 31
_LARGEST_INTEGER = 10**15
"""Excel keeps 15 digits of a number."""
_FIRST_DAY, _DAY_ZERO = date(1900, 3, 1), datetime.combine(date(1899, 12, 30), time.min)
_SECONDS_A_DAY = 86_400.0
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_IN_A_SHEET_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_WIDTH_ROWS, _NARROWEST, _WIDEST = 200, 8, 60
_ROWS_A_PIECE = 2_000
_COMPRESSION = 4
_BOLD, _DAY, _TIME = 1, 2, 3
"""Places of the styles in ``_STYLES``."""

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KINDS = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


@dataclass(frozen=True, slots=True)
class SheetTable:
    """What a sheet shows: a heading above each column, and values of one length: str, int, float, bool, date, datetime
    without a zone, or None for an empty cell."""

    name: str
    headings: Sequence[str]
    columns: Sequence[Sequence[Any]]


def workbook_of(tables: Sequence[SheetTable]) -> bytes:
    """The workbook. A text is always a text, never a formula. What does not fit a sheet goes on in another."""
    sheets = [part for table in tables for part in _parts(table)]
    names = _sheet_names([name for name, *_ in sheets])
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION) as archive:
        for path, text in _frame_of(names):
            archive.writestr(path, text)
        for number, (_, table, start) in enumerate(sheets, 1):
            with archive.open(f"xl/worksheets/sheet{number}.xml", "w", force_zip64=True) as part:
                for piece in _sheet(table, start):
                    part.write(piece.encode())
    return target.getvalue()


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


def _frame_of(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The parts that say where the sheets are."""
    numbers = range(1, len(names) + 1)
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_KINDS}.worksheet+xml"/>'
        for number in numbers
    )
    yield (
        "[Content_Types].xml",
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_KINDS}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_KINDS}.styles+xml"/>{overrides}</Types>',
    )
    yield (
        "_rels/.rels",
        f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_LINKS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    )
    links = "".join(
        f'<Relationship Id="rId{number}" Type="{_LINKS}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in numbers
    )
    yield (
        "xl/_rels/workbook.xml.rels",
        f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{links}'
        f'<Relationship Id="rId{len(names) + 1}" Type="{_LINKS}/styles" Target="styles.xml"/></Relationships>',
    )
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{number}" r:id="rId{number}"/>'
        for number, name in zip(numbers, names, strict=True)
    )
    yield (
        "xl/workbook.xml",
        f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_LINKS}"><sheets>{listed}</sheets></workbook>',
    )
    yield "xl/styles.xml", _STYLES


def _sheet(table: SheetTable, start: int) -> Iterator[str]:
    """A sheet in pieces: the heading is bold and stays in sight, the columns are as wide as what is in them."""
    columns = [values[start : start + SHEET_ROWS] for values in table.columns]
    letters = [_letters(place) for place in range(len(columns))]
    widths = "".join(
        f'<col min="{place}" max="{place}" width="{_width(heading, values)}" customWidth="1"/>'
        for place, (heading, values) in enumerate(zip(table.headings, columns, strict=True), 1)
    )
    yield (
        f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f"{f'<cols>{widths}</cols>' if widths else ''}<sheetData>"
    )
    heading = "".join(
        f'<c r="{letter}1" s="{_BOLD}"{_text_cell(name)}' for letter, name in zip(letters, table.headings, strict=True)
    )
    yield f'<row r="1">{heading}</row>'
    count = len(columns[0]) if columns else 0
    for first in range(0, count, _ROWS_A_PIECE):
        bodies = [_cells(values[first : first + _ROWS_A_PIECE]) for values in columns]
        rows = []
        for number, row in enumerate(zip(*bodies, strict=True), first + 2):
            cells = [f'<c r="{letter}{number}"{body}' for letter, body in zip(letters, row, strict=True) if body]
            rows.append(f'<row r="{number}">{"".join(cells)}</row>')
        yield "".join(rows)
    yield "</sheetData></worksheet>"


def _cells(values: Sequence[Any]) -> list[str]:
    """The rest of each cell after its place; an empty one is nothing."""
    texts: dict[str, str] = {}
    found = []
    for value in values:
        kind = value.__class__
        if kind is float or kind is int:
            found.append(_number_cell(value))
        elif kind is str:
            if value not in texts:
                texts[value] = _text_cell(value)
            found.append(texts[value])
        else:
            found.append("" if value is None else _other_cell(value))
    return found


def _number_cell(value: float) -> str:
    if -_LARGEST_INTEGER < value < _LARGEST_INTEGER:
        return f"><v>{value!r}</v></c>"
    finite = value.__class__ is float and value not in (float("inf"), float("-inf"))
    return f"><v>{value!r}</v></c>" if finite else _text_cell(str(value))


def _text_cell(text: str) -> str:
    escaped = escape(_clean(text), quote=False).replace("\r", "&#13;")
    return f' t="inlineStr"><is><t xml:space="preserve">{escaped}</t></is></c>'


def _other_cell(value: Any) -> str:
    if isinstance(value, bool):
        return f' t="b"><v>{int(value)}</v></c>'
    if isinstance(value, date):
        day = value.date() if isinstance(value, datetime) else value
        if day < _FIRST_DAY:
            return _text_cell(value.isoformat())
        if isinstance(value, datetime):
            days = (value - _DAY_ZERO).total_seconds() / _SECONDS_A_DAY
            return f' s="{_TIME}"><v>{days!r}</v></c>'
        return f' s="{_DAY}"><v>{(day - _DAY_ZERO.date()).days}</v></c>'
    return _text_cell(str(value))


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


def _letters(place: int) -> str:
    """The letters of a column, the first is 0."""
    name = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        name = chr(ord("A") + rest) + name
    return name
