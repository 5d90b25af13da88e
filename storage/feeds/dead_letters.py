"""Messages that could not be taken: kept whole, listed, and settled when they were taken after all."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from storage.core.database import WriteUnit
from storage.core.schema import dead_letters
from storage.core.storable_text import storable

WAITING, TAKEN = "waiting", "taken"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message as it came, where from, for which kind of row by which deserialiser, and why it could not be taken."""

    consumer_group: str
    topic: str
    partition: int
    message_offset: int
    message_key: bytes | None
    message: bytes | None
    kind: str
    deserializer: str
    column_name: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """A dead letter in the store."""

    dead_letter_id: int
    received_at: datetime
    letter: DeadLetter
    state: str
    attempts: int
    settled_at: datetime | None


def write_dead_letters(unit: WriteUnit, letters: Sequence[DeadLetter]) -> None:
    """Keep messages in the transaction that passes them by.

    The position that moves in the same transaction sees to it that each is kept once. Their places alone would not: a
    topic that is made anew has its offsets again.
    """
    if letters:
        rows = [
            {
                **asdict(letter),
                **_texts(letter.column_name, letter.value, letter.reason),
                "received_at": unit.now,
                "state": WAITING,
                "attempts": 1,
            }
            for letter in letters
        ]
        unit.connection.execute(insert(dead_letters), rows)


def count_waiting(connection: Connection) -> int:
    """How many messages wait to be fixed."""
    query = select(func.count()).select_from(dead_letters).where(dead_letters.c.state == WAITING)
    return connection.execute(query).scalar_one()


def read_dead_letters(
    connection: Connection, ids: Collection[int] | None = None, limit: int = 1000, *, settled: bool = False
) -> list[StoredDeadLetter]:
    """These letters, or the oldest that wait (with ``settled``: those that were taken, too), by id."""
    query = select(dead_letters).order_by(dead_letters.c.dead_letter_id).limit(limit)
    if ids is not None:
        query = query.where(dead_letters.c.dead_letter_id.in_(ids))
    elif not settled:
        query = query.where(dead_letters.c.state == WAITING)
    names = [field.name for field in fields(DeadLetter)]
    return [
        StoredDeadLetter(
            row["dead_letter_id"],
            row["received_at"],
            DeadLetter(**{name: row[name] for name in names}),
            row["state"],
            row["attempts"],
            row["settled_at"],
        )
        for row in connection.execute(query).mappings()
    ]


def settle(unit: WriteUnit, dead_letter_id: int) -> bool:
    """Note that a waiting message has been taken; False when somebody else has done it already."""
    taken = (
        update(dead_letters)
        .where(dead_letters.c.dead_letter_id == dead_letter_id, dead_letters.c.state == WAITING)
        .values(state=TAKEN, attempts=dead_letters.c.attempts + 1, settled_at=unit.now)
    )
    return unit.connection.execute(taken).rowcount == 1


def note_attempt(connection: Connection, dead_letter_id: int, column: str, value: str, reason: str) -> None:
    """Note that a message was tried again in vain, and why."""
    connection.execute(
        update(dead_letters)
        .where(dead_letters.c.dead_letter_id == dead_letter_id)
        .values(attempts=dead_letters.c.attempts + 1, **_texts(column, value, reason))
    )


def _texts(column: str, value: str, reason: str) -> dict[str, str]:
    return {"column_name": storable(column), "value": storable(value), "reason": storable(reason)}
