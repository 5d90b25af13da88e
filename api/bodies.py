"""Read the body of an append: JSON, JSON by line, or a file of CSV, Excel or Parquet, as records and failures."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from email.message import Message
from io import BytesIO
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request

from services.files.csv_rows import SPLIT_FILE
from services.files.file_limits import FileLimits
from services.files.open_table import Rows, open_table
from services.files.read_file import read_open_table
from services.records.how_many import grouped
from services.records.read_json import read_json
from services.records.read_rows import ReadRecords, Unreadable, heading_of
from services.records.record_kinds import RecordKind
from services.writes.append import read_appended

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PARQUET = "application/vnd.apache.parquet"
_FILES = {CSV: "body.csv", EXCEL: "body.xlsx", PARQUET: "body.parquet"}
"""Bodies that are read as a file of this name would be."""
CONTENT_TYPES = (JSON, NDJSON, *_FILES)
MOST_ROWS = 250_000
_READ_AWAY_BYTES, _READ_AWAY_SECONDS, _SILENT_SECONDS = 16_000_000, 5.0, 0.5


class BadBody(Exception):
    """A body that cannot be read at all: a sentence for people, and the HTTP status that says so."""

    def __init__(self, status: int, reason: str, place: str = "") -> None:
        super().__init__(reason)
        self.status, self.reason, self.place = status, reason, place


async def read_away(request: Request, chunks: AsyncIterator[bytes]) -> None:
    """Read what is still being sent of a body that is refused, up to a bound: whoever hangs up on a sender before takes
    the answer from it, too. chunks: the stream of the request, as far as it was read."""
    if "expect" in request.headers:
        return  # it asks before it sends
    left = _READ_AWAY_BYTES
    with suppress(TimeoutError, ClientDisconnect, StopAsyncIteration):
        async with asyncio.timeout(_READ_AWAY_SECONDS):
            while left > 0:
                left -= len(await asyncio.wait_for(anext(chunks), _SILENT_SECONDS))


def content_type_of(header: str) -> str:
    """Which of the content types a header names. Raises BadBody."""
    message = Message()
    message["content-type"] = header
    found = message.get_content_type() if header else ""
    if found not in CONTENT_TYPES:
        raise BadBody(415, f"the Content-Type must be {', '.join(CONTENT_TYPES[:-1])} or {CONTENT_TYPES[-1]}")
    charset = str(message.get_param("charset", "utf-8")).lower()
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise BadBody(415, "the text must be in UTF-8")
    return found


def read_body(body: bytes, content_type: str, kind: RecordKind, limits: FileLimits) -> ReadRecords:
    """Read all rows of a body. Raises BadBody when it is no table of rows; a bad row is a failure among the others.

    Rows are numbered from 1; those of CSV and of JSON by line by their lines, those of Excel as the sheet counts.
    limits: what a file may hold, here as anywhere.
    """
    if content_type in _FILES:
        return _read_file(body, _FILES[content_type], kind, limits)
    try:
        if content_type == NDJSON:
            return read_appended(kind.name, _json_lines(body), place="line")
        value = read_json(body)
    except ValueError as error:
        raise BadBody(400, str(error)) from error
    if not isinstance(value, (list, dict)):
        raise BadBody(400, "the body must be an object, or an array of objects or of arrays")
    rows = value if isinstance(value, list) else [value]
    if len(rows) > MOST_ROWS:
        raise _too_many()
    return read_appended(kind.name, enumerate(rows, 1))


def _json_lines(body: bytes) -> Iterator[tuple[int, Any]]:
    count = 0
    for number, line in enumerate(BytesIO(body), 1):
        if not line.strip():
            continue
        count += 1
        if count > MOST_ROWS:
            raise _too_many()
        try:
            yield number, read_json(line)
        except ValueError as error:
            raise BadBody(400, str(error), f"line {number}") from error


def _read_file(body: bytes, name: str, kind: RecordKind, limits: FileLimits) -> ReadRecords:
    """Unlike a file that is loaded, an append may bring a key again: the last one counts."""
    with tempfile.TemporaryDirectory(prefix="deltaboard-append-") as folder:
        path = Path(folder) / name
        path.write_bytes(body)
        try:
            with open_table(path, name, limits) as table:
                if (fault := heading_of(table.names, kind).fault(kind, table.where)) is not None:
                    raise BadBody(400, str(fault), f"{table.place} 1")
                return read_open_table(table, table.names, kind, _within_bounds, one_a_key=False)
        except Unreadable as unreadable:
            raise _unreadable(unreadable) from unreadable


def _within_bounds(rows: Rows) -> Rows:
    """The rows of a file; one that cannot be read to its end is refused as a body, not as a row."""
    try:
        for count, row in enumerate(rows, 1):
            if count > MOST_ROWS:
                raise _too_many()
            yield row
    except Unreadable as unreadable:
        raise _unreadable(unreadable) from unreadable


def _unreadable(unreadable: Unreadable) -> BadBody:
    failure = unreadable.failure
    if failure.remediation == SPLIT_FILE:
        return BadBody(413, f"{failure.reason}: send the rows in several requests", f"{failure.place} {failure.line}")
    return BadBody(400, failure.message, f"{failure.place} {failure.line}")


def _too_many() -> BadBody:
    return BadBody(413, f"more than {grouped(MOST_ROWS)} rows: send them in several requests")
