"""Every version of a quote is kept, and what is taken back is withdrawn instead of deleted.

Carried over from ``quote_history`` and ``quotes``:

- Every row. Its revision is that of the transaction with the same instant, where anything still says which that was
  (each transaction has one instant); else 0, which is before all others.
- What ``quotes`` has is the newest that holds: a row of the history that is not older, and was not taken as the newest,
  came when its date was over.
- What an upload has overwritten at the same instant, and its rows still know: an undo goes back to it.
- Undos of uploads of records, whose versions were marked as removed or written anew, as withdrawals.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.core.instants import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KNOWN = """
    WITH said (revision, at) AS (
        SELECT revision, received_at FROM quotes UNION SELECT revision, recorded_at FROM record_versions
        UNION SELECT revision, committed_at FROM changes UNION SELECT revision, uploaded_at FROM upload_batches
        UNION SELECT revision, recorded_at FROM audit_entries
    ), known (revision, at) AS (SELECT max(revision), at FROM said GROUP BY at HAVING count(*) = 1)
"""
_INTO = """
    INSERT INTO quote_versions
    (instrument, as_of_date, observed_at, revision, step, quote, received_at, source, place, is_late)
"""
_NEWEST = f"""{_INTO}
    SELECT instrument, as_of_date, observed_at, revision, 0, quote, received_at, source, '', false FROM quotes
"""
_OTHERS = f"""{_KNOWN} {_INTO}
    SELECT h.instrument, h.as_of_date, h.observed_at, coalesce(known.revision, 0),
        CASE WHEN q.observed_at = h.observed_at THEN -1 ELSE 0 END, h.quote, h.received_at, h.source, '',
        CASE WHEN q.instrument IS NULL OR h.observed_at >= q.observed_at THEN true ELSE false END
    FROM quote_history h
    LEFT JOIN quotes q ON q.as_of_date = h.as_of_date AND q.instrument = h.instrument
    LEFT JOIN known ON known.at = h.received_at
    WHERE q.instrument IS NULL OR NOT (q.observed_at = h.observed_at AND q.quote = h.quote
        AND q.received_at = h.received_at AND q.source = h.source)
"""
_UNDONE = """
    SELECT a.revision, a.recorded_at, a.user_name, b.batch_id, b.revision AS of_revision
    FROM upload_batches b JOIN audit_entries a
        ON a.subject_kind = 'upload' AND a.subject_key = CAST(b.batch_id AS VARCHAR) AND a.action = 'undone'
    WHERE b.undone_at IS NOT NULL
"""


def upgrade() -> None:
    versions = op.create_table(
        "quote_versions",
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("observed_at", UtcDateTime(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False, server_default="0"),
        sa.Column("quote", sa.Float(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False, server_default=""),
        sa.Column("is_late", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("instrument", "as_of_date", "observed_at", "revision", "step"),
        sqlite_with_rowid=False,
    )
    withdrawals = op.create_table(
        "withdrawals",
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False, server_default="0"),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("of_revision", sa.BigInteger(), nullable=True),
        sa.Column("of_source", sa.String(), nullable=True),
        sa.Column("from_date", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("revision", "step"),
    )
    op.create_index("ix_withdrawals_of_revision", "withdrawals", ["of_revision"])
    op.create_index("ix_withdrawals_source", "withdrawals", ["of_source", "revision"])
    op.create_table(
        "priced_with",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("ticker", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("implied_vol", sa.Float(), nullable=False),
        sa.Column("risk_free_rate", sa.Float(), nullable=False),
        sa.Column("dividend_yield", sa.Float(), nullable=False),
        sa.Column("parameters_source", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("as_of_date", "ticker", "revision"),
        sqlite_with_rowid=False,
    )
    op.execute(_NEWEST)
    op.execute(_OTHERS)
    connection = op.get_bind()
    for row in _overwritten(connection):
        _keep(connection, versions, row)
    undone = connection.execute(
        sa.text(_UNDONE).columns(recorded_at=UtcDateTime(), revision=sa.BigInteger(), of_revision=sa.BigInteger())
    ).all()
    for each in undone:
        source = f"undo of upload {each.batch_id} by {each.user_name}"
        common = {"revision": each.revision, "recorded_at": each.recorded_at, "source": source}
        # the versions that the undo itself wrote say the same once more
        connection.execute(sa.insert(withdrawals).values(**common, step=0, of_revision=each.of_revision))
        connection.execute(sa.insert(withdrawals).values(**common, step=1, of_revision=each.revision))
    op.drop_table("quote_history")


def _overwritten(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """What uploads of quotes found, in their rows: the newest with its revision, the observation without."""
    batches = sa.table("upload_batches", sa.column("batch_id"), sa.column("kind"), sa.column("undone_at"))
    rows = sa.table("upload_rows", sa.column("batch_id"), sa.column("previous", sa.JSON()))
    query = sa.select(rows.c.previous).join(batches, batches.c.batch_id == rows.c.batch_id)
    query = query.where(batches.c.kind == "quotes", batches.c.undone_at.is_(None))
    for previous in connection.execute(query).scalars().all():
        for name in ("newest", "observation") if previous else ():
            if previous.get(name):
                yield {key: _revived(value) for key, value in previous[name].items()}


def _keep(connection: sa.Connection, versions: sa.Table, row: dict[str, Any]) -> None:
    """Keep an observation that is in no row any more; it does not hold before what ``quotes`` has."""
    version = versions.c
    at = [version[name] == row[name] for name in ("instrument", "as_of_date", "observed_at")]
    if connection.execute(sa.select(version.quote).where(*at, version.received_at == row["received_at"])).first():
        return
    batches = sa.table("upload_batches", sa.column("revision"), sa.column("uploaded_at", UtcDateTime()))
    of_batch = sa.select(batches.c.revision).where(batches.c.uploaded_at == row["received_at"])
    number = row.get("revision") or connection.execute(of_batch).scalar() or 0
    quotes = sa.table("quotes", *(sa.column(column.name, column.type) for column in versions.columns))
    key = quotes.c.instrument == row["instrument"], quotes.c.as_of_date == row["as_of_date"]
    newest = connection.execute(sa.select(quotes.c.observed_at, quotes.c.revision).where(*key)).first()
    others = connection.execute(sa.select(sa.func.count()).where(*at, version.revision == number)).scalar_one()
    columns = ("instrument", "as_of_date", "observed_at", "quote", "received_at", "source")
    kept = {name: row[name] for name in columns}
    is_late = newest is None or (row["observed_at"], number) >= (newest.observed_at, newest.revision)
    connection.execute(sa.insert(versions).values(**kept, revision=number, step=-1 - others, place="", is_late=is_late))


def _revived(value: Any) -> Any:
    """A date or an instant of an upload's row as such."""
    if not isinstance(value, dict):
        return value
    return date.fromisoformat(value["day"]) if "day" in value else datetime.fromisoformat(value["instant"])
