"""Trades and static data as they were known at a revision or an instant, and what later revisions made of them."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select, true, union

from storage.book.records import Record, columns_of, key_of, read_plain_records
from storage.core.known_at import KnownAt, holds, withdrawals_of_revisions
from storage.core.schema import record_versions, withdrawals

_KEYS_A_QUERY = 500


@dataclass(frozen=True, slots=True)
class RecordVersion:
    """A version of a record: the whole of it as JSON has it, when it came, who brought it and where it stood there.

    What an undo made of a record is a version, too: the one that holds again, or the one that it took away (removed).
    """

    revision: int
    recorded_at: datetime
    source: str
    place: str
    key: str
    record: Mapping[str, Any]
    removed: bool = False


@dataclass(frozen=True, slots=True)
class LaterVersion:
    """What a revision made of a record; record: None where it took the record away."""

    revision: int
    recorded_at: datetime
    key: str
    record: Record | None


def versions_of(
    connection: Connection, kind: str, which: ColumnElement[bool] | None = None, *, after: int = 0
) -> list[RecordVersion]:
    """Every version of records of a kind, in the order of their revisions; of each undo what it made of them.

    which: a condition on ``record_versions``. after: only what later revisions did.
    """
    versions = record_versions.c
    of_kind = (versions.kind == kind) & (true() if which is None else which)
    columns = (versions.revision, versions.recorded_at, versions.source, versions.place, versions.record_key)
    taken = withdrawals.c
    own_undo = select(taken.revision).where(taken.of_revision == versions.revision, taken.revision == versions.revision)
    query = select(*columns, versions.record).where(of_kind, versions.revision > after, ~own_undo.exists())
    found = [RecordVersion(*row) for row in connection.execute(query.order_by(versions.revision, versions.step))]
    undone = withdrawals_of_revisions(after).subquery()
    joined = select(undone, versions.record_key, versions.record).join(
        undone, undone.c.of_revision == versions.revision
    )
    by_undo: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(joined.where(of_kind, versions.step == 0).order_by(versions.record_key)):
        by_undo.setdefault(row.revision, []).append(row)
    for revision, rows in by_undo.items():
        held = newest_versions(connection, kind, [row.record_key for row in rows], revision)
        for row in rows:
            holding = held.get(row.record_key)
            record = row.record if holding is None else holding.record
            said = (revision, row.recorded_at, row.source, "", row.record_key, record)
            found.append(RecordVersion(*said, removed=holding is None))
    return sorted(found, key=lambda version: version.revision) if by_undo else found


def newest_versions(
    connection: Connection, kind: str, keys: Iterable[str], known_at: KnownAt = None
) -> dict[str, RecordVersion]:
    """Key -> the version that holds, as known then; a record that was not there is left out."""
    versions = record_versions.c
    found: dict[str, RecordVersion] = {}
    for some in _parts(sorted(set(keys))):
        newest = (
            select(versions.record_key, func.max(versions.revision).label("revision"))
            .where(versions.kind == kind, versions.record_key.in_(some), holds(record_versions, known_at))
            .group_by(versions.record_key)
            .subquery()
        )
        columns = (versions.revision, versions.recorded_at, versions.source, versions.place, versions.record_key)
        query = select(*columns, versions.record).join(
            newest, (versions.record_key == newest.c.record_key) & (versions.revision == newest.c.revision)
        )
        rows = connection.execute(query.where(versions.kind == kind, versions.step == 0))
        found |= {row.record_key: RecordVersion(*row) for row in rows}
    return found


def keys_since(connection: Connection, kind: str, revision: int) -> set[str]:
    """The keys of the records that were changed, added or taken away after a revision."""
    versions, taken = record_versions.c, withdrawals.c
    changed = select(versions.record_key).where(versions.kind == kind, versions.revision > revision)
    undone = select(versions.record_key).join(withdrawals, taken.of_revision == versions.revision)
    undone = undone.where(versions.kind == kind, taken.revision > revision)
    return set(connection.execute(union(changed, undone)).scalars())


def revision_before(connection: Connection, moment: datetime) -> int:
    """The newest revision that changed records and was written before a moment; 0 where there is none."""
    versions, taken = record_versions.c, withdrawals.c
    undone = select(func.max(taken.revision)).where(taken.recorded_at < moment, taken.of_revision.is_not(None))
    known, unknown = 0, (connection.execute(select(func.max(versions.revision))).scalar() or 0) + 1
    while known + 1 < unknown:  # revisions and times rise together, and the key begins with the revision
        middle = (known + unknown) // 2
        at_or_after = select(versions.revision, versions.recorded_at).where(versions.revision >= middle)
        found = connection.execute(at_or_after.order_by(versions.revision).limit(1)).one()
        if found.recorded_at < moment:
            known = found.revision
        else:
            unknown = middle
    return max(known, connection.execute(undone).scalar() or 0)


def first_revision(connection: Connection, kind: str) -> int:
    """The revision that brought the first record of a kind; 0 where there is none."""
    versions = record_versions.c
    query = select(versions.revision).where(versions.kind == kind).order_by(versions.revision).limit(1)
    return connection.execute(query).scalar() or 0


def records_known(connection: Connection, kind: str, known_at: KnownAt = None) -> list[Record]:
    """All records of a kind as they were known. Costs the table, and what came later."""
    if known_at is None:
        return read_plain_records(connection, kind)
    if isinstance(known_at, datetime):
        known_at = revision_before(connection, known_at + datetime.resolution)
    records = {record_key(kind, record): record for record in read_plain_records(connection, kind)}
    changed = keys_since(connection, kind, known_at)
    for key in changed:
        records.pop(key, None)
    held = newest_versions(connection, kind, changed, known_at)
    return [*records.values(), *(plain_record(kind, version.record) for version in held.values())]


def held_records(connection: Connection, kind: str) -> dict[tuple[Any, ...], Record]:
    """Key -> the row that the table of a kind should have, from the versions alone. Reads all of them."""
    versions = record_versions.c
    newest = func.row_number().over(
        partition_by=versions.record_key, order_by=(versions.revision.desc(), versions.step.desc())
    )
    ranked = select(versions.record, versions.source, versions.revision, newest.label("place"))
    rows = ranked.where(versions.kind == kind, holds(record_versions)).subquery()
    query = select(rows.c.record, rows.c.source, rows.c.revision).where(rows.c.place == 1)
    found: dict[tuple[Any, ...], Record] = {}
    for row in connection.execute(query):
        record = plain_record(kind, row.record)
        found[key_of(kind, record)] = {**record, "source": row.source, "revision": row.revision}
    return found


def versions_after(connection: Connection, kind: str, revision: int) -> list[LaterVersion]:
    """What later revisions made of the records of a kind, in order."""
    return [
        LaterVersion(
            version.revision,
            version.recorded_at,
            version.key,
            None if version.removed else plain_record(kind, version.record),
        )
        for version in versions_of(connection, kind, after=revision)
    ]


def records_at(connection: Connection, kind: str, revision: int) -> tuple[list[Record], list[LaterVersion]]:
    """The records of a kind as they were at a revision, and what later ones made of them, in order."""
    return records_known(connection, kind, revision), versions_after(connection, kind, revision)


def record_key(kind: str, record: Record) -> str:
    """The key of a record as its versions have it."""
    return "|".join(map(str, key_of(kind, record)))


def plain_record(kind: str, version: Mapping[str, Any]) -> Record:
    """A version's record as its table has it."""
    record = {}
    for column in columns_of(kind):
        value = version.get(column.name)
        record[column.name] = date.fromisoformat(value) if value and column.type.python_type is date else value
    return record


def _parts(keys: Collection[str]) -> Iterator[list[str]]:
    wanted = list(keys)
    return (wanted[start : start + _KEYS_A_QUERY] for start in range(0, len(wanted), _KEYS_A_QUERY))
