"""Read the body of an append: JSON, JSON by line, or CSV, as records and failures."""

from collections.abc import Iterator
from email.message import Message
from io import BytesIO
from typing import Any

from services.append import read_appended
from services.csv_rows import csv_rows
from services.read_json import read_json
from services.read_rows import ReadRecords, Unreadable, heading_of, read_table
from services.record_kinds import RecordKind

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
CONTENT_TYPES = (JSON, NDJSON, CSV)
MOST_ROWS = 250_000
_MOST_COLUMNS = 200


class BadBody(Exception):
    """A body that cannot be read at all: a sentence for people, and the HTTP status that says so."""

    def __init__(self, status: int, reason: str, place: str = "") -> None:
        super().__init__(reason)
        self.status, self.reason, self.place = status, reason, place


def content_type_of(header: str) -> str:
    """Which of the content types a header names. Raises BadBody."""
    message = Message()
    message["content-type"] = header
    found = message.get_content_type() if header else ""
    if found not in CONTENT_TYPES:
        raise BadBody(415, f"the Content-Type must be {', '.join(CONTENT_TYPES[:-1])} or {CSV}")
    charset = str(message.get_param("charset", "utf-8")).lower()
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise BadBody(415, "the text must be in UTF-8")
    return found


def read_body(body: bytes, content_type: str, kind: RecordKind) -> ReadRecords:
    """Read all rows of a body. Raises BadBody when it is no table of rows; a bad row is a failure among the others.

    Rows are numbered from 1; those of CSV and of JSON by line by their lines.
    """
    if content_type == CSV:
        return _read_csv(body, kind)
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


def _read_csv(body: bytes, kind: RecordKind) -> ReadRecords:
    rows: list[tuple[int, list[str]]] = []
    try:
        for row in csv_rows(BytesIO(body), _MOST_COLUMNS):
            if len(rows) > MOST_ROWS:
                raise _too_many()
            rows.append(row)
    except Unreadable as unreadable:
        raise BadBody(400, unreadable.failure.reason, f"line {unreadable.failure.line}") from unreadable
    if not rows:
        raise BadBody(400, "the body is empty: its first line must name the columns")
    names = [name.strip() for name in rows[0][1]]
    if (fault := heading_of(names, kind).fault(kind)) is not None:
        raise BadBody(400, fault, "line 1")
    return read_table(names, rows[1:], kind, one_a_key=False)


def _too_many() -> BadBody:
    return BadBody(413, f"more than {MOST_ROWS:,} rows: send them in several requests")
