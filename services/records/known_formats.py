"""Name what a file is by its first bytes, where it is no table that can be read here, and say what to do."""

import re
import zipfile
from pathlib import Path
from typing import TypeVar

from services.records.faults import Fault

_Words = TypeVar("_Words")

_PACKED = tuple(
    (re.compile(magic, re.DOTALL), words)
    for magic, words in (
        (rb"\x1f\x8b", "compressed with gzip"),
        (rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", "compressed with bzip2"),
        (rb"\xfd7zXZ\x00", "compressed with xz"),
        (rb"\x28\xb5\x2f\xfd", "compressed with zstd"),
        (rb"\x04\x22\x4d\x18|\x02\x21\x4c\x18", "compressed with lz4"),
        (rb"\xff\x06\x00\x00sNaPpY|\x82SNAPPY\x00", "compressed with snappy"),
        (rb"\x89LZO\x00", "compressed with lzop"),
        (rb"\x1f[\x9d\xa0]", "compressed with compress"),
        (rb"LZIP\x01", "compressed with lzip"),
        (rb"\x5d\x00\x00.[\x00-\x08]", "compressed with lzma"),
        (rb"\x78[\x01\x9c\xda]", "compressed with zlib"),
        (rb"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (rb"Rar!\x1a\x07", "a rar archive"),
        (rb"PK\x05\x06", "an empty zip archive"),
        (rb"PK\x07\x08", "a zip archive in several parts"),
        (rb".{257}ustar", "a tar archive"),
    )
)
"""How packed content begins; no text does."""
_OTHERS = tuple(
    (re.compile(magic, re.DOTALL), fault)
    for magic, fault in (
        (rb"\xd0\xcf\x11\xe0", Fault("an old or protected Excel workbook", "save it as .xlsx without a password")),
        (rb"\x09[\x00\x02\x04\x08][\x04-\x10]\x00", Fault("an old Excel workbook", "save it as .xlsx")),
        (rb"%PDF-", Fault("a PDF document", "export the table as CSV, Excel or Parquet")),
        (rb"\{\\rtf", Fault("an RTF document", "save the table as CSV UTF-8")),
        (rb"SQLite format 3\x00", Fault("an SQLite database", "export the table as CSV or Parquet")),
        (rb"ARROW1\x00|FEA1\x00", Fault("an Arrow (Feather) file", "write it as Parquet")),
        (rb"ORC[^ -~\t\r\n]", Fault("an ORC file", "write it as Parquet")),
        (rb"Obj\x01", Fault("an Avro file", "write it as Parquet")),
        (rb"\x89HDF\r\n\x1a\n", Fault("an HDF5 file", "write it as Parquet")),
    )
)
_HTML = re.compile(rb"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|table|meta|div)\b", re.IGNORECASE | re.DOTALL)
_XML = re.compile(rb"\s*<\?xml\b")
_FOUND_CHARACTERS = 60

START_BYTES = 512
"""So many of the first bytes tell."""


def packed_format(start: bytes) -> str | None:
    """How content that begins like this is packed, or None."""
    return _first_of(_PACKED, start)


def foreign_format(start: bytes) -> Fault | None:
    """What content that begins like this is, and what to do, where it is neither text nor a table; None: it may be."""
    if (packed := packed_format(start)) is not None:
        return Fault(packed, "unpack it first")
    if (other := _first_of(_OTHERS, start)) is not None:
        return other
    for pattern, what in ((_HTML, "an HTML page"), (_XML, "XML")):
        if pattern.match(start):
            where = "(the names of columns are looked for in line 1)"
            return Fault(
                f"{what} and no table. Found: {_shown(start)}", f"save it as .xlsx or CSV UTF-8 in Excel {where}"
            )
    return None


def zip_format(path: Path) -> Fault | None:
    """What a zip archive that is no .xlsx workbook is, and what to do; None: it is one, or is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            kind = archive.read("mimetype")[:200] if _is_small(archive, "mimetype") else b""
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError):
        return None
    inside = set(names)
    if "xl/workbook.xml" in inside:
        return None
    if "xl/workbook.bin" in inside:
        return Fault("a binary Excel workbook (.xlsb)", "save it as .xlsx")
    if b"opendocument.spreadsheet" in kind:
        return Fault("an OpenDocument spreadsheet (.ods)", "save it as .xlsx")
    if "Index/Document.iwa" in inside or "Index.zip" in inside:
        return Fault("an Apple Numbers document", "export it as .xlsx or CSV")
    if kind or "[Content_Types].xml" in inside:
        return Fault("an office document and no workbook", "save the table as .xlsx or CSV UTF-8")
    first = next((name for name in names if not name.endswith("/")), "nothing")
    others = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return Fault(f"a zip archive of {_shown(first.encode())}{others}, no workbook", "unpack it first")


def _is_small(archive: zipfile.ZipFile, name: str) -> bool:
    return name in archive.namelist() and archive.getinfo(name).file_size <= START_BYTES


def _first_of(known: tuple[tuple[re.Pattern[bytes], _Words], ...], start: bytes) -> _Words | None:
    return next((words for magic, words in known if magic.match(start)), None)


def _shown(start: bytes) -> str:
    line = start.decode("utf-8", "replace").strip().partition("\n")[0].strip()
    text = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in line)
    return text if len(text) <= _FOUND_CHARACTERS else f"{text[:_FOUND_CHARACTERS]}…"
