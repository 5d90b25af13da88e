"""The table in a file: CSV, Excel or Parquet, the names of its columns, and its rows one after the other."""

import errno
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from services.files.csv_rows import csv_rows, delimiter_of, lines_of, named_rows, too_large
from services.files.excel_rows import MAGIC as EXCEL_MAGIC
from services.files.excel_rows import ExcelRows
from services.files.file_limits import FileLimits
from services.files.parquet_rows import MAGIC as PARQUET_MAGIC
from services.files.parquet_rows import ParquetRows
from services.records.faults import Fault
from services.records.known_formats import START_BYTES, foreign_format, zip_format
from services.records.read_rows import Unreadable, cleaned_name

_SAMPLE = 4_096

Rows = Iterator[tuple[int, Sequence[Any]]]
Ask = Callable[[Sequence[int]], Rows]


@dataclass(slots=True)
class OpenTable:
    """A file that is open. names: of its columns; place: what the numbers of its rows count, "line" or "row".

    rows_of: the rows from the first below the names, with the cells of these columns alone, in this order. It can be
    asked once. where: the names stand, for people. expected: about how many there are, None where that is not known.
    sheets: those of a workbook, and ``sheet`` the one that is read.
    """

    names: list[str]
    place: str
    rows_of: Ask
    where: str = "line 1"
    expected: int | None = None
    sheets: list[str] = field(default_factory=list)
    sheet: str | None = None

    @property
    def is_columnar(self) -> bool:
        """Whether columns that nobody asks for cost nothing, and may be of any type."""
        return self.place == "row" and not self.sheets


def require_regular(path: Path) -> None:
    """Raise OSError for a pipe, a device or a socket: to open one may wait for ever. A folder says what it is."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "Not a regular file: rows from a pipe are taken by append", str(path))


@contextmanager
def open_table(path: Path, file_name: str, limits: FileLimits, sheet: str | None = None) -> Iterator[OpenTable]:
    """Open a file by its first bytes; the ending of its name tells tabs from commas.

    sheet: of a workbook, the first that is not hidden when None. Raises Unreadable for what is no table or beyond the
    bounds, here or while the rows are read.
    """
    suffix = Path(file_name).suffix.lower()
    require_regular(path)
    if path.stat().st_size > limits.bytes:
        raise Unreadable(1, too_large(limits.bytes))
    with path.open("rb") as file:
        start = file.peek(START_BYTES)[:START_BYTES]
        if start.startswith(PARQUET_MAGIC):
            with closing(ParquetRows(path, limits)) as parquet:
                rows = pq.read_metadata(path).num_rows
                yield OpenTable(parquet.names, "row", parquet.rows, "the schema of the file", rows)
        elif start.startswith(EXCEL_MAGIC):
            if (other := zip_format(path)) is not None:
                raise Unreadable(1, other, "row")
            with closing(ExcelRows(path, limits.bytes, limits.rows, limits.columns, sheet)) as workbook:
                yield _of_workbook(workbook)
        elif (foreign := foreign_format(start)) is not None:
            raise Unreadable(1, foreign)
        elif suffix in (".parquet", ".pq"):
            raise Unreadable(1, Fault("not a Parquet file", "write it again"), "row")
        elif suffix == ".xlsx":
            fault = Fault("not an Excel workbook", "open it in Excel and save it again as .xlsx")
            raise Unreadable(1, fault, "row")
        else:
            yield _of_text(file, limits, delimiter_of(suffix), path.stat().st_size)


def _of_text(file: BufferedReader, limits: FileLimits, delimiter: str, size: int) -> OpenTable:
    found = csv_rows(lines_of(file, limits.bytes), limits.columns, delimiter)
    line, names, rows = named_rows(found, limits.rows, delimiter)

    def rows_of(wanted: Sequence[int]) -> Rows:
        every = list(wanted) == list(range(len(names)))
        for number, found in rows:
            # A row of another length is passed on as it is: which cell belongs where cannot be said.
            yield number, found if every or len(found) != len(names) else [found[place] for place in wanted]

    sample = file.peek(_SAMPLE)[:_SAMPLE]
    lines = sample.count(b"\n")
    return OpenTable(names, "line", rows_of, f"line {line}", int(size / len(sample) * lines) if lines else None)


def _of_workbook(workbook: ExcelRows) -> OpenTable:
    rows = workbook.rows()
    first = next(rows, None)
    if first is None:
        fault = Fault(f"the sheet {workbook.sheet} is empty", "its first row must name the columns")
        raise Unreadable(1, fault, "row")
    names = [cleaned_name(cell) for cell in first[1]]
    hidden = ", which is hidden" if workbook.is_hidden else ""
    where = f"row {first[0]} of the sheet {workbook.sheet}{hidden}"

    def rows_of(wanted: Sequence[int]) -> Rows:
        width = len(names)
        for number, cells in rows:
            if len(cells) > width:
                yield number, cells  # more values than names
                continue
            cells.extend([None] * (width - len(cells)))
            if any(cell is not None for cell in cells):
                yield number, [cells[place] for place in wanted]

    return OpenTable(names, "row", rows_of, where, None, workbook.sheets, workbook.sheet)
