"""The change log: what each revision changed, as Arrow, for the boards that follow the store.

It is for following and resuming, not for history: it keeps minutes, and no more than a set number of bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

import pyarrow as pa
import structlog
from sqlalchemy import Connection, delete, func, insert, select, update

from storage.core.database import Store, WriteUnit
from storage.core.schema import change_rows, changes, store_state

NO_DATE = date(1, 1, 1)
"""Stands where changed rows belong to no as-of date (trades)."""

OUTDATED = "outdated"
"""The table of an entry that says which parts of the store have changed in a way that no rows of the log tell."""

Part = Literal["dates", "static"]
"""dates: which dates are quoted and priced, and what they inherit. static: trades, static data and parameters."""

Tables = dict[tuple[str, date], pa.Table]

_INSERT_ENTRY, _INSERT_ROWS = insert(changes), insert(change_rows)
"""Made once: every transaction writes them while it holds the store's lock."""

log = structlog.get_logger("change_log")


class _Unreadable(Exception):
    """The rows of an entry cannot be decoded."""


@dataclass(slots=True)
class Change:
    """What a write transaction changed: Arrow tables by (table name, as-of date).

    reload: too wide for a delta. static, quotes, reported: whether trades or static data, quotes or which dates are
    priced, and reported sensitivities changed.
    """

    source: str
    as_of_date: date | None = None
    observed_at: datetime | None = None
    reload: bool = False
    static: bool = False
    quotes: bool = False
    reported: bool = False
    tables: Tables = field(default_factory=dict)

    def log(self, name: str, as_of: date, rows: pa.Table) -> None:
        """Add changed rows of a table; a later row of a key counts."""
        known = self.tables.get((name, as_of))
        self.tables[(name, as_of)] = rows if known is None or not known.num_rows else _stacked(known, rows)

    def outdate(self, part: Part) -> None:
        """Say that whoever has this part of the store in memory must read it again: no logged rows tell its change."""
        self.log(OUTDATED, NO_DATE, pa.table({"part": [part]}))
        self.quotes |= part == "dates"
        self.static |= part == "static"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the log as it is read back."""

    revision: int
    committed_at: datetime
    source: str
    as_of_date: date | None
    observed_at: datetime | None
    reload: bool
    tables: Tables


def arrow_table(columns: Mapping[str, Any], count: int) -> pa.Table:
    """Columns (sequences, arrays, or one value for all rows) as an Arrow table of ``count`` rows."""
    return pa.table(
        {
            name: pa.repeat(pa.scalar(value), count) if isinstance(value, (str, float, int, date, datetime)) else value
            for name, value in columns.items()
        }
    )


@contextmanager
def changing(store: Store, source: str) -> Iterator[tuple[WriteUnit, Change]]:
    """The one way to change what boards show: a transaction with a revision and its entry in the log, all or nothing.

    The caller writes on the unit's connection and fills the change; the entry is written last, in the same transaction.
    """
    with store.write() as unit:
        change = Change(source)
        yield unit, change
        _append(unit, change)


def _append(unit: WriteUnit, change: Change) -> None:
    blobs = [(name, as_of, _encoded(table)) for (name, as_of), table in change.tables.items() if table.num_rows]
    unit.connection.execute(
        _INSERT_ENTRY,
        {
            "revision": unit.revision,
            "committed_at": unit.now,
            "source": change.source,
            "as_of_date": change.as_of_date,
            "observed_at": change.observed_at,
            "reload": change.reload,
            "size": sum(len(blob) for _, _, blob in blobs),
        },
    )
    if blobs:
        unit.connection.execute(
            _INSERT_ROWS,
            [
                {"revision": unit.revision, "table_name": name, "as_of_date": as_of, "rows": blob}
                for name, as_of, blob in blobs
            ],
        )
    if change.static or change.quotes or change.reported:
        marks = {
            **({"static_revision": unit.revision} if change.static else {}),
            **({"quotes_revision": unit.revision} if change.quotes else {}),
            **({"reported_revision": unit.revision} if change.reported else {}),
        }
        unit.connection.execute(update(store_state).values(**marks))


def read_since(connection: Connection, revision: int, limit: int = 200) -> list[Entry] | None:
    """The entries after a revision in order, at most ``limit``; None when the log cannot say.

    It does not where it no longer reaches that far back, or has an entry that cannot be decoded.
    """
    heads = connection.execute(
        select(changes).where(changes.c.revision > revision).order_by(changes.c.revision).limit(limit)
    ).all()
    if not heads:
        newest = connection.execute(select(store_state.c.revision)).scalar_one()
        return [] if newest <= revision else None
    if heads[0].revision != revision + 1:
        return None
    found: dict[int, Tables] = {}
    try:
        for row in connection.execute(
            select(change_rows).where(change_rows.c.revision > revision, change_rows.c.revision <= heads[-1].revision)
        ):
            found.setdefault(row.revision, {})[(row.table_name, row.as_of_date)] = _read_back(row)
    except _Unreadable:
        return None
    return [
        Entry(
            head.revision,
            head.committed_at,
            head.source,
            head.as_of_date,
            head.observed_at,
            head.reload,
            found.get(head.revision, {}),
        )
        for head in heads
    ]


def prune(connection: Connection, now: datetime, minutes: float, megabytes: float) -> int:
    """Forget entries older than ``minutes``, and the oldest beyond ``megabytes``; returns how many went.

    The newest entry always stays.
    """
    newest = connection.execute(select(func.max(changes.c.revision))).scalar()
    if newest is None:
        return 0
    too_old = connection.execute(
        select(func.max(changes.c.revision)).where(changes.c.committed_at < now - timedelta(minutes=minutes))
    ).scalar()
    running = select(
        changes.c.revision, func.sum(changes.c.size).over(order_by=changes.c.revision.desc()).label("total")
    ).subquery()
    too_large = connection.execute(
        select(func.max(running.c.revision)).where(running.c.total > megabytes * 1e6)
    ).scalar()
    last = min(max(too_old or 0, too_large or 0), newest - 1)
    connection.execute(delete(change_rows).where(change_rows.c.revision <= last))
    return connection.execute(delete(changes).where(changes.c.revision <= last)).rowcount


def _stacked(first: pa.Table, second: pa.Table) -> pa.Table:
    """The rows of both, each dictionary made one."""
    return pa.concat_tables([first, second.cast(first.schema)]).unify_dictionaries()


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """Rows of a table that one revision changed, and the as-of date that they belong to."""

    name: str
    as_of: date
    rows: pa.Table


def rows_since(connection: Connection, revision: int, part: Part, names: Sequence[str]) -> list[ChangedRows] | None:
    """The changed rows of these tables of a part of the store after a revision, in order.

    None when the log cannot say: as `read_since`, and where a change outdated the part.
    """
    oldest = select(func.min(changes.c.revision).label("oldest")).subquery()  # one statement: a lock may be held
    wanted = (change_rows.c.revision > revision) & change_rows.c.table_name.in_((*names, OUTDATED))
    query = select(oldest.c.oldest, change_rows).select_from(oldest.outerjoin(change_rows, wanted))
    found = connection.execute(query.order_by(change_rows.c.revision)).all()
    if found[0].oldest is None or found[0].oldest > revision + 1:
        return None
    rows = [row for row in found if row.revision is not None]
    try:
        changed = [ChangedRows(row.table_name, row.as_of_date, _read_back(row)) for row in rows]
    except _Unreadable:
        return None
    if any(each.name == OUTDATED and part in each.rows.column("part").to_pylist() for each in changed):
        return None
    return [each for each in changed if each.name != OUTDATED]


def _read_back(row: Any) -> pa.Table:
    """The table of a row of ``change_rows``. Raises _Unreadable, whatever is wrong with it."""
    try:
        return _decoded(row.rows)
    except Exception as error:
        log.error("change_log_entry_unreadable", revision=row.revision, table=row.table_name, error=str(error)[:200])
        raise _Unreadable from error


def _encoded(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _decoded(blob: bytes) -> pa.Table:
    """The table with plain columns: Arrow is slow to hand out dictionary encoded values one by one."""
    table = pa.ipc.open_stream(blob).read_all()
    plain = [
        pa.field(field.name, field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(plain))
