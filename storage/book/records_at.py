"""Trades and static data as they were at a revision, and what later revisions made of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, select

from storage.book.records import Record, columns_of, key_of, read_plain_records
from storage.core.schema import record_versions

_KEYS_A_QUERY = 500


@dataclass(frozen=True, slots=True)
class LaterVersion:
    """What a revision made of a record; record: None where it took the record away."""

    revision: int
    recorded_at: datetime
    key: str
    record: Record | None


def revision_before(connection: Connection, moment: datetime) -> int:
    """The newest revision of any record that was written before a moment; 0 where there is none."""
    versions = record_versions.c
    known, unknown = 0, (connection.execute(select(func.max(versions.revision))).scalar() or 0) + 1
    while known + 1 < unknown:  # revisions and times rise together, and the key begins with the revision
        middle = (known + unknown) // 2
        at_or_after = select(versions.revision, versions.recorded_at).where(versions.revision >= middle)
        found = connection.execute(at_or_after.order_by(versions.revision).limit(1)).one()
        if found.recorded_at < moment:
            known = found.revision
        else:
            unknown = middle
    return known


def first_revision(connection: Connection, kind: str) -> int:
    """The revision that brought the first record of a kind; 0 where there is none."""
    versions = record_versions.c
    query = select(versions.revision).where(versions.kind == kind).order_by(versions.revision).limit(1)
    return connection.execute(query).scalar() or 0


def records_at(connection: Connection, kind: str, revision: int) -> tuple[list[Record], list[LaterVersion]]:
    """The records of a kind as they were at a revision, and the later versions in order.

    Costs the table, and the versions that are later.
    """
    later = versions_after(connection, kind, revision)
    records = {_key_text(kind, record): record for record in read_plain_records(connection, kind)}
    changed = {version.key for version in later}
    for key in changed:
        records.pop(key, None)
    records |= _newest_versions(connection, kind, changed, revision)
    return list(records.values()), later


def versions_after(connection: Connection, kind: str, revision: int) -> list[LaterVersion]:
    """The versions of records of a kind that later revisions wrote, in order."""
    versions = record_versions.c
    query = select(versions.revision, versions.recorded_at, versions.record_key, versions.record).where(
        versions.revision > revision, versions.kind == kind
    )
    rows = connection.execute(query.order_by(versions.revision, versions.step))
    return [LaterVersion(row.revision, row.recorded_at, row.record_key, _plain(kind, row.record)) for row in rows]


def _newest_versions(connection: Connection, kind: str, keys: Iterable[str], revision: int) -> dict[str, Record]:
    """The records of these keys as they were at a revision, without those that were not there."""
    versions = record_versions.c
    wanted, found = sorted(keys), dict[str, Record | None]()
    for start in range(0, len(wanted), _KEYS_A_QUERY):
        some = wanted[start : start + _KEYS_A_QUERY]
        newest = (
            select(versions.record_key, func.max(versions.revision).label("revision"))
            .where(versions.kind == kind, versions.record_key.in_(some), versions.revision <= revision)
            .group_by(versions.record_key)
            .subquery()
        )
        query = select(versions.record_key, versions.record).join(
            newest, (versions.record_key == newest.c.record_key) & (versions.revision == newest.c.revision)
        )
        rows = connection.execute(query.where(versions.kind == kind, versions.step == 0))
        found |= {row.record_key: _plain(kind, row.record) for row in rows}
    return {key: record for key, record in found.items() if record is not None}


def _key_text(kind: str, record: Record) -> str:
    return "|".join(map(str, key_of(kind, record)))


def _plain(kind: str, version: dict[str, Any]) -> Record | None:
    """The record as its table has it; None where this version says that it is gone."""
    if version.get("removed"):
        return None
    record = {}
    for column in columns_of(kind):
        value = version.get(column.name)
        record[column.name] = date.fromisoformat(value) if value and column.type.python_type is date else value
    return record
