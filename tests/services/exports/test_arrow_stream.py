"""Arrow that a page sends: what it unpacks to counts before it is unpacked, and what is damaged never gets past."""

import random
from contextlib import suppress
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from services.exports import arrow_stream
from services.exports.arrow_stream import TooLarge, read_arrow

MB = 1_000_000
COLUMNS: dict[str, Any] = {
    "Desk": pa.array(["a", None, "b"]).dictionary_encode(),
    "Text": ["x", "é", None],
    "Value": [1.5, None, 2.0],
    "Count": [1, 2, 3],
    "Live": [True, False, None],
    "Day": [date(2020, 3, 9), None, date(2020, 3, 10)],
    "Nothing": pa.nulls(3),
}


def stream(table: pa.Table, compression: str | None = None, batch_rows: int | None = None) -> bytes:
    target = pa.BufferOutputStream()
    with pa.ipc.new_stream(target, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table, batch_rows)
    return target.getvalue().to_pybytes()  # type: ignore[no-any-return]


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
@pytest.mark.parametrize("batch_rows", [None, 1])
def test_a_table_is_read_as_it_is(compression: str | None, batch_rows: int | None) -> None:
    table = pa.table(COLUMNS)
    assert read_arrow(stream(table, compression, batch_rows), 100, MB).to_pydict() == table.to_pydict()
    empty = table.schema.empty_table()
    assert read_arrow(stream(empty, compression), 100, MB).num_rows == 0


BOMBS = {
    "a text": pa.table({"Text": ["A" * 50 * MB]}),
    "numbers": pa.table({"Value": pa.array([0.0] * 2 * MB)}),
    "a dictionary": pa.table({"Text": pa.array(["A" * 50 * MB]).dictionary_encode()}),
    "text in many columns": pa.table({f"C{n}": ["A" * 3 * MB] for n in range(10)}),
}


class Described:
    """A reader that knows its columns, and fails when it is asked for rows."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema

    def __enter__(self) -> "Described":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def read_all(self) -> None:
        raise AssertionError("the rows were unpacked")


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked(
    bomb: str, compression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = stream(BOMBS[bomb], compression, 100_000)
    assert len(sent) < MB
    monkeypatch.setattr(arrow_stream.pa.ipc, "open_stream", lambda _: Described(BOMBS[bomb].schema))  # type: ignore[attr-defined]
    with pytest.raises(TooLarge, match="unpacks to more than 10 MB"):
        read_arrow(sent, 10 * MB, 10 * MB)


def test_a_text_that_many_rows_share_counts_for_each() -> None:
    shared = pa.DictionaryArray.from_arrays(pa.array([0, None] * 1_000, pa.int32()), pa.array(["A" * 10_000]))
    with pytest.raises(TooLarge, match="texts are more than 1 MB"):
        read_arrow(stream(pa.table({"Text": shared})), MB, MB)


def test_cells_count_although_they_take_no_room() -> None:
    with pytest.raises(TooLarge, match="more than 1\u00a0000 cells"):
        read_arrow(stream(pa.table({"Nothing": pa.nulls(MB)})), 1_000, MB)


@pytest.mark.parametrize(
    "array", [pa.array([[1]]), pa.array([{"a": 1}]), pa.array(["a"], pa.string_view()), pa.array([b"a"], pa.binary())]
)
def test_a_column_that_no_file_has_room_for_is_refused(array: pa.Array) -> None:
    with pytest.raises(ValueError, match="the column C has values of"):
        read_arrow(stream(pa.table({"C": array})), 100, MB)


def test_what_is_damaged_raises_what_it_may() -> None:
    whole = stream(pa.table(COLUMNS), "zstd", 1)
    chance = random.Random(7)
    for attempt in range(500):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        sent = bytes(content if attempt % 3 else content[: chance.randrange(len(content))])
        with suppress(ValueError, OSError, pa.ArrowException):
            read_arrow(sent, 1_000, MB)
