"""Rows of a sheet of an Excel workbook (.xlsx), streamed, with bounds on what a hostile file can make of them."""

import re
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any
from xml.parsers import expat

from services.files.csv_rows import too_large, too_many_rows
from services.files.excel_sheet import CORRUPT, Attributes, SharedTexts, Sheet, parsed, streamed, unescaped
from services.records.faults import Fault
from services.records.how_many import grouped
from services.records.read_rows import Unreadable

MAGIC = b"PK\x03\x04"
_LARGEST_PART = 16_000_000
"""What may be unpacked of a part that is kept whole: the list of sheets, the formats."""
_LARGEST_TEXTS = 128_000_000
"""What may be unpacked of the texts that cells share."""
_DATE_FORMATS = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
_NOT_A_DATE_SIGN = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|_.|\*.')

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    expat.ExpatError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    RuntimeError,  # a password
    NotImplementedError,  # a way to compress that is not known here
)


class ExcelRows:
    """An open workbook: the names of its sheets, and the rows of one from the first that holds anything.

    sheet: to be read, the first that is not hidden when None. is_hidden: whether it is all the same.

    Raises Unreadable for what is no workbook or beyond the bounds.
    """

    def __init__(
        self, path: Path, most_bytes: int, most_rows: int, most_columns: int, sheet: str | None = None
    ) -> None:
        self._most_rows, self._most_columns = most_rows, most_columns
        self._reading: Generator[tuple[int, list[Any]], None, None] | None = None
        with ExitStack() as opened:
            try:
                self._zip = opened.enter_context(zipfile.ZipFile(path))
                total = sum(part.file_size for part in self._zip.infolist())
                if total > most_bytes:
                    raise Unreadable(1, too_large(most_bytes, f"unpacks to {grouped(total / 1e6)} MB, "), "row")
                self._parts = self._find_sheets()
            except _BROKEN as error:
                raise Unreadable(1, CORRUPT, "row") from error
            self.sheets = list(self._parts)
            if not self.sheets:
                raise Unreadable(1, Fault("the workbook has no sheet", "save it with one"), "row")
            visible = [name for name in self.sheets if name not in self._hidden]
            self.sheet = (visible or self.sheets)[0] if sheet is None else sheet
            if self.sheet not in self._parts:
                fault = Fault(f"there is no sheet {self.sheet}", f"there are {', '.join(self.sheets[:20])}")
                raise Unreadable(1, fault, "row")
            self.is_hidden = self.sheet in self._hidden
            opened.pop_all()  # open until it is closed; one that is refused is closed here

    def close(self) -> None:
        """Close the file, also where its rows were not read to the end: a part that is open would keep it open."""
        if self._reading is not None:
            self._reading.close()
        self._zip.close()

    def rows(self) -> Iterator[tuple[int, list[Any]]]:
        """(number of the row in the sheet, cells) of each row that holds anything; an empty cell is None."""
        self._reading = self._read()
        return self._reading

    def _read(self) -> Generator[tuple[int, list[Any]], None, None]:
        number = 1
        try:
            sheet = Sheet(self._shared_texts(), self._date_styles(), self._since_1904, self._most_columns)
            with self._zip.open(self._parts[self.sheet]) as part:
                for count, (number, cells) in enumerate(streamed(part, sheet), 1):
                    if count > self._most_rows + 1:  # the first names the columns
                        raise Unreadable(number, too_many_rows(self._most_rows, self._most_rows, "more than "), "row")
                    yield number, cells
        except _BROKEN as error:
            raise Unreadable(number, CORRUPT, "row") from error

    def _find_sheets(self) -> dict[str, str]:
        """Name of each sheet -> where it lies in the archive."""
        names: dict[str, str] = {}
        places: dict[str, str] = {}
        self._since_1904 = False
        self._hidden: set[str] = set()

        def of_workbook(tag: str, attributes: Attributes) -> None:
            if tag == "sheet":
                link = next((value for name, value in attributes.items() if name.rpartition(":")[2] == "id"), "")
                name = unescaped(attributes["name"])
                names[name] = link
                if attributes.get("state", "visible") != "visible":
                    self._hidden.add(name)
            elif tag == "workbookPr":
                self._since_1904 = attributes.get("date1904", "0") in ("1", "true")

        def of_links(tag: str, attributes: Attributes) -> None:
            if tag == "Relationship" and attributes["Type"].endswith("/worksheet"):
                places[attributes["Id"]] = attributes["Target"]

        self._read_part("xl/workbook.xml", of_workbook)
        self._read_part("xl/_rels/workbook.xml.rels", of_links)
        inside = set(self._zip.namelist())
        found = {name: _place(places[link]) for name, link in names.items() if link in places}
        return {name: place for name, place in found.items() if place in inside}

    def _date_styles(self) -> set[int]:
        """The styles of cells under which a number is a date."""
        formats = dict.fromkeys(_DATE_FORMATS, True)
        styles: list[bool] = []
        inside: list[bool] = [False]

        def start(tag: str, attributes: Attributes) -> None:
            if tag == "numFmt":
                signs = _NOT_A_DATE_SIGN.sub("", attributes.get("formatCode", "")).lower()
                formats[int(attributes["numFmtId"])] = bool(set("dyh") & set(signs)) and "general" not in signs
            elif tag == "cellXfs":
                inside[0] = True
            elif tag in ("cellStyles", "dxfs"):
                inside[0] = False
            elif tag == "xf" and inside[0]:
                styles.append(formats.get(int(attributes.get("numFmtId", "0")), False))

        if "xl/styles.xml" in self._zip.namelist():
            self._read_part("xl/styles.xml", start)
        return {number for number, is_date in enumerate(styles) if is_date}

    def _shared_texts(self) -> list[str]:
        texts = SharedTexts()
        name = next((name for name in self._zip.namelist() if name.lower() == "xl/sharedstrings.xml"), None)
        if name is not None:
            if self._zip.getinfo(name).file_size > _LARGEST_TEXTS:
                reason = f"its texts unpack to more than {_LARGEST_TEXTS / 1e6:.0f} MB"
                raise Unreadable(1, Fault(reason, "save the sheet as CSV"), "row")
            with self._zip.open(name) as part:
                parsed(part, texts.start, texts.end, texts.text)
        return texts.found

    def _read_part(self, name: str, start: Callable[[str, Attributes], None]) -> None:
        if self._zip.getinfo(name).file_size > _LARGEST_PART:
            raise Unreadable(1, CORRUPT, "row")
        with self._zip.open(name) as part:
            parsed(part, start)


def _place(target: str) -> str:
    """Where a part lies in the archive, by a link of the workbook."""
    return target.lstrip("/") if target.startswith("/") else str(PurePosixPath("xl") / target)
