"""What a feed brought and the store did not take: written with the batch, counted and listed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from storage.core.schema import rejections
from storage.core.storable_text import storable


@dataclass(frozen=True, slots=True)
class Rejection:
    """place: where in the source; column, value: what was wrong there; reason: why, and how to fix it."""

    place: str
    column: str
    value: str
    reason: str


def write_rejections(connection: Connection, now: datetime, source: str, items: Sequence[Rejection]) -> None:
    """Store rejections of one source."""
    if items:
        connection.execute(
            insert(rejections),
            [
                {
                    "received_at": now,
                    "source": source,
                    "place": storable(item.place),
                    "column_name": storable(item.column),
                    "value": storable(item.value),
                    "reason": storable(item.reason),
                }
                for item in items
            ],
        )


def count_rejections(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(rejections)).scalar_one()
