"""The newest rows are what their versions say: find what differs, and make them so again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select

from storage.book.records import RECORD_TABLES
from storage.book.records_at import held_records
from storage.core.change_log import changing
from storage.core.database import Store
from storage.core.schema import quotes
from storage.market.quote_history import held_quotes
from storage.people.uploads import remove_rows, restore_rows

Row = Mapping[str, Any]
_TABLES: dict[str, Table] = {**RECORD_TABLES, "quotes": quotes}
"""Kind of row -> the table of its newest rows, which its versions can make anew."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not what its versions say. stored: as its table has it; held: as it should be; None: no row."""

    kind: str
    key: tuple[Any, ...]
    stored: Row | None
    held: Row | None

    def __str__(self) -> str:
        key = ", ".join(map(str, self.key))
        if self.stored is None:
            return f"{self.kind} {key}: the log has it, the table does not"
        if self.held is None:
            return f"{self.kind} {key}: the table has it, the log does not"
        said = [
            f"{name} is {self.stored[name]}, the log has {held}"
            for name, held in self.held.items()
            if self.stored[name] != held
        ]
        return f"{self.kind} {key}: {'; '.join(said)}"


@dataclass(frozen=True, slots=True)
class Checked:
    """How many rows of each kind were compared, and those that differ."""

    rows: dict[str, int]
    differences: list[Difference]


def check_projection(connection: Connection) -> Checked:
    """Compare every newest row with the versions, by value, source and revision. Reads all of both."""
    rows: dict[str, int] = {}
    differences: list[Difference] = []
    for kind, table in _TABLES.items():
        held = held_quotes(connection) if kind == "quotes" else held_records(connection, kind)
        names = [column.name for column in table.primary_key.columns]
        found = connection.execute(select(table)).mappings()
        stored = {tuple([row[name] for name in names]): dict(row) for row in found}
        rows[kind] = len(held)
        keys = sorted(key for key in stored.keys() | held.keys() if stored.get(key) != held.get(key))
        differences += [Difference(kind, key, stored.get(key), held.get(key)) for key in keys]
    return Checked(rows, differences)


def rebuild_projection(store: Store) -> Checked:
    """Make the newest rows what the versions say, in one transaction. Boards read it afresh; nothing is priced here."""
    with store.read() as connection:
        checked = check_projection(connection)
    if not checked.differences:
        return checked
    with changing(store, "check --rebuild") as (unit, change):
        checked = check_projection(unit.connection)
        for kind, table in _TABLES.items():
            differ = [difference for difference in checked.differences if difference.kind == kind]
            remove_rows(unit, table, [difference.key for difference in differ if difference.held is None])
            restore_rows(unit, table, [difference.held for difference in differ if difference.held is not None])
            if differ:
                change.outdate("dates" if kind == "quotes" else "static")
        change.reload = True
    return checked
