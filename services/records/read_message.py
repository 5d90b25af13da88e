"""Turn a message of a stream into valid rows: by a deserialiser that may be anybody's, and the checks of each kind."""

import importlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from services.records.ahead_of_clock import is_ahead, moment_text
from services.records.faults import BadValue
from services.records.how_many import grouped, how_many
from services.records.incoming import Incoming
from services.records.known_formats import packed_format
from services.records.read_dates import AHEAD
from services.records.read_rows import record_of
from services.records.record_kinds import RECORD_KINDS

LARGEST_MESSAGE = 1_000_000
"""Bytes. A larger message is not given to the deserialiser."""
_LONGEST_REASON = 300
_SHIPPED = "ingestion.deserializers"

Row = Mapping[str, Any]
"""Column name, as in files -> value: text, number, true, false or None."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a kind of record (a key of ``RECORD_KINDS``) that is not the one its topic was given for."""

    kind: str
    rows: Iterable[Row]


Deserializer = Callable[[bytes], Row | Rows | Iterable[Row | Rows]]
"""Maps the bytes of a message to its rows; raises whatever it likes for one that it cannot read."""


class UnreadableMessage(Exception):
    """A message cannot be taken: the column (or "") and the value where that can be said, and the reason for people."""

    def __init__(self, reason: str, column: str = "", value: str = "") -> None:
        super().__init__(reason)
        self.reason, self.column, self.value = reason, column, value


class UnknownDeserializer(Exception):
    """There is no such function; the message says what is wrong with its name."""


@lru_cache(maxsize=64)
def deserializer_named(name: str) -> Deserializer:
    """The function that ``package.module:function`` names. Raises UnknownDeserializer."""
    module_name, _, function_name = name.partition(":")
    if not module_name or not function_name:
        raise UnknownDeserializer(f"The deserializer '{name}' must be written as package.module:function.")
    try:
        module = importlib.import_module(module_name)
    except Exception as fault:
        said = f"{type(fault).__name__}: {fault}"
        raise UnknownDeserializer(f"The deserializer '{name}' cannot be had: {said}.") from fault
    found = getattr(module, function_name, None)
    if not callable(found):
        raise UnknownDeserializer(f"The deserializer '{name}' cannot be had: {module_name} has no such function.")
    return found  # type: ignore[no-any-return]


def message_place(topic: str, partition: int, offset: int) -> str:
    """Where a message is, for people."""
    return f"{topic}, partition {partition}, offset {offset}"


def read_message(
    message: bytes | None, kind: str, deserialize: Deserializer, latest: datetime, place: str = ""
) -> Incoming:
    """All rows of a message. latest: a quote that was observed after it is refused. place: where it was, for people.

    Raises UnreadableMessage, and nothing else, when any of its rows cannot be taken: a message is taken whole or not.
    """
    if message is None:
        raise UnreadableMessage(
            "a message without a body (a tombstone): nothing is deleted here, set TradeStatus to Terminated instead"
        )
    if len(message) > LARGEST_MESSAGE:
        size = f"{how_many(len(message), 'byte')}, at most {grouped(LARGEST_MESSAGE)} are read"
        raise UnreadableMessage(f"{size}: send smaller messages")
    found = Incoming()
    try:
        rows = deserialize(message)
        if rows.__class__ is dict:
            _add(found, kind, rows, place)
        else:
            _add_all(found, kind, rows, place)
    except UnreadableMessage:
        raise
    except Exception as fault:
        raise UnreadableMessage(_known_form(message) or _in_words(fault)) from fault
    observed = [quote.observed_at for quote in found.quotes] + [row["as_of_date"] for row in found.sensitivities]
    for moment in observed:
        if is_ahead(moment, latest):
            raise UnreadableMessage(str(AHEAD), "AsOfDate", moment_text(moment))
    return found


def _add(found: Incoming, kind: str, values: Row, place: str) -> None:
    record, faults = record_of(values, RECORD_KINDS[kind])
    if record is None:
        if envelope := _envelope_of(values):
            raise UnreadableMessage(envelope)
        first = faults[0]
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise UnreadableMessage(first.message + more, first.column, first.value)
    found.add(kind, record, place)


def _add_all(found: Incoming, kind: str, rows: Any, place: str) -> None:
    if isinstance(rows, Mapping):
        _add(found, kind, rows, place)
    elif isinstance(rows, Rows):
        if rows.kind not in RECORD_KINDS:
            known = ", ".join(RECORD_KINDS)
            raise UnreadableMessage(f"the deserializer gave rows of '{rows.kind}': there are {known}")
        _add_all(found, rows.kind, rows.rows, place)
    elif isinstance(rows, Iterable) and not isinstance(rows, (str, bytes)):
        several = not isinstance(rows, Sequence) or len(rows) > 1
        for number, row in enumerate(rows, 1):
            try:
                if not isinstance(row, (Mapping, Rows)):
                    raise UnreadableMessage(
                        f"{_word(row)} where a row was expected: a row is an object of names and values"
                    )
                _add_all(found, kind, row, place)
            except UnreadableMessage as fault:
                which = f"row {number} of the list: " if several else ""
                raise UnreadableMessage(which + fault.reason, fault.column, fault.value) from fault
    else:
        raise UnreadableMessage(f"{_word(rows)} where rows were expected: a row is an object of names and values")


def _envelope_of(values: Row) -> str | None:
    """Which envelope a row is that has none of its columns, and what reads it."""
    if "payload" in values:
        return f"an envelope of Kafka Connect (schema and payload): use the deserializer {_SHIPPED}:payload"
    if "op" in values and "after" in values:
        return f"a change event of Debezium (before and after): use the deserializer {_SHIPPED}:payload"
    return None


def _known_form(message: bytes) -> str | None:
    """What bytes are that cannot be read, by how they begin."""
    if (packed := packed_format(message)) is not None:
        return f"{packed}: send it unpacked, or let the producer compress (compression.type)"
    if message[:1] == b"\0" and len(message) > 5:
        schema = int.from_bytes(message[1:5], "big")
        how = f"use the deserializer {_SHIPPED}:framed_json for JSON, or one of your own for Avro or Protobuf"
        return f"framed by a schema registry (first byte 0, schema {schema}): {how}"
    return None


def _in_words(fault: Exception) -> str:
    if isinstance(fault, json.JSONDecodeError):
        return f"not JSON: {fault.msg}, at line {fault.lineno}, character {fault.colno}"
    if isinstance(fault, UnicodeDecodeError):
        if (packed := packed_format(fault.object)) is not None:
            return f"{packed}: send the text itself, or name a deserializer that unpacks it"
        return f"not UTF-8 text at byte {fault.start}"
    if isinstance(fault, RecursionError):
        return "nested too deeply to be read"
    if isinstance(fault, BadValue):
        return str(fault)
    if isinstance(fault, KeyError) and len(fault.args) == 1:
        return f"has no {str(fault.args[0])[:_LONGEST_REASON]}, which the deserializer needs"
    said = " ".join(str(fault).split())[:_LONGEST_REASON]
    said = said if said.isprintable() else ascii(said)[1:-1]
    return f"the deserializer failed: {type(fault).__name__}{f', {said}' if said else ''}"


def _word(value: Any) -> str:
    names = {
        type(None): "nothing",
        str: "a text",
        bytes: "bytes",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), "a list" if isinstance(value, (list, tuple)) else f"a {type(value).__name__}")
