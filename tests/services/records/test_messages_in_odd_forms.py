"""A message in a form that is not the topic's: the dead letter names the form, and what reads it."""

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ingestion.deserializers import framed_json, payload, trade_ticket
from services.records.read_json import read_json
from services.records.read_message import Deserializer, UnreadableMessage, read_message
from services.writes.append import read_appended

TRADE = {"TradeId": "K1", "Ticker": "AAPL", "Book": "VOL", "Product": "EQ_Stock", "Quantity": 5}
NOW = datetime(2026, 1, 5, tzinfo=UTC)
FRAME = b"\0\0\0\0\x07"


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def refusal(message: bytes, deserialize: Deserializer = trade_ticket) -> UnreadableMessage:
    with pytest.raises(UnreadableMessage) as caught:
        read_message(message, "trades", deserialize, NOW)
    return caught.value


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b'{"TradeId":"K7","Quantity":100,"Quantity":-100}', "Quantity stands twice in one object: keep one of them"),
        (b'[{"TradeId":"K7","TradeId":"K7"}]', "TradeId stands twice"),
        (
            encoded({"schema": {"fields": []}, "payload": TRADE}),
            "Kafka Connect (schema and payload): use",
        ),
        (encoded({"before": None, "after": TRADE, "op": "c"}), "Debezium (before and after): use the deserializer"),
        (FRAME + encoded(TRADE), "schema registry (first byte 0, schema 7): use the deserializer"),
        (FRAME + b"\x02\x04K1\xff", "framed_json for JSON, or one of your own for Avro"),
        (gzip.compress(encoded(TRADE), mtime=0), "compressed with gzip: send it unpacked"),
    ],
)
def test_the_form_is_named(message: bytes, words: str) -> None:
    assert words in refusal(message).reason


def test_the_row_of_a_list_is_named() -> None:
    fault = refusal(encoded([TRADE, {**TRADE, "Product": "EQ_Stock", "Quantity": "x"}]))
    assert (fault.column, fault.value) == ("Quantity", "x")
    assert fault.reason.startswith("row 2 of the list: not a number")
    assert refusal(encoded([TRADE, 7])).reason.startswith("row 2 of the list: a number where a row was expected")
    assert refusal(encoded([{**TRADE, "Quantity": "x"}])).reason.startswith("not a number")


@pytest.mark.parametrize(
    ("message", "deserialize"),
    [
        (encoded({"schema": {}, "payload": TRADE}), payload),
        (encoded({"schema": {}, "payload": {"before": None, "after": TRADE, "op": "c"}}), payload),
        (encoded({"before": None, "after": TRADE, "op": "r"}), payload),
        (encoded(TRADE), payload),
        (FRAME + encoded(TRADE), framed_json),
    ],
)
def test_a_form_is_read_by_its_deserializer(message: bytes, deserialize: Deserializer) -> None:
    found = read_message(message, "trades", deserialize, NOW)
    assert [record["trade_id"] for record in found.records["trades"]] == ["K1"]


@pytest.mark.parametrize(
    ("message", "deserialize", "words"),
    [
        (encoded({"before": TRADE, "after": None, "op": "d"}), payload, "a deletion: nothing is deleted here"),
        (encoded(TRADE), framed_json, "no frame of a schema registry"),
    ],
)
def test_what_a_deserializer_cannot_read_is_said(message: bytes, deserialize: Deserializer, words: str) -> None:
    assert words in refusal(message, deserialize).reason


def test_a_name_twice_is_refused_wherever_json_is_read() -> None:
    with pytest.raises(ValueError, match="Quantity stands twice"):
        read_json(b'{"Quantity":1,"Quantity":-1}')
    assert read_json(b'{"a":{"x":1},"b":{"x":1}}') == {"a": {"x": 1}, "b": {"x": 1}}


def test_positional_rows_still_end_early() -> None:
    read = read_appended("trades", [(1, ["T1", "AAPL", "VOL", "EQ_Stock", 5])])
    assert [record["quantity"] for record in read.records] == [5.0]
