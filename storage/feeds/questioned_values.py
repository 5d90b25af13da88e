"""Values that were taken and hardly can be meant: written with their batch, counted and listed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from sqlalchemy import Connection, func, insert, select

from storage.core.schema import questioned_values
from storage.core.storable_text import storable

MOST_OF_A_BATCH = 100
"""So many of one transaction are kept; how many more there were is said."""


@dataclass(frozen=True, slots=True)
class QuestionedValue:
    """place: where in its source; instrument: whose value; column, value: which; reason: why, and what to do."""

    place: str
    instrument: str
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        place = f"{self.place}, " if self.place else ""
        return f"{place}{self.column} {self.value} of {self.instrument} {self.reason}"


def write_questioned(connection: Connection, now: datetime, source: str, items: Sequence[QuestionedValue]) -> None:
    """Store the questioned values of one transaction: the first ``MOST_OF_A_BATCH``, and how many more."""
    kept = list(items[:MOST_OF_A_BATCH])
    if more := len(items) - len(kept):
        kept.append(QuestionedValue("", "", "", "", f"and {more} more of the same source at the same time"))
    if kept:
        connection.execute(
            insert(questioned_values),
            [
                {
                    "received_at": now,
                    "source": source,
                    "place": storable(item.place),
                    "instrument": storable(item.instrument),
                    "column_name": storable(item.column),
                    "value": storable(item.value),
                    "reason": storable(item.reason),
                }
                for item in kept
            ],
        )


def count_questioned(connection: Connection) -> int:
    """How many are listed."""
    return connection.execute(select(func.count()).select_from(questioned_values)).scalar_one()


def questioned_frame(connection: Connection, limit: int = 1000) -> pd.DataFrame:
    """The newest first: received_at, source, place, instrument, column_name, value, reason."""
    query = select(questioned_values).order_by(questioned_values.c.question_id.desc()).limit(limit)
    result = connection.execute(query)
    return pd.DataFrame(result.all(), columns=list(result.keys())).drop(columns="question_id")
