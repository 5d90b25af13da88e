"""How a table, or what changed in it, looks on the websocket.

A message is, in this order:

- the four bytes `DLB1`;
- the length of the header as an unsigned 32-bit integer, little-endian;
- the header: a JSON object in UTF-8, padded with spaces so that the body begins at a multiple of eight;
- the body: the numeric columns back to back, each `rows` little-endian float64 long, in the order of
  `header["columns"]`.

A header has `kind` ("snapshot" or "delta"), `table`, `revision`, `as_of_date`, `observed_at`, `rows`, `columns` and
`text`. Text columns travel in the header, plain or dictionary encoded. NaN means not known.

The float column `row` has the ids of the rows; without one, row i of a snapshot has the id i. A snapshot replaces the
table. A delta carries the rows that changed, and only the columns that can change. Its first `text_rows` rows have text
too, all columns of it; a row that the viewer does not know is among these. `gone` has the ids of rows that the viewer
shows no more, and may name others.

A message for the pivot has no such columns: its body is Arrow streams, each as long as `header["streams"]` says.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

MAGIC = b"DLB1"
PREFIX_BYTES = 8
ROW_COLUMN = "row"

FloatArray = NDArray[np.float64]
Header = dict[str, Any]
TextColumn = list[str] | dict[str, list[str] | list[int]]


class WireError(ValueError):
    """A message that cannot be written, or is not one of ours."""


def encode(header: Mapping[str, Any], columns: Mapping[str, FloatArray]) -> bytes:
    """One message; `rows` and `columns` of the header are filled in from the columns."""
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise WireError(f"columns of different lengths: { {name: len(values) for name, values in columns.items()} }")
    rows = lengths.pop() if lengths else int(header.get("rows", 0))
    if header.get("rows", rows) != rows:
        raise WireError(f"the header says {header['rows']} rows, the columns have {rows}")
    with_text = header.get("text_rows", rows)
    for name, column in header.get("text", {}).items():
        length = len(column["codes"] if isinstance(column, Mapping) else column)
        if length != with_text:
            raise WireError(f"text column {name!r} has {length} rows instead of {with_text}")
    complete = {"text": {}, **header, "rows": rows, "columns": list(columns)}
    return _framed(complete, [np.ascontiguousarray(values, dtype="<f8").tobytes() for values in columns.values()])


def encode_arrow(header: Mapping[str, Any], tables: Sequence[pa.Table]) -> bytes:
    """One message whose body is Arrow; `streams` of the header gets the length of each."""
    streams = []
    for table in tables:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        streams.append(sink.getvalue().to_pybytes())
    return _framed({**header, "streams": [len(stream) for stream in streams]}, streams)


def decode_arrow(message: bytes) -> tuple[Header, list[pa.Table]]:
    """The header and the tables of a message for the pivot: for tests and tools."""
    header, place = _header_of(message)
    tables = []
    for length in header["streams"]:
        tables.append(pa.ipc.open_stream(message[place : place + length]).read_all())
        place += length
    if place != len(message):
        raise WireError(f"{len(message) - place} bytes are left after the last stream")
    return header, tables


def decode(message: bytes) -> tuple[Header, dict[str, FloatArray]]:
    """The header and the numeric columns of a message: what the browser does, for tests and tools."""
    header, body_start = _header_of(message)
    rows, names = int(header["rows"]), header["columns"]
    if len(message) - body_start != 8 * rows * len(names):
        raise WireError(f"the body has {len(message) - body_start} bytes instead of {8 * rows * len(names)}")
    numbers = np.frombuffer(message, dtype="<f8", offset=body_start).astype(np.float64)
    return header, {name: numbers[i * rows : (i + 1) * rows] for i, name in enumerate(names)}


def _framed(header: Mapping[str, Any], body: Sequence[bytes]) -> bytes:
    try:
        head = json.dumps(header, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:
        raise WireError(f"a header holds no NaN and no infinity: {error}") from error
    head += b" " * (-(PREFIX_BYTES + len(head)) % 8)
    return b"".join([MAGIC, len(head).to_bytes(4, "little"), head, *body])


def _header_of(message: bytes) -> tuple[Header, int]:
    """The header of a message, and where its body begins."""
    if len(message) < PREFIX_BYTES or message[:4] != MAGIC:
        raise WireError("not a message of the board")
    body_start = PREFIX_BYTES + int.from_bytes(message[4:PREFIX_BYTES], "little")
    if body_start % 8 or body_start > len(message):
        raise WireError("the length of the header is wrong")
    header: Header = json.loads(message[PREFIX_BYTES:body_start])
    return header, body_start


def dictionary_encoded(values: Sequence[str]) -> dict[str, list[str] | list[int]]:
    """A text column with few different values, as its values and a code for each row."""
    codes: dict[str, int] = {}
    rows = [codes.setdefault(value, len(codes)) for value in values]
    return {"values": list(codes), "codes": rows}


def plain_text(column: TextColumn) -> list[str]:
    """The strings of a text column, however it is encoded."""
    if isinstance(column, list):
        return column
    values = column["values"]
    return [str(values[int(code)]) for code in column["codes"]]
