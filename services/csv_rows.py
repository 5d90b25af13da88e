"""Rows of CSV text from bytes, with bounds on what a hostile file can make of them."""

import csv
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from services.faults import Fault
from services.how_many import grouped, how_many
from services.read_rows import Unreadable

_LONGEST_ROW = 1_000_000
_NO_TABLE = "this is no table of records"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def lines_of(file: BinaryIO, most_bytes: int) -> Iterator[bytes]:
    """The lines of a file, never more of it in memory than the longest row. Raises Unreadable beyond the bounds."""
    total = number = 0
    while line := file.readline(_LONGEST_ROW + 1):
        number += 1
        total += len(line)
        if len(line) > _LONGEST_ROW:
            raise Unreadable(number, Fault(f"a line of more than {grouped(_LONGEST_ROW)} bytes", _NO_TABLE))
        if total > most_bytes:
            raise Unreadable(number, too_large(most_bytes))
        yield line


def too_large(most_bytes: int, before: str = "") -> Fault:
    """Why a file of more bytes is refused."""
    size = f"{before}larger than {grouped(most_bytes / 1e6)} MB"
    return Fault(size, "split the file, or raise DELTABOARD_FILE_MEGABYTES")


def csv_rows(lines: Iterable[bytes], most_columns: int, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """(number of the last line, cells) of each row, in UTF-8 with or without a byte-order mark.

    Raises Unreadable with the line where the text is no CSV, not UTF-8, or a row is out of bounds.
    """
    texts = _Texts(lines)
    reader = csv.reader(texts, strict=True, delimiter=delimiter)
    try:
        for cells in reader:
            if len(cells) > most_columns:
                raise Unreadable(reader.line_num, Fault(too_many_columns(len(cells), most_columns), _NO_TABLE))
            yield reader.line_num, cells
            texts.row_length = 0
    except csv.Error as error:
        hint = "; end its lines with LF or CRLF" if "new-line character" in str(error) else ""
        raise Unreadable(reader.line_num, f"not a CSV file: {str(error).split(' - ')[0]}{hint}") from error


def named_rows(
    rows: Iterator[tuple[int, list[str]]], most_rows: int
) -> tuple[int, list[str], Iterator[tuple[int, list[str]]]]:
    """The number of the line with the names of the columns, the names, and the rows below it.

    Raises Unreadable where there are no names, where they are separated by another sign, and, while the rows are read,
    beyond most_rows.
    """
    first = next(rows, None)
    if first is None:
        raise Unreadable(1, Fault("the file is empty", "its first line must name the columns"))
    line, cells = first
    names = [name.strip() for name in cells]
    if len(names) == 1 and (other := next((sign for sign in ";\t|" if sign in names[0]), None)):
        sign, also = ("tabs", "name the file .tsv, or ") if other == "\t" else (f"'{other}'", "")
        raise Unreadable(line, Fault(f"the columns are separated by {sign}", f"{also}save it with commas"))
    return line, names, _counted(rows, most_rows)


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
    """Lines as text, and how long the row that is being read is by now: quotes may hold line ends."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self._number = self._offset = 0
        self.row_length = 0

    def __iter__(self) -> "_Texts":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._number += 1
        self.row_length += len(line)
        if self.row_length > _LONGEST_ROW:
            reason = f"a row of more than {grouped(_LONGEST_ROW)} bytes"
            raise Unreadable(self._number, Fault(reason, "look for a quotation mark that is not closed"))
        if self._number == 1 and line.startswith(_BYTE_ORDER_MARK):
            line = line[len(_BYTE_ORDER_MARK) :]
            self._offset = len(_BYTE_ORDER_MARK)
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            place = grouped(self._offset + error.start)
            fault = Fault(f"not UTF-8 text at byte {place}", "save the file as CSV UTF-8")
            raise Unreadable(self._number, fault) from error
        self._offset += len(line)
        return text
