"""The XML inside an Excel workbook, read as a stream: the texts that cells share, and the rows of a sheet."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import IO, Any
from xml.parsers import expat

from services.files.spreadsheet_text import unprotected
from services.records.faults import Fault
from services.records.faulty_cell import FaultyCell
from services.records.how_many import how_many
from services.records.read_rows import Unreadable

CORRUPT = Fault("not a whole Excel workbook", "open it in Excel and save it again as .xlsx")
_CHUNK = 1 << 16
_LONGEST_TEXT = 100_000
_LONGEST_TAG = 1_000_000
_LAST_ROW = 1_048_576
_UNCOMPUTED = Fault("a formula without a value", "open the workbook in Excel, save it and load it again")
_ERROR = Fault("an error of Excel and no value", "correct the formula, or write the value")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")

Attributes = dict[str, str]


class SharedTexts:
    """Gathers the texts that cells refer to by number; how a word is to be pronounced is no text."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._pieces: list[str] = []
        self._inside = self._aside = False

    def start(self, tag: str, _attributes: Attributes) -> None:
        if tag == "si":
            self._pieces = []
        elif tag == "rPh":
            self._aside = True
        self._inside = tag == "t" and not self._aside

    def end(self, tag: str) -> None:
        self._inside = False
        if tag == "si":
            self.found.append(_plain("".join(self._pieces)[:_LONGEST_TEXT]))
        elif tag == "rPh":
            self._aside = False

    def text(self, data: str) -> None:
        if self._inside:
            self._pieces.append(data[:_LONGEST_TEXT])


class Sheet:
    """Gathers the rows of a sheet as its parts are read. The handlers here are called for every cell of every file."""

    def __init__(self, texts: list[str], dates: set[int], since_1904: bool, most_columns: int) -> None:
        self.rows: list[tuple[int, list[Any]]] = []
        self._texts = texts
        self._dates = {str(style) for style in dates}
        self._epoch = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30)  # noqa: DTZ001
        self._most_columns = most_columns
        self._number = 0
        self._cells: list[Any] = []
        self._kind = self._style = ""
        self._column = -1
        self._pieces: list[str] = []
        self._takes = self._has_formula = self._has_value = False
        self._length = 0
        self._columns: dict[str, int] = {}

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "c":
            self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "")
            place = attributes.get("r")
            self._column = self._column + 1 if place is None else self._column_of(place)
            self._pieces = []
            self._length = 0
            self._has_formula = self._has_value = False
        elif tag in ("v", "t"):
            self._takes = self._has_value = True
        elif tag == "f":
            self._has_formula = True
        elif tag == "row":
            self._number = int(attributes.get("r", self._number + 1))
            if not 0 < self._number <= _LAST_ROW:
                raise ValueError("no row of a sheet")
            self._cells = []
            self._column = -1

    def end(self, tag: str) -> None:
        self._takes = False
        if tag == "c":
            if not self._pieces and not self._has_formula:
                return
            if self._column >= self._most_columns:
                reason = f"more than {how_many(self._most_columns, 'column')}"
                raise Unreadable(self._number, Fault(reason, "this is no table of records"), "row")
            cells = self._cells
            if len(cells) < self._column:
                cells.extend([None] * (self._column - len(cells)))
            cells[self._column :] = [self._value("".join(self._pieces))]
        elif tag == "row" and self._cells:
            self.rows.append((self._number, self._cells))

    def text(self, data: str) -> None:
        if self._takes and self._length < _LONGEST_TEXT:
            self._pieces.append(data)
            self._length += len(data)

    def _value(self, text: str) -> Any:
        if self._has_formula and not text and not (self._has_value and self._kind == "str"):
            return FaultyCell("formula", _UNCOMPUTED)
        if self._kind == "s":
            return self._texts[int(text)]
        if self._kind == "n":
            if self._style in self._dates:
                return self._date(float(text))
            return int(text) if text.lstrip("-").isdecimal() and len(text) < 16 else float(text)
        if self._kind == "b":
            return text == "1"
        if self._kind == "e":
            return FaultyCell(text, _ERROR)
        if self._kind == "d":
            return _iso_date(text)
        return _plain(text[:_LONGEST_TEXT])

    def _date(self, days: float) -> Any:
        try:
            return self._epoch + timedelta(milliseconds=round(days * 86_400_000))
        except OverflowError:
            return days

    def _column_of(self, place: str) -> int:
        """The column of a place like AB12, from 0."""
        letters = place.rstrip("0123456789")
        known = self._columns.get(letters)
        if known is None:
            known = 0
            for letter in letters[:4].upper():
                known = known * 26 + ord(letter) - 64
            known = self._columns[letters] = known - 1
        if known < 0:
            raise ValueError("no place of a sheet")
        return known


def unescaped(text: str) -> str:
    """A text of a workbook, which writes what XML cannot hold as _xHHHH_."""
    if "_x" not in text or not _ESCAPED.search(text):
        return text
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _plain(text: str) -> str:
    """A text of a cell as it was meant."""
    text = unescaped(text)
    return unprotected(text) if text[:1] == "'" else text


def _iso_date(text: str) -> Any:
    """A date that a workbook holds as text of ISO 8601; its times have no zone. What is none stays a text."""
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        return text


def streamed(part: IO[bytes], sheet: Sheet) -> Iterator[tuple[int, list[Any]]]:
    parser = _parser(sheet.start, sheet.end, sheet.text)
    for data in _chunks(part, parser):
        parser.Parse(data, False)
        yield from sheet.rows
        sheet.rows.clear()
    parser.Parse(b"", True)
    yield from sheet.rows


def parsed(
    part: IO[bytes],
    start: Callable[[str, Attributes], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> None:
    parser = _parser(start, end, text)
    try:
        for data in _chunks(part, parser):
            parser.Parse(data, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise Unreadable(1, CORRUPT, "row") from error


def _chunks(part: IO[bytes], parser: expat.XMLParserType) -> Iterator[bytes]:
    """The bytes of a part. Raises Unreadable where the parser waits too long for the end of one sign of markup."""
    given = 0
    while data := part.read(_CHUNK):
        if given - parser.CurrentByteIndex > _LONGEST_TAG:
            raise Unreadable(1, CORRUPT, "row")
        given += len(data)
        yield data


def _parser(
    start: Callable[[str, Attributes], None],
    end: Callable[[str], None] | None,
    text: Callable[[str], None] | None,
) -> expat.XMLParserType:
    """A parser that hands out names without a prefix, and takes no document that defines things of its own.

    A document has prefixes everywhere or nowhere; where it has none the handlers are called without a detour.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def first(tag: str, attributes: Attributes) -> None:
        prefixed = ":" in tag
        start(tag.rpartition(":")[2], attributes)
        parser.StartElementHandler = (lambda tag, found: start(tag.rpartition(":")[2], found)) if prefixed else start
        if end is not None:
            parser.EndElementHandler = (lambda tag: end(tag.rpartition(":")[2])) if prefixed else end
        if text is not None:
            parser.CharacterDataHandler = text

    parser.StartElementHandler = first

    def refuse(*_: Any) -> None:
        raise Unreadable(1, CORRUPT, "row")

    parser.StartDoctypeDeclHandler = refuse
    return parser
