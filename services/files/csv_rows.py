"""Rows of CSV text from bytes, with bounds on what a hostile file can make of them."""

import codecs
import csv
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedReader
from typing import TYPE_CHECKING

from services.files.spreadsheet_text import unprotected
from services.records.faults import Fault
from services.records.how_many import grouped, how_many
from services.records.read_rows import Unreadable, cleaned_name, looked_for

if TYPE_CHECKING:
    from _csv import Reader

LONGEST_ROW = 1_000_000
SPLIT_FILE = "split the file, or raise DELTABOARD_FILE_MEGABYTES"
_NO_TABLE = "this is no table of records"
_SAVE_AS_UTF8 = "save the file as CSV UTF-8"
_CHUNK = 1 << 16
BYTE_ORDER_MARK = codecs.BOM_UTF8
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_TAB = "\t"
_SIGNS = {",": "','", ";": "';'", "|": "'|'", _TAB: "tabs"}


def encoding_of(start: bytes) -> str:
    """The encoding of a text by its first four bytes, or more: UTF-8, or UTF-16 or UTF-32 with or without a mark."""
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    zeros = tuple(byte == 0 for byte in start[:4])
    known: dict[tuple[bool, ...], str] = {
        (False, True, False, True): "utf-16-le",
        (True, False, True, False): "utf-16-be",
        (False, True, True, True): "utf-32-le",
        (True, True, True, False): "utf-32-be",
    }
    return known.get(zeros, "utf-8")


def lines_of(file: BufferedReader, most_bytes: int) -> Iterator[bytes]:
    """The lines of a text in UTF-8, never more of it in memory than the longest row.

    A text in UTF-16 or UTF-32 is turned into UTF-8. Raises Unreadable beyond the bounds.
    """
    encoding = encoding_of(file.peek(4))
    is_utf8 = encoding == "utf-8"
    lines = iter(lambda: file.readline(LONGEST_ROW + 1), b"") if is_utf8 else _decoded_lines(file, encoding)
    total = number = 0
    try:
        for number, line in enumerate(lines, 1):
            total += len(line)
            if len(line) > LONGEST_ROW:
                raise Unreadable(number, Fault(f"a line of more than {grouped(LONGEST_ROW)} bytes", _NO_TABLE))
            if total > most_bytes:
                raise Unreadable(number, too_large(most_bytes))
            yield line
    except UnicodeError as error:
        fault = Fault(f"not {encoding.upper()} text from here on, or soon after", _SAVE_AS_UTF8)
        raise Unreadable(number + 1, fault) from error


def _decoded_lines(file: BufferedReader, encoding: str) -> Iterator[bytes]:
    begun = b""
    for chunk in in_utf8(iter(lambda: file.read(_CHUNK), b""), encoding):
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            yield begun + line + b"\n"
            begun = b""
        begun += rest
        if len(begun) > LONGEST_ROW:
            break  # what is there of it is too long already
    if begun:
        yield begun


