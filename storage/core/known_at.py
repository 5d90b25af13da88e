"""What is known and holds: the one rule for versions of quotes and records, now and as of any earlier knowledge.

A version is known from the revision on that wrote it. It holds until a withdrawal takes it back: the undo of the upload
that it came with, or a restart of the replay that brought it. Nothing is deleted or changed for either, so what held
as known at a revision is what was read right after it.
"""

from datetime import date, datetime

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, insert, select, true

from storage.core.database import WriteUnit
from storage.core.schema import withdrawals

KnownAt = int | datetime | None
"""A revision, or an instant: whatever came after it is not known. None: now."""


def is_known(versions: FromClause, known_at: KnownAt) -> ColumnElement[bool]:
    """The condition that rows with a revision and the instant of its transaction were known."""
    if known_at is None:
        return true()
    if isinstance(known_at, datetime):
        recorded = versions.c.get("recorded_at")
        return (versions.c.received_at if recorded is None else recorded) <= known_at
    return versions.c.revision <= known_at


def holds(versions: FromClause, known_at: KnownAt = None) -> ColumnElement[bool]:
    """The condition that versions were known and not taken back: rows of ``record_versions`` or ``quote_versions``."""
    taken = withdrawals.alias()
    known = is_known(taken, known_at)
    conditions = [is_known(versions, known_at), ~exists().where(taken.c.of_revision == versions.c.revision, known)]
    if "as_of_date" in versions.c:
        earlier = and_(taken.c.of_source == versions.c.source, taken.c.revision > versions.c.revision)
        conditions.append(~exists().where(earlier, taken.c.from_date <= versions.c.as_of_date, known))
    return and_(*conditions)


def withdraw_revision(unit: WriteUnit, of_revision: int, source: str) -> None:
    """Take back every version that a revision wrote. source: who does it, for people."""
    _withdraw(unit, source, of_revision=of_revision)


def withdraw_quotes(unit: WriteUnit, of_source: str, from_date: date, source: str) -> None:
    """Take back the quotes that a source has brought so far, for a date and later ones."""
    _withdraw(unit, source, of_source=of_source, from_date=from_date)


def withdrawals_of_revisions(known_after: int) -> Select[tuple[int, datetime, str, int]]:
    """The withdrawals of single revisions after a revision: revision, recorded_at, source, of_revision.

    Without those that an older version of the product has written versions for itself.
    """
    table = withdrawals.c
    query = select(table.revision, table.recorded_at, table.source, table.of_revision)
    return query.where(table.revision > known_after, table.of_revision < table.revision).order_by(table.revision)


def _withdraw(unit: WriteUnit, source: str, **what: object) -> None:
    row = {"revision": unit.revision, "step": 0, "recorded_at": unit.now, "source": source, **what}
    unit.connection.execute(insert(withdrawals).values(row))
