"""Read the body of an append: JSON, JSON by line, or a file of CSV, Excel or Parquet, as records and failures."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from email.message import Message
from io import BytesIO
from typing import Any

from starlette.requests import ClientDisconnect, Request

from api.body_files import MOST_ROWS, BadBody, too_many_rows
from services.records.read_json import read_json
from services.records.read_rows import ReadRecords
from services.records.record_kinds import RecordKind
from services.writes.append import read_appended

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PARQUET = "application/vnd.apache.parquet"
FILES = {CSV: "body.csv", EXCEL: "body.xlsx", PARQUET: "body.parquet"}
"""Bodies that are read as a file of this name would be."""
ReadFile = Callable[[bytes, str, str], ReadRecords]
CONTENT_TYPES = (JSON, NDJSON, *FILES)
_READ_AWAY_BYTES, _READ_AWAY_SECONDS, _SILENT_SECONDS = 16_000_000, 5.0, 0.5


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


def read_body(body: bytes, content_type: str, kind: RecordKind, read_file: ReadFile) -> ReadRecords:
    """Read all rows of a body. Raises BadBody when it is no table of rows; a bad row is a failure among the others.

    Rows are numbered from 1; those of CSV and of JSON by line by their lines, those of Excel as the sheet counts.
    read_file: reads a body as a file of some name, and of a kind of record.
    """
    if content_type in FILES:
        return read_file(body, FILES[content_type], kind.name)
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
        raise too_many_rows(MOST_ROWS)
    return read_appended(kind.name, enumerate(rows, 1))


def _json_lines(body: bytes) -> Iterator[tuple[int, Any]]:
    count = 0
    for number, line in enumerate(BytesIO(body), 1):
        if not line.strip():
            continue
        count += 1
        if count > MOST_ROWS:
            raise too_many_rows(MOST_ROWS)
        try:
            yield number, read_json(line)
        except ValueError as error:
            raise BadBody(400, str(error), f"line {number}") from error
