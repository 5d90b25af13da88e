"""What became of a trade's status: what it was before a revision, and who made it what it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection, select

from storage.book.records_at import RecordVersion, keys_since, newest_versions
from storage.core.known_at import holds
from storage.core.schema import record_versions, trades
from storage.people.audit import entries_at

_KEYS_A_QUERY = 500
_TRADES = "trades"


@dataclass(frozen=True, slots=True)
class StatusSet:
    """Who gave a trade its status: a person with a reason, or a source of data, then without one."""

    by: str
    at: datetime
    reason: str
    note: str


def statuses_at(connection: Connection, trade_ids: Sequence[str]) -> dict[str, str]:
    """Trade -> its status; one that is not there is left out."""
    found: dict[str, str] = {}
    for some in _parts(trade_ids):
        query = select(trades.c.trade_id, trades.c.trade_status).where(trades.c.trade_id.in_(some))
        found |= {row.trade_id: row.trade_status for row in connection.execute(query)}
    return found


def trades_since(connection: Connection, revision: int) -> list[str]:
    """The trades that were changed, added or removed after a revision."""
    return sorted(keys_since(connection, _TRADES, revision))


def records_before(connection: Connection, trade_ids: Sequence[str], revision: int) -> dict[str, RecordVersion]:
    """Trade -> its version before a revision; one that was not there is left out."""
    return newest_versions(connection, _TRADES, trade_ids, revision - 1)


def who_set_statuses(connection: Connection, trade_ids: Sequence[str]) -> dict[str, StatusSet]:
    """Trade -> who gave it the status that it has now, when, and why."""
    versions = record_versions.c
    columns = (versions.record_key, versions.revision, versions.recorded_at, versions.source, versions.record)
    setting = {}
    for some in _parts(trade_ids):
        query = select(*columns).where(versions.kind == _TRADES, versions.record_key.in_(some), holds(record_versions))
        rows = connection.execute(query.order_by(versions.record_key, versions.revision.desc(), versions.step.desc()))
        for trade_id, newest_first in groupby(rows, key=lambda row: row.record_key):
            now = None
            for row in newest_first:
                if now not in (None, row.record["trade_status"]):
                    break
                now, setting[trade_id] = row.record["trade_status"], row
    told = entries_at(connection, "trade", {trade_id: row.revision for trade_id, row in setting.items()})
    return {
        trade_id: StatusSet(entry.user_name, row.recorded_at, entry.reason, entry.note)
        if (entry := told.get(trade_id)) is not None
        else StatusSet(row.source, row.recorded_at, "", "")
        for trade_id, row in setting.items()
    }


def _parts(trade_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (trade_ids[start : start + _KEYS_A_QUERY] for start in range(0, len(trade_ids), _KEYS_A_QUERY))
