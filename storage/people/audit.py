"""The audit: everything that people changed or were refused, numbered without gaps, each entry chained to the last."""

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, String, cast, func, insert, select

from storage.core.database import WriteUnit
from storage.core.desk_schema import audit_entries
from storage.core.text_search import every_word, in_any

_KEYS_A_QUERY = 500
_ROWS_A_FETCH = 1000
_CONTENT = ("user_name", "action", "subject_kind", "subject_key", "before", "after", "reason", "note")
_HASHED = ("audit_id", "recorded_at", *_CONTENT, "revision", "previous_hash")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What somebody did, or was refused. The subject is what was changed: a kind of thing and its key.

    before, after: what the subject was and became, values that JSON can tell; None where there is no such thing.
    """

    user_name: str
    action: str
    subject_kind: str
    subject_key: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    reason: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class StoredAuditEntry:
    """An entry with what the store added: its number, its instant, the revision that it changed."""

    audit_id: int
    recorded_at: datetime
    revision: int
    previous_hash: str
    hash: str
    entry: AuditEntry


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries to read; an empty part lets everything pass. text: words that all
    stand somewhere in what is listed of an entry, in any order and letter case."""

    users: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    subject_kinds: tuple[str, ...] = ()
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditFault:
    """The first entry that is not as it was written: its number, and what is wrong."""

    audit_id: int
    reason: str


def append_audit(unit: WriteUnit, entries: Sequence[AuditEntry]) -> list[int]:
    """Write entries in the transaction of what they tell of; returns their numbers.

    Writers wait for one another at the row of the store's state, so numbers have no gaps and the chain no forks.
    """
    if not entries:
        return []
    newest = select(audit_entries.c.audit_id, audit_entries.c.hash).order_by(audit_entries.c.audit_id.desc()).limit(1)
    last = unit.connection.execute(newest).first()
    number, previous = (0, "") if last is None else (last.audit_id, last.hash)
    rows = []
    for entry in entries:
        number += 1
        row = {
            "audit_id": number,
            "recorded_at": unit.now,
            **{name: getattr(entry, name) for name in _CONTENT},
            "revision": unit.revision,
            "previous_hash": previous,
        }
        row["hash"] = previous = _hash_of(row)
        rows.append(row)
    unit.connection.execute(insert(audit_entries), rows)
    return [row["audit_id"] for row in rows]


def verify_audit(connection: Connection) -> AuditFault | None:
    """Read the whole audit and find the first entry that is missing or was altered; None: it is as it was written.

    That the newest entries were cut off shows in nothing that is left: who must exclude it notes the newest hash
    elsewhere from time to time, and looks whether it is still there.
    """
    expected, previous = 1, ""
    with closing(_rows(connection, select(audit_entries).order_by(audit_entries.c.audit_id))) as rows:
        for row in rows:
            if row["audit_id"] != expected:
                return AuditFault(expected, f"is missing: the next one there is number {row['audit_id']}")
            if row["previous_hash"] != previous:
                return AuditFault(expected, "does not carry the hash of the entry before it")
            if row["hash"] != _hash_of(row):
                return AuditFault(expected, "was altered: its hash is not that of what it says")
            expected, previous = expected + 1, row["hash"]
    return None


def read_audit(
    connection: Connection, chosen: AuditFilter | None = None, *, limit: int | None = None
) -> list[StoredAuditEntry]:
    """The entries that pass a filter, the newest first. limit: the most to read."""
    query = _chosen(select(audit_entries), chosen or AuditFilter()).order_by(audit_entries.c.audit_id.desc())
    return [_stored(row) for row in _rows(connection, query if limit is None else query.limit(limit))]


def read_entries(connection: Connection, audit_ids: Sequence[int]) -> list[StoredAuditEntry]:
    """The entries of these numbers, in their order; a number that nobody has is left out."""
    found: list[StoredAuditEntry] = []
    for start in range(0, len(audit_ids), _KEYS_A_QUERY):
        query = select(audit_entries).where(audit_entries.c.audit_id.in_(audit_ids[start : start + _KEYS_A_QUERY]))
        found += [_stored(row) for row in _rows(connection, query)]
    return sorted(found, key=lambda stored: stored.audit_id)