def in_utf8(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The bytes of a text that comes in another encoding, in chunks none of which is empty. Raises UnicodeError."""
    if encoding == "utf-8":
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    for chunk in chunks:
        if text := decoder.decode(chunk):
            yield text.encode()
    decoder.decode(b"", final=True)


def too_large(most_bytes: int, before: str = "") -> Fault:
    """Why a file of more bytes is refused."""
    size = f"{before}larger than {grouped(most_bytes / 1e6)} MB"
    return Fault(size, SPLIT_FILE)


def reader_of(texts: Iterable[str], delimiter: str = ",") -> "Reader":
    """Split lines into cells. A space between a comma and a quotation mark belongs to neither."""
    return csv.reader(texts, strict=True, delimiter=delimiter, skipinitialspace=True)


def stray_quote(cells: Iterable[str]) -> Fault | None:
    """Why a row cannot be taken whose quotation marks do not begin its cells, or None."""
    for cell in cells:
        if (text := cell.lstrip()).startswith('"') and text != cell:
            return Fault("white space before a quotation mark", "remove it, so that the mark follows the comma")
    return None


def csv_rows(lines: Iterable[bytes], most_columns: int, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """(number of the last line, cells) of each row, in UTF-8 with or without byte-order marks.

    Raises Unreadable with the line where the text is no CSV, not UTF-8, or a row is out of bounds.
    """
    texts = _Texts(lines)
    reader = reader_of(texts, delimiter)
    try:
        for cells in reader:
            if len(cells) > most_columns:
                raise Unreadable(reader.line_num, Fault(too_many_columns(len(cells), most_columns), _NO_TABLE))
            if texts.has_apostrophes:
                cells = [unprotected(cell) for cell in cells]
            if texts.has_quotes and (stray := stray_quote(cells)) is not None:
                raise Unreadable(reader.line_num, stray)
            yield reader.line_num, cells
            texts.next_row()
    except csv.Error as error:
        raise _not_csv(error, texts, reader.line_num, delimiter) from error


def _not_csv(error: csv.Error, texts: "_Texts", line: int, delimiter: str) -> Unreadable:
    said = str(error).split(" - ")[0]
    if "new-line character" in said:
        return Unreadable(line, Fault("not a CSV file, for a line end stands alone", "end its lines with LF or CRLF"))
    opened = line_of_open_quote(texts.row, line - len(texts.row) + 1, delimiter)
    if opened is not None:
        return Unreadable(opened, unclosed_quote(opened))
    if "expected after" in said:
        return Unreadable(line, Fault("text after a closing quotation mark", "double the marks inside a text"))
    return Unreadable(line, Fault(f"not a CSV file, {said}", "save it as CSV UTF-8 again"))


def unclosed_quote(line: int) -> Fault:
    """Why a text is no CSV whose quotation mark of a line is never closed, or closed far away."""
    return Fault(f"the quotation mark of line {grouped(line)} is not closed", "close it, or remove it")


def line_of_open_quote(row: Iterable[str], first: int, delimiter: str) -> int | None:
    """The line of the first quotation mark that opens a cell and does not close in its line; first: the row's first."""
    opened = first
    is_open, has_just_closed, may_open = False, False, True
    for number, text in enumerate(row, first):
        for sign in text:
            if sign != '"':
                has_just_closed = False
                may_open = not is_open and (sign in (delimiter, "\n") or (sign == " " and may_open))
            elif is_open:
                is_open, has_just_closed = False, True
            elif has_just_closed:  # doubled: a mark inside the text
                is_open, has_just_closed = True, False
            elif may_open:
                opened, is_open, may_open = number, True, False
        if is_open:
            return opened
    return None


def named_rows(
    rows: Iterator[tuple[int, list[str]]], most_rows: int, delimiter: str = ","
) -> tuple[int, list[str], Iterator[tuple[int, list[str]]]]:
    """The number of the line with the names of the columns, the names, and the rows below it.

    Raises Unreadable where there are no names, where they are separated by another sign, and, while the rows are read,
    beyond most_rows.
    """
    first = next(rows, None)
    if first is None:
        raise Unreadable(1, Fault("the file is empty", "its first line must name the columns"))
    line, cells = first
    names = [cleaned_name(name) for name in cells]
    if not any(names):
        what = f"remove the blank lines above the names{looked_for(f'line {line}')}"
        raise Unreadable(line, Fault("no names of columns. Found: a blank line", what))
    if (other := other_delimiter(cells, delimiter)) is not None:
        also = {_TAB: "name the file .tsv, or ", ",": "name the file .csv, or "}.get(other, "")
        save = "save it with commas" if delimiter == "," else "save it with tabs"
        raise Unreadable(line, Fault(separated_by(other), f"{also}{save}"))
    return line, names, _counted(rows, most_rows)


def separated_by(sign: str) -> str:
    """What separates the columns, for people."""
    return f"the columns are separated by {_SIGNS[sign]}"


def other_delimiter(cells: Sequence[str], delimiter: str) -> str | None:
    """What separates the cells of a line that is not separated by this sign, or None."""
    text = delimiter.join(cells)
    counts = {sign: text.count(sign) for sign in _SIGNS if sign != delimiter}
    sign, count = max(counts.items(), key=lambda found: found[1])
    is_other = count > text.count(delimiter) and sign in cells[0]
    return sign if is_other and not text.lower().startswith("sep=") else None


def delimiter_of(suffix: str) -> str:
    """What separates the cells of a text file with this ending of its name."""
    return "\t" if suffix.lower() in (".tsv", ".tab") else ","


def too_many_rows(count: int, most_rows: int, before: str = "") -> Fault:
    """Why a file of so many rows is refused."""
    many = f"{before}{how_many(count, 'row')}, at most {grouped(most_rows)} are read"
    return Fault(many, "split the file, or raise DELTABOARD_FILE_ROWS")


def too_many_columns(count: int, most_columns: int) -> str:
    """Why a file of so many columns is refused."""
    return f"{how_many(count, 'column')}, at most {grouped(most_columns)} are read"


def _counted(rows: Iterator[tuple[int, list[str]]], most_rows: int) -> Iterator[tuple[int, list[str]]]:
    """Rows up to a number of them; one more is too many."""
    for count, (line, cells) in enumerate(rows, 1):
        if count > most_rows:
            raise Unreadable(line, too_many_rows(most_rows, most_rows, "more than "))
        yield line, cells


class _Texts:
    """Lines as text, and those of the row that is being read: quotation marks may hold line ends."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self._number = self._offset = self._length = 0
        self.row: list[str] = []
        self.has_quotes = self.has_apostrophes = False

    def __iter__(self) -> "_Texts":
        return self

    def next_row(self) -> None:
        """Forget the row that was read."""
        self.row.clear()
        self._length = 0
        self.has_quotes = self.has_apostrophes = False

    def __next__(self) -> str:
        line = next(self._lines)
        self._number += 1
        self._length += len(line)
        if self._number == 1:
            while line.startswith(BYTE_ORDER_MARK):
                line = line[len(BYTE_ORDER_MARK) :]
                self._offset += len(BYTE_ORDER_MARK)
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            place = grouped(self._offset + error.start)
            raise Unreadable(self._number, Fault(f"not UTF-8 text at byte {place}", _SAVE_AS_UTF8)) from error
        if self._length > LONGEST_ROW:
            raise csv.Error("row too long")
        self._offset += len(line)
        self.row.append(text)
        if '"' in text:
            self.has_quotes = True
        if "'" in text:
            self.has_apostrophes = True
        return text
