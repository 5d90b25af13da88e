"""A message says in the browser what it said on the server."""

import json
import struct

import numpy as np
import pytest

from live.tables import wire

HEADER = {
    "kind": "snapshot",
    "table": "market",
    "revision": 48211,
    "as_of_date": "2020-03-12",
    "observed_at": "2020-03-12T14:32:07Z",
    "text": {"ticker": ["AAPL", "MSFT", "Ünïted"], "currency": {"values": ["USD", "EUR"], "codes": [0, 0, 1]}},
}


def columns() -> dict[str, wire.FloatArray]:
    return {"quote": np.array([66.54, np.nan, -0.0]), "previous_close": np.array([1e-300, 2.0, np.inf])}


def test_a_message_comes_back_as_it_was_sent() -> None:
    header, decoded = wire.decode(wire.encode(HEADER, columns()))

    assert header == {**HEADER, "rows": 3, "columns": ["quote", "previous_close"]}
    assert list(decoded) == ["quote", "previous_close"]
    for name, values in columns().items():
        np.testing.assert_array_equal(decoded[name], values)


@pytest.mark.parametrize("length", range(9))
def test_the_body_begins_at_a_multiple_of_eight(length: int) -> None:
    message = wire.encode({**HEADER, "note": "x" * length}, columns())
    body_start = 8 + struct.unpack("<I", message[4:8])[0]

    assert message[:4] == b"DLB1"
    assert body_start % 8 == 0
    assert len(message) == body_start + 2 * 3 * 8
    assert json.loads(message[8:body_start])["note"] == "x" * length
    assert struct.unpack_from("<d", message, body_start)[0] == 66.54


def test_a_delta_needs_no_text_and_may_be_empty() -> None:
    header, decoded = wire.decode(wire.encode({"kind": "delta", "table": "market"}, {"row": np.array([])}))

    assert (header["rows"], header["columns"], header["text"]) == (0, ["row"], {})
    assert decoded["row"].size == 0


def test_columns_that_are_not_contiguous_float64_are_written_as_such() -> None:
    values = np.arange(10)[::2]
    _, decoded = wire.decode(wire.encode({"kind": "delta"}, {"row": values.astype(np.float32)}))

    np.testing.assert_array_equal(decoded["row"], values)


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(wire.WireError, match="different lengths"):
        wire.encode({}, {"quote": np.zeros(2), "row": np.zeros(3)})
    with pytest.raises(wire.WireError, match="says 4 rows"):
        wire.encode({"rows": 4}, {"quote": np.zeros(2)})
    with pytest.raises(wire.WireError, match="'ticker' has 1 rows instead of 2"):
        wire.encode({"text": {"ticker": ["AAPL"]}}, {"quote": np.zeros(2)})
    with pytest.raises(wire.WireError, match="no NaN"):
        wire.encode({"day": {"AAPL": [[0, float("nan")]]}}, {"quote": np.zeros(2)})


@pytest.mark.parametrize("damage", [b"", b"DLB2", b"DLB1\xff\xff\xff\x7f"])
def test_what_is_not_a_message_is_refused(damage: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.decode(damage)
    with pytest.raises(wire.WireError):
        wire.decode(wire.encode(HEADER, columns())[:-8])


def test_dictionary_encoding_keeps_every_string() -> None:
    books = ["EQ_VOL", "EQ_VOL", "EQ_ARB", "", "EQ_VOL"]
    encoded = wire.dictionary_encoded(books)

    assert encoded == {"values": ["EQ_VOL", "EQ_ARB", ""], "codes": [0, 0, 1, 2, 0]}
    assert wire.plain_text(encoded) == wire.plain_text(books) == books
