"""The audit: numbers without gaps, a chain of hashes, and a database that refuses to alter what was written."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storage.core.database import Store
from storage.people.audit import (
    AuditEntry,
    AuditFilter,
    append_audit,
    audit_words,
    count_audit,
    entries_at,
    has_hash,
    newest_act,
    read_audit,
    read_entries,
    verify_audit,
)

TRIGGERS = {
    "sqlite": ("DROP TRIGGER audit_refuses_update", "DROP TRIGGER audit_refuses_delete"),
    "postgresql": (
        "DROP TRIGGER audit_is_kept ON audit_entries",
        "DROP TRIGGER audit_is_not_emptied ON audit_entries",
    ),
}


def entry(key: str, **changes: Any) -> AuditEntry:
    told = {"user_name": "Max", "action": "set status", "subject_kind": "trade", "subject_key": key, **changes}
    return AuditEntry(**{"before": {"status": "Live"}, "after": {"status": "Terminated"}, **told})


def written(store: Store, *entries: AuditEntry) -> list[int]:
    with store.write() as unit:
        return append_audit(unit, entries)


@pytest.fixture
def filled(store: Store) -> Store:
    """Five entries in three transactions."""
    written(store, entry("T1"), entry("T2", reason="sold", note='said "so", with ü and 中'))
    written(store, entry("T1", user_name="Ana", before={"value": 0.1, "n": None}, after=None, action="undo"))
    written(store, entry("T3"), entry("50% off_", user_name="Ada", subject_kind="role"))
    return store


def without_triggers(store: Store) -> None:
    with store.write() as unit:
        for statement in TRIGGERS[store.dialect]:
            unit.connection.execute(text(statement))


def tampered(store: Store, statement: str) -> Any:
    """What verification says after somebody who may do anything to the database has done this."""
    without_triggers(store)
    with store.write() as unit:
        assert unit.connection.execute(text(statement)).rowcount > 0
    with store.read() as connection:
        return verify_audit(connection)


def test_numbers_have_no_gaps_and_the_chain_holds(filled: Store) -> None:
    with filled.read() as connection:
        found = read_audit(connection)
        assert verify_audit(connection) is None
        assert count_audit(connection) == 5
    assert [stored.audit_id for stored in found] == [5, 4, 3, 2, 1], "the newest first"
    assert found[-1].previous_hash == ""
    assert [later.previous_hash for later in found[:-1]] == [earlier.hash for earlier in found[1:]]
    assert len({stored.hash for stored in found}) == 5
    assert found[-2].entry == entry("T2", reason="sold", note='said "so", with ü and 中'), "it is read as it was told"


def test_a_transaction_that_fails_leaves_no_gap(filled: Store) -> None:
    def fails() -> None:
        with filled.write() as unit:
            assert append_audit(unit, [entry("T9")]) == [6]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert written(filled, entry("T4")) == [6]
    with filled.read() as connection:
        assert verify_audit(connection) is None


def test_an_empty_audit_is_whole(store: Store) -> None:
    assert written(store) == []
    with store.read() as connection:
        assert verify_audit(connection) is None


@pytest.mark.parametrize("what", ["UPDATE audit_entries SET note = 'x'", "DELETE FROM audit_entries"])
def test_the_database_refuses_to_alter_it(filled: Store, what: str) -> None:
    for statement in (what, f"{what} WHERE audit_id = 5"):
        with pytest.raises(DBAPIError, match="the audit cannot be altered"), filled.write() as unit:
            unit.connection.execute(text(statement))
    with filled.read() as connection:
        assert count_audit(connection) == 5
        assert verify_audit(connection) is None


def test_the_database_refuses_to_empty_it(filled: Store) -> None:
    if filled.dialect != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    with pytest.raises(DBAPIError, match="the audit cannot be altered"), filled.write() as unit:
        unit.connection.execute(text("TRUNCATE audit_entries"))


@pytest.mark.parametrize(
    "change",
    [
        "user_name = 'Eve'",
        "action = 'x'",
        "subject_kind = 'x'",
        "subject_key = 'T9'",
        'before = \'{"status":"Other"}\'',
        "after = NULL",
        "reason = 'x'",
        "note = 'x'",
        "revision = revision + 1",
        "recorded_at = '2020-03-09T00:00:00.000000Z'",
        "hash = 'x'",
    ],
)
def test_an_altered_entry_is_named(filled: Store, change: str) -> None:
    fault = tampered(filled, f"UPDATE audit_entries SET {change} WHERE audit_id = 2")
    assert (fault.audit_id, fault.reason) == (2, "was altered: its hash is not that of what it says")


def test_a_missing_entry_is_named(filled: Store) -> None:
    fault = tampered(filled, "DELETE FROM audit_entries WHERE audit_id = 3")
    assert (fault.audit_id, fault.reason) == (3, "is missing: the next one there is number 4")


def test_an_entry_that_was_hashed_anew_breaks_the_next_one(filled: Store) -> None:
    """Whoever alters an entry and its hash must alter all that follow, and the newest hash is noted elsewhere."""
    with filled.read() as connection:
        third, newest = read_entries(connection, [3])[0], read_audit(connection, limit=1)[0].hash
        assert has_hash(connection, newest)
        assert not has_hash(connection, "0" * 64)
    fault = tampered(filled, f"UPDATE audit_entries SET hash = '{third.hash[::-1]}' WHERE audit_id = 3")
    assert fault.audit_id == 3
    with filled.write() as unit:
        unit.connection.execute(text("UPDATE audit_entries SET previous_hash = 'x' WHERE audit_id = 1"))
    with filled.read() as connection:
        first = verify_audit(connection)
    assert first is not None
    assert (first.audit_id, first.reason) == (1, "does not carry the hash of the entry before it")


def test_filters(filled: Store) -> None:
    def numbers(**parts: Any) -> list[int]:
        with filled.read() as connection:
            chosen = AuditFilter(**parts)
            found = [stored.audit_id for stored in read_audit(connection, chosen)]
            assert count_audit(connection, chosen) == len(found)
            return found

    now = datetime.now(UTC)
    assert numbers(users=("Ana", "Ada")) == [5, 3]
    assert numbers(actions=("undo",)) == [3]
    assert numbers(subject_kinds=("role",)) == [5]
    assert numbers(text="SOLD") == [2]
    assert numbers(text="t1") == [3, 1]
    assert numbers(text="%") == [5], "a sign of the database's own is a sign like others"
    assert numbers(text="_") == [5]
    assert numbers(text="'; DROP TABLE audit_entries; --") == []
    assert numbers(since=now - timedelta(minutes=5), until=now + timedelta(minutes=5)) == [5, 4, 3, 2, 1]
    assert numbers(since=now + timedelta(minutes=5)) == []
    with filled.read() as connection:
        assert [stored.audit_id for stored in read_audit(connection, limit=2)] == [5, 4]
        assert audit_words(connection) == {
            "users": ["Ada", "Ana", "Max"],
            "actions": ["set status", "undo"],
            "subject_kinds": ["role", "trade"],
        }


def test_the_entries_of_a_revision_and_what_somebody_did_last(filled: Store) -> None:
    many = [entry(f"M{i}") for i in range(1200)]
    written(filled, *many, entry("T1", user_name="Ana"))
    with filled.read() as connection:
        assert verify_audit(connection) is None
        revision = read_audit(connection, limit=1)[0].revision
        found = entries_at(connection, "trade", {**{f"M{i}": revision for i in range(1200)}, "T1": 2, "T2": 1, "T9": 1})
        assert len(found) == 1202
        assert (found["T1"].action, found["T2"].reason) == ("undo", "sold")
        assert [stored.entry for stored in newest_act(connection, "Max", ["set status"])] == many
        assert [stored.audit_id for stored in newest_act(connection, "Ana", ["undo"])] == [3]
        assert newest_act(connection, "Eve", ["undo"]) == []
