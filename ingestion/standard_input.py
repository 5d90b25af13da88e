"""Rows from standard input: a workbook or Parquet file as a whole, lines in batches, taken when the stream pauses."""

import csv
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from services.files.csv_rows import (
    BYTE_ORDER_MARK,
    LONGEST_ROW,
    encoding_of,
    in_utf8,
    other_delimiter,
    reader_of,
    separated_by,
    stray_quote,
)
from services.files.excel_rows import MAGIC as EXCEL_MAGIC
from services.files.file_limits import FileLimits
from services.files.parquet_rows import MAGIC as PARQUET_MAGIC
from services.files.read_file import read_file
from services.files.spreadsheet_text import unprotected
from services.records.faults import BadValue, Fault, fault_of
from services.records.how_many import grouped
from services.records.known_formats import foreign_format
from services.records.read_json import read_json
from services.records.read_rows import ReadRecords, RowFailure, Unreadable, cleaned_name, heading_of
from services.records.record_kinds import RecordKind
from services.uploads.column_mapping import names_columns
from services.writes.append import Row, read_appended

_BATCH_ROWS = 5_000
_PAUSE_SECONDS, _LONGEST_WAIT_SECONDS = 0.1, 0.5
_CHUNK = 65_536
_SEVERAL_LINES = Fault("JSON over several lines", "write a whole object or array on each line")
_GOES_ON = (b"[", b"{", b",", b":")
"""How the first line of JSON ends that is written over several."""

_WHOLE_FILES = (EXCEL_MAGIC, PARQUET_MAGIC + b"\x15")
"""How a file begins that is no text. A text may begin with the letters of Parquet, but does not go on like this."""
_FEWEST_BYTES = 5
"""So many tell a whole file, or the encoding of a text; no row is shorter."""

_Item = tuple[int, Row] | RowFailure


def rows_of_input(read: Callable[[int], bytes], kind: RecordKind, limits: FileLimits) -> Iterator[ReadRecords]:
    """Rows of a kind: of a whole Excel workbook or Parquet file at once, within the limits; else as ``batches_of``."""
    start = b""
    while len(start) < _FEWEST_BYTES and (chunk := read(_CHUNK)):
        start += chunk
    chunks = chain([start], iter(lambda: read(_CHUNK), b""))
    if start.startswith(_WHOLE_FILES):
        yield _of_file(chunks, kind, limits)
    elif (foreign := foreign_format(start)) is not None:
        refused = ReadRecords()
        refused.refuse([Unreadable(1, foreign).failure])
        yield refused
    else:
        texts = in_utf8(chunks, encoding_of(start))
        yield from batches_of(lambda _: next(texts, b""), kind)


def _of_file(chunks: Iterable[bytes], kind: RecordKind, limits: FileLimits) -> ReadRecords:
    """The rows of a file that comes through a pipe: both forms are read from their end."""
    with tempfile.TemporaryDirectory(prefix="deltaboard-append-") as folder:
        path = Path(folder) / "standard input"
        with path.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
                if file.tell() > limits.bytes:
                    break  # what is read of it says that it is too large
        return read_file(path, kind.name, limits, one_a_key=False).records


def batches_of(read: Callable[[int], bytes], kind: RecordKind) -> Iterator[ReadRecords]:
    """Rows of a kind in the order of their lines. read: gives up to so many bytes, b"" at the end; may wait for them.

    JSON where the first line begins with ``{`` or ``[``: a row a line, or an array of rows. Else CSV, with a header
    line, or without one in the order of the kind's columns. A line that cannot be read is a failure, and the next one
    is read. A first line that is meant to name the columns and does not fit refuses the whole input.
    """
    items: queue.Queue[_Item | None] = queue.Queue(_BATCH_ROWS)
    faults: list[Exception] = []

    def fill() -> None:
        try:
            for item in _items(read, kind):
                items.put(item)
        except Exception as fault:  # what came before it is applied; then it ends the command
            faults.append(fault)
        finally:
            items.put(None)

    threading.Thread(target=fill, name="deltaboard-input", daemon=True).start()
    while (first := items.get()) is not None:
        batch: list[_Item] = [first]
        end = time.monotonic() + _LONGEST_WAIT_SECONDS
        ended = False
        while not ended and len(batch) < _BATCH_ROWS and (left := end - time.monotonic()) > 0:
            try:
                item = items.get(timeout=min(_PAUSE_SECONDS, left))
            except queue.Empty:
                break
            ended = item is None
            if item is not None:
                batch.append(item)
        yield _read(batch, kind)
        if ended:
            break
    if faults:
        raise faults[0]


