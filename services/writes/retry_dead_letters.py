"""Try messages again that could not be taken: by the deserialiser of then, as it is now. One transaction a message."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.pricing.pricing_state import PricingState
from services.records.read_message import (
    UnknownDeserializer,
    UnreadableMessage,
    deserializer_named,
    message_place,
    read_message,
)
from services.writes.apply_incoming import apply_incoming
from storage.core.database import Store, WriteUnit
from storage.feeds.dead_letters import WAITING, StoredDeadLetter, note_attempt, settle

SOURCE = "kafka"
"""What the store says of where the rows came from: the same as when they are taken at once."""


@dataclass(frozen=True, slots=True)
class Retried:
    """What came of a message. fault: why it cannot be taken still, or None when it is in the store now."""

    dead_letter_id: int
    rows: int
    fault: str | None


class _SettledAlready(Exception):
    """Somebody else has taken the message meanwhile: this transaction must not take effect a second time."""


@dataclass(frozen=True, slots=True)
class _Settling:
    """The position of a message that waits: it is taken in the transaction of its rows."""

    dead_letter_id: int

    def move(self, unit: WriteUnit, _late: int, _rejected: int) -> None:
        if not settle(unit, self.dead_letter_id):
            raise _SettledAlready


def retry_dead_letters(
    store: Store, state: PricingState, letters: Sequence[StoredDeadLetter], *, future_tolerance_seconds: float = 300.0
) -> Iterator[Retried]:
    """Take each message that can be taken now, in the order given, and note an attempt on the others."""
    for stored in letters:
        yield _retry(store, state, stored, future_tolerance_seconds)


def _retry(store: Store, state: PricingState, stored: StoredDeadLetter, tolerance_seconds: float) -> Retried:
    letter, number = stored.letter, stored.dead_letter_id
    if stored.state != WAITING:
        return Retried(number, 0, "it was taken already")
    latest = datetime.now(UTC) + timedelta(seconds=tolerance_seconds)
    try:
        deserialize = deserializer_named(letter.deserializer)
        place = message_place(letter.topic, letter.partition, letter.message_offset)
        incoming = read_message(letter.message, letter.kind, deserialize, latest, place)
    except UnreadableMessage as fault:
        return _in_vain(store, number, fault.column, fault.value, fault.reason)
    except UnknownDeserializer as fault:
        return _in_vain(store, number, "", "", str(fault))
    try:
        apply_incoming(
            store,
            state,
            incoming,
            source=SOURCE,
            position=_Settling(number),
            wait_for_slow=True,
            future_tolerance_seconds=tolerance_seconds,
        )
    except _SettledAlready:
        return Retried(number, 0, "it was taken already")
    return Retried(number, len(incoming), None)


def _in_vain(store: Store, number: int, column: str, value: str, reason: str) -> Retried:
    with store.bookkeeping() as connection:
        note_attempt(connection, number, column, value, reason)
    place = f"{column} " if column else ""
    shown = f"'{value}' " if value else ""
    return Retried(number, 0, f"{place}{shown}{reason}")
