"""A table from an Arrow stream, after its own description has shown that it stays within bounds once it is unpacked."""

import struct
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from services.records.how_many import grouped

_DICTIONARY, _ROWS = 2, 3
"""Kinds of messages that hold data."""
_STORED = -1
"""What stands before a buffer that is not compressed, among those that are."""
_BUFFER = struct.Struct("<qq")
_MOST_BUFFERS = 100_000


class TooLarge(ValueError):
    """The table is beyond the bounds; the message is for people."""


def read_arrow(stream: bytes, most_cells: int, most_bytes: int) -> pa.Table:
    """The table of a stream. most_bytes: what its values take once they are unpacked and no text is shared.

    Raises TooLarge, mostly before anything is unpacked, and ValueError, OSError or ArrowException for what is no
    stream, is damaged, or has a column that a file has no room for.
    """
    with pa.ipc.open_stream(pa.BufferReader(stream)) as reader:
        schema = reader.schema
        for column in schema:
            _check_type(column)
        rows = size = 0
        for count, unpacked in _described(stream):
            rows += count
            size += unpacked
            if rows * max(len(schema), 1) > most_cells:
                raise TooLarge(f"it has more than {grouped(most_cells)} cells")
            if size > most_bytes:
                raise TooLarge(f"it unpacks to more than {grouped(most_bytes / 1e6)} MB")
        table = reader.read_all()
    table.validate(full=True)
    if sum(_expanded(chunk) for column in table.columns for chunk in column.chunks) > most_bytes:
        raise TooLarge(f"its texts are more than {grouped(most_bytes / 1e6)} MB")
    return table


def _check_type(column: pa.Field) -> None:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if not (is_text or pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)):
        raise ValueError(f"the column {column.name} has values of {column.type}")


def _expanded(chunk: pa.Array) -> int:
    """How many bytes the texts of a column are when each row has its own."""
    if not pa.types.is_dictionary(chunk.type) or pa.types.is_primitive(chunk.type.value_type):
        return 0
    if len(chunk.dictionary) == 0 or pa.types.is_null(chunk.type.value_type):
        return 0
    return pc.sum(pc.binary_length(chunk.dictionary).cast(pa.int64()).take(chunk.indices)).as_py() or 0


def _described(stream: bytes) -> Iterator[tuple[int, int]]:
    """Rows, and bytes once unpacked, of each message, by its description alone."""
    messages = pa.ipc.MessageReader.open_stream(pa.BufferReader(stream))
    while True:
        try:
            message = messages.read_next_message()
        except StopIteration:
            return
        about = _Table.root(bytes(message.metadata))
        kind, batch = about.byte(1), about.table(2)
        if batch is None or kind not in (_DICTIONARY, _ROWS):
            continue
        if kind == _DICTIONARY:
            batch = batch.table(1)
        if batch is None:
            raise ValueError("a message without its rows")
        rows = batch.long(0)
        body = message.body
        size = 0 if body is None else body.size
        if body is not None and batch.table(3) is not None:
            size = sum(_unpacked(body, *place) for place in batch.pairs(2))
        if rows < 0:
            raise ValueError("a message with less than no rows")
        yield (rows if kind == _ROWS else 0), size


def _unpacked(body: pa.Buffer, offset: int, length: int) -> int:
    if length == 0:
        return 0
    if offset < 0 or length < 8 or offset + length > body.size:
        raise ValueError("a buffer that lies outside of its message")
    told: int = struct.unpack("<q", body.slice(offset, 8).to_pybytes())[0]
    if told < _STORED:
        raise ValueError("a buffer of less than no bytes")
    return length - 8 if told == _STORED else told


class _Table:
    """A table of a FlatBuffer, which is what describes a message: fields are found by their number."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at
        self._fields = at - self._int("<i", at)
        self._size = self._int("<H", self._fields)

    @classmethod
    def root(cls, data: bytes) -> "_Table":
        return cls(data, _unpack("<I", data, 0))

    def byte(self, field: int) -> int:
        place = self._place(field)
        return 0 if place is None else self._int("<B", place)

    def long(self, field: int) -> int:
        place = self._place(field)
        return 0 if place is None else self._int("<q", place)

    def table(self, field: int) -> "_Table | None":
        place = self._place(field)
        return None if place is None else _Table(self._data, place + self._int("<I", place))

    def pairs(self, field: int) -> list[tuple[int, int]]:
        """A list of pairs of long numbers."""
        place = self._place(field)
        if place is None:
            return []
        start = place + self._int("<I", place)
        count = self._int("<I", start)
        if count > _MOST_BUFFERS or start + 4 + count * _BUFFER.size > len(self._data):
            raise ValueError("a list that is longer than its message")
        return list(_BUFFER.iter_unpack(self._data[start + 4 : start + 4 + count * _BUFFER.size]))

    def _place(self, field: int) -> int | None:
        entry = 4 + 2 * field
        offset = self._int("<H", self._fields + entry) if entry + 2 <= self._size else 0
        return self._at + offset if offset else None

    def _int(self, form: str, at: int) -> int:
        return _unpack(form, self._data, at)


def _unpack(form: str, data: bytes, at: int) -> int:
    try:
        if at < 0:
            raise struct.error
        found: int = struct.unpack_from(form, data, at)[0]
    except struct.error as error:
        raise ValueError("a message that describes more than it has") from error
    return found
