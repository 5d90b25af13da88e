"""What a store holds, as hashes that two runs can be compared by: how they came there, and when, is left aside."""

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Table, select

from storage.database import Store
from storage.schema import pricing_failures, quote_history, quotes, sensitivities

REPLAYED: tuple[Table, ...] = (quotes, quote_history, sensitivities, pricing_failures)
_OF_THE_RUN = ("revision", "received_at")


def contents(
    store: Store, tables: Sequence[Table] = REPLAYED, *, before: date | None = None, with_revision: bool = False
) -> dict[str, str]:
    """Table -> row count and hash of its rows; before: only earlier as-of dates."""
    found: dict[str, str] = {}
    with store.read() as connection:
        for table in tables:
            columns = [
                c for c in table.columns if c.name not in _OF_THE_RUN or (with_revision and c.name == "revision")
            ]
            query = select(*columns)
            if before is not None:
                query = query.where(table.c.as_of_date < before)
            rows = sorted(repr([_same_on_both(value) for value in row]) for row in connection.execute(query))
            found[table.name] = f"{len(rows)} rows {hashlib.sha256(repr(rows).encode()).hexdigest()}"
    return found


def _same_on_both(value: Any) -> Any:
    """SQLite keeps no negative zero."""
    return value + 0.0 if isinstance(value, float) else value