def _read(batch: list[_Item], kind: RecordKind) -> ReadRecords:
    rows = [item for item in batch if not isinstance(item, RowFailure)]
    read = read_appended(kind.name, rows, place="line")
    failures = [item for item in batch if isinstance(item, RowFailure)]
    for failure in failures:
        read.refuse([failure])
    if failures:
        read.failures.sort(key=lambda failure: failure.line)
    return read


def _items(read: Callable[[int], bytes], kind: RecordKind) -> Iterator[_Item]:
    """Rows with the number of their line, and lines that hold none. After a heading that does not fit there is none."""
    parse: Callable[[int, bytes], Iterable[Row]] | None = None
    number = 0
    lines = _lines(read)
    while True:
        try:
            number, line = next(lines)
            if not line.strip():
                continue
            if len(line) > LONGEST_ROW:
                raise BadValue(f"a line of more than {grouped(LONGEST_ROW)} bytes", "this is no row")
            if parse is None:
                line = _without_marks(line)
                is_json = line.lstrip()[:1] in (b"{", b"[")
                if is_json and line.rstrip()[-1:] in _GOES_ON:
                    raise Unreadable(number, _SEVERAL_LINES)
                parse = _json_rows if is_json else _CsvRows(kind).rows
            for row in parse(number, line):
                yield number, row
        except StopIteration:
            return
        except UnicodeError:
            reason = "not text of the encoding that it begins in"
            yield RowFailure(number + 1, "", "", reason, remediation="save it as CSV UTF-8")
            return
        except ValueError as error:
            fault = fault_of(error)
            yield RowFailure(number, "", "", fault.reason, remediation=fault.remediation)
            if parse is None:
                return  # nobody knows what the columns of the next lines are
        except Unreadable as unreadable:
            yield unreadable.failure
            return


def _without_marks(line: bytes) -> bytes:
    while line.startswith(BYTE_ORDER_MARK):
        line = line[len(BYTE_ORDER_MARK) :]
    return line


def _json_rows(_number: int, line: bytes) -> Sequence[Any]:
    """The row of a line, or its rows where it is an array of objects or of arrays."""
    value = read_json(line)
    is_array_of_rows = isinstance(value, list) and value and all(isinstance(each, (dict, list)) for each in value)
    return value if is_array_of_rows else [value]


class _CsvRows:
    """Rows of CSV, each from a line of its own: a value cannot hold a line end anyway."""

    def __init__(self, kind: RecordKind) -> None:
        self._kind = kind
        self._names: list[str] = []
        self._is_first = True

    def rows(self, number: int, line: bytes) -> Sequence[Row]:
        """The row of a line; none for a heading. Raises ValueError, and Unreadable for a heading that does not fit."""
        if self._is_first:
            try:
                cells = _cells(line)
            except ValueError as error:  # it may have been the heading
                raise Unreadable(number, fault_of(error)) from error
            self._is_first = False
            if self._is_heading(number, cells):
                return ()
        else:
            cells = _cells(line)
        if not self._names:
            return (cells,)
        if len(cells) != len(self._names):
            reason = f"{len(cells)} values for {len(self._names)} columns"
            raise BadValue(reason, "look for a missing or extra comma")
        return (dict(zip(self._names, cells, strict=True)),)

    def _is_heading(self, number: int, cells: Sequence[str]) -> bool:
        names = [cleaned_name(cell) for cell in cells]
        if (other := other_delimiter(cells, ",")) is not None:
            raise Unreadable(number, Fault(separated_by(other), "separate them by commas"))
        fault = heading_of(names, self._kind).fault(self._kind, f"line {number}")
        if fault is not None:
            if names_columns(cells, self._kind):
                raise Unreadable(number, fault)
            return False
        self._names = names
        return True


def _cells(line: bytes) -> list[str]:
    """The cells of a line. Raises ValueError."""
    try:
        cells = next(reader_of([line.decode()]))
    except UnicodeDecodeError as error:
        raise BadValue(f"not UTF-8 text at byte {grouped(error.start)} of the line", "save it as CSV UTF-8") from None
    except csv.Error as error:
        if "end of data" in str(error):
            raise BadValue("a quotation mark is not closed", "close it, or remove it") from None
        raise BadValue(f"not CSV, {error}", "write the line as CSV") from None
    if (stray := stray_quote(cells)) is not None:
        raise BadValue(*stray)
    return [unprotected(cell) for cell in cells] if b"'" in line else cells


def _lines(read: Callable[[int], bytes]) -> Iterator[tuple[int, bytes]]:
    """Numbered lines as soon as they are whole. One that is too long is cut, so that it does not fill the memory."""
    number = 0
    begun = b""
    while chunk := read(_CHUNK):
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            number += 1
            yield number, begun + line
            begun = b""
        if len(begun) <= LONGEST_ROW:
            begun += rest
    if begun:
        yield number + 1, begun
