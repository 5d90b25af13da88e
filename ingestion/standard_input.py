"""Rows from standard input: a workbook or Parquet file as a whole, lines in batches, taken when the stream pauses."""

import csv
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from services.append import Row, read_appended
from services.excel_rows import MAGIC as EXCEL_MAGIC
from services.faults import BadValue, fault_of
from services.file_limits import FileLimits
from services.how_many import grouped
from services.parquet_rows import MAGIC as PARQUET_MAGIC
from services.read_file import read_file
from services.read_json import read_json
from services.read_rows import ReadRecords, RowFailure, heading_of
from services.record_kinds import RecordKind

_BATCH_ROWS = 5_000
_PAUSE_SECONDS, _LONGEST_WAIT_SECONDS = 0.1, 0.5
_CHUNK = 65_536
_LONGEST_LINE = 1_000_000

_WHOLE_FILES = (EXCEL_MAGIC, PARQUET_MAGIC + b"\x15")
"""How a file begins that is no text. A text may begin with the letters of Parquet, but does not go on like this."""

_Item = tuple[int, Row] | RowFailure


def rows_of_input(read: Callable[[int], bytes], kind: RecordKind, limits: FileLimits) -> Iterator[ReadRecords]:
    """Rows of a kind: of a whole Excel workbook or Parquet file at once, within the limits; else as ``batches_of``."""
    start = b""
    while any(magic.startswith(start) for magic in _WHOLE_FILES) and (chunk := read(_CHUNK)):
        start += chunk
    chunks = chain([start], iter(lambda: read(_CHUNK), b""))
    if start.startswith(_WHOLE_FILES):
        yield _of_file(chunks, kind, limits)
    else:
        yield from batches_of(lambda _: next(chunks, b""), kind)


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

    JSON where the first line begins with ``{`` or ``[``: a row a line. Else CSV, with a header line, or without one in
    the order of the kind's columns. A line that cannot be read is a failure, and the next one is read.
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
    """Rows with the number of their line, and lines that hold none."""
    parse: Callable[[bytes], Row | None] | None = None
    for number, line in _lines(read):
        if not line.strip():
            continue
        try:
            if len(line) > _LONGEST_LINE:
                raise BadValue(f"a line of more than {grouped(_LONGEST_LINE)} bytes", "this is no row")
            if parse is None:
                line = line.removeprefix(b"\xef\xbb\xbf")
                parse = _json_row if line.lstrip()[:1] in (b"{", b"[") else _CsvRows(kind).row
            row = parse(line)
        except ValueError as error:
            fault = fault_of(error)
            yield RowFailure(number, "", "", fault.reason, remediation=fault.remediation)
        else:
            if row is not None:
                yield number, row


def _json_row(line: bytes) -> Any:
    return read_json(line)


class _CsvRows:
    """Rows of CSV, each from a line of its own: a value cannot hold a line end anyway."""

    def __init__(self, kind: RecordKind) -> None:
        self._kind = kind
        self._names: list[str] = []
        self._is_first = True

    def row(self, line: bytes) -> Row | None:
        """The row of a line; None for a header line."""
        try:
            cells = next(csv.reader([line.decode()], strict=True))
        except UnicodeDecodeError as error:
            raise ValueError(f"not UTF-8 text at byte {grouped(error.start)} of the line") from None
        except csv.Error as error:
            raise ValueError(f"not CSV: {error}") from None
        first, self._is_first = self._is_first, False
        if first:
            names = [cell.strip() for cell in cells]
            if heading_of(names, self._kind).fault(self._kind) is None:
                self._names = names
                return None
        if not self._names:
            return cells
        if len(cells) != len(self._names):
            reason = f"{len(cells)} values for {len(self._names)} columns"
            raise BadValue(reason, "look for a missing or extra comma")
        return dict(zip(self._names, cells, strict=True))


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
        if len(begun) <= _LONGEST_LINE:
            begun += rest
    if begun:
        yield number + 1, begun