def entries_at(connection: Connection, subject_kind: str, revisions: Mapping[str, int]) -> dict[str, AuditEntry]:
    """Key -> the entry about that subject at that revision, for those that have one. revisions: key -> revision."""
    table = audit_entries.c
    keys = list(revisions)
    found: dict[str, AuditEntry] = {}
    for start in range(0, len(keys), _KEYS_A_QUERY):
        query = select(audit_entries).where(
            table.subject_kind == subject_kind, table.subject_key.in_(keys[start : start + _KEYS_A_QUERY])
        )
        for row in _rows(connection, query):
            if row["revision"] == revisions[row["subject_key"]]:
                found[row["subject_key"]] = _stored(row).entry
    return found


def entries_about(connection: Connection, subject_kind: str, subject_key: str) -> list[StoredAuditEntry]:
    """Everything that was done to one subject, the newest first."""
    table = audit_entries.c
    query = select(audit_entries).where(table.subject_kind == subject_kind, table.subject_key == subject_key)
    return [_stored(row) for row in _rows(connection, query.order_by(table.audit_id.desc()))]


def newest_act(connection: Connection, user_name: str, actions: Sequence[str]) -> list[StoredAuditEntry]:
    """What somebody did last: the entries of their newest revision that has one of these actions."""
    table = audit_entries.c
    own = (table.user_name == user_name, table.action.in_(actions))
    newest = select(func.max(table.audit_id)).where(*own).scalar_subquery()
    revision = select(table.revision).where(table.audit_id == newest).scalar_subquery()
    query = select(audit_entries).where(table.revision == revision, *own).order_by(table.audit_id)
    return [_stored(row) for row in _rows(connection, query)]


def count_audit(connection: Connection, chosen: AuditFilter | None = None) -> int:
    """How many entries pass a filter."""
    query = _chosen(select(func.count()).select_from(audit_entries), chosen or AuditFilter())
    return int(connection.execute(query).scalar_one())


def audit_words(connection: Connection) -> dict[str, list[str]]:
    """What a filter can choose from: "users", "actions", "subject_kinds", each in order."""
    columns = {"users": "user_name", "actions": "action", "subject_kinds": "subject_kind"}
    return {
        name: list(connection.execute(select(audit_entries.c[column]).distinct().order_by(column)).scalars())
        for name, column in columns.items()
    }


def users_about(connection: Connection, subject_kind: str) -> list[str]:
    """Who has entries about this kind of subject, by name."""
    query = select(audit_entries.c.user_name).where(audit_entries.c.subject_kind == subject_kind).distinct()
    return sorted(connection.execute(query).scalars())


def has_hash(connection: Connection, known: str) -> bool:
    """Whether an entry with this hash is in the audit."""
    return connection.execute(select(audit_entries.c.audit_id).where(audit_entries.c.hash == known)).first() is not None


def _chosen(query: Select[Any], chosen: AuditFilter) -> Select[Any]:
    table = audit_entries.c
    for column, values in (
        (table.user_name, chosen.users),
        (table.action, chosen.actions),
        (table.subject_kind, chosen.subject_kinds),
    ):
        if values:
            query = query.where(column.in_(values))
    if chosen.text:
        texts = (table.user_name, table.action, table.subject_kind, table.subject_key, table.reason, table.note)
        shown = (*texts, cast(table.before, String), cast(table.after, String))
        query = query.where(every_word(chosen.text, lambda word: in_any(word, shown)))
    if chosen.since is not None:
        query = query.where(table.recorded_at >= chosen.since)
    if chosen.until is not None:
        query = query.where(table.recorded_at < chosen.until)
    return query


def _rows(connection: Connection, query: Select[Any]) -> Generator[Mapping[str, Any], None, None]:
    """Rows as they come: the audit may be longer than memory wants to hold."""
    with connection.execute(query.execution_options(yield_per=_ROWS_A_FETCH)) as result:
        for row in result.mappings():
            yield dict(row)


def _stored(row: Mapping[str, Any]) -> StoredAuditEntry:
    entry = AuditEntry(**{name: row[name] for name in _CONTENT})
    return StoredAuditEntry(
        row["audit_id"], row["recorded_at"], row["revision"], row["previous_hash"], row["hash"], entry
    )


def _hash_of(row: Mapping[str, Any]) -> str:
    """SHA-256 of all fields but the hash itself, as JSON in one fixed form."""
    content = {name: row[name] for name in _HASHED}
    content["recorded_at"] = row["recorded_at"].astimezone(UTC).isoformat(timespec="microseconds")
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
