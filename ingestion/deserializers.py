"""Deserialisers: what turns the bytes of a message into rows. Some come with Deltaboard; write your own beside them.

A deserialiser is a function from ``bytes`` to a row, to several, or to ``Rows`` of another kind. A row is a mapping
from the column names of files to values. Whatever it raises sends the message to the dead letters; the stream goes on.
"""

import json
from typing import Any, NoReturn

from services.records.read_json import once_each
from services.records.read_message import Rows, UnreadableMessage

__all__ = ["Rows", "UnreadableMessage"]

TRADE_TICKET = "ingestion.deserializers:trade_ticket"


def trade_ticket(message: bytes) -> Any:
    """The whole message: a JSON object is a row of the topic's kind, a list of objects is several."""
    text = message.decode("utf-8")
    if text[:1] == "{":  # nearly always: a third of the work is saved by not looking for space around it
        found, end = _JSON.raw_decode(text)
        if end == len(text):
            return found
    return _JSON.decode(text.removeprefix("\ufeff"))


def payload(message: bytes) -> Any:
    """The rows in an envelope: the ``payload`` of Kafka Connect, the ``after`` of a change by Debezium."""
    found = trade_ticket(message)
    if isinstance(found, dict) and "payload" in found:
        found = found["payload"]
    if isinstance(found, dict) and "op" in found and "after" in found:
        found = found["after"]
    if found is None:
        raise UnreadableMessage("a deletion: nothing is deleted here, set TradeStatus to Terminated instead")
    return found


def framed_json(message: bytes) -> Any:
    """JSON behind the five bytes that a schema registry puts before it: a zero, and the number of the schema."""
    if message[:1] != b"\0":
        raise UnreadableMessage("no frame of a schema registry: its first byte must be 0")
    return trade_ticket(message[5:])


def market_value_of_trade(message: bytes) -> Rows:
    """The market value of a trade message, as a reported sensitivity to its ticker; everything else is left out."""
    trade = trade_ticket(message)
    if not isinstance(trade, dict):
        raise UnreadableMessage("not one trade: send a JSON object")
    sensitivity = {name: trade[name] for name in ("AsOfDate", "TradeId", "MarketValue")}
    return Rows("sensitivities", [{**sensitivity, "RiskFactor": trade["Ticker"]}])


def _refuse_constant(name: str) -> NoReturn:
    raise UnreadableMessage(f"{name} is no number that JSON has: send a number, or leave the field out")


_JSON = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=once_each)
"""Made once: ``json.loads`` with options makes one for each message."""
