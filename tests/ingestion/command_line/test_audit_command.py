"""``audit list`` and ``audit verify`` on the command line."""

from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from ingestion.commands.audit import app
from storage.core.database import Store
from storage.people.audit import AuditEntry, append_audit, read_audit
from tests.ingestion.commands import board
from tests.storage.test_audit import without_triggers

__all__ = ["board"]


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


@pytest.fixture
def told(board: Store) -> Store:
    """A store with three entries."""
    entries = [
        AuditEntry("Max", "set status", "trade", "T1", {"trade_status": "Live"}, {"trade_status": "Gone"}, "sold", "x"),
        AuditEntry("Vera", "refused", "permission", "tag", reason="Only a manager may"),
        AuditEntry("Ada", "grant role", "user", "Kim", {"roles": []}, {"roles": ["admin", "viewer"]}, "new"),
    ]
    with board.write() as unit:
        append_audit(unit, entries)
    return board


def test_list_shows_the_newest_first(told: Store) -> None:
    lines = run("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["3", "2", "1", "3"]
    assert lines[0].endswith("Ada  grant role  user Kim: nothing -> admin, viewer (new)")
    assert lines[1].endswith("Vera  refused  permission tag (Only a manager may)")
    assert lines[2].endswith("Max  set status  trade T1: Live -> Gone (sold, x)")
    assert run("list", "--user", "Max").stdout.splitlines()[-1] == "1 entry"
    assert run("list", "--text", "SOLD", "--user", "Ada").stdout.splitlines() == ["0 entries"]
    assert len(run("list", "--limit", "1").stdout.splitlines()) == 2


def test_verify_says_that_all_is_well_and_the_newest_hash(told: Store) -> None:
    with told.read() as connection:
        newest, _, first = (stored.hash for stored in read_audit(connection))
    said = run("verify")
    assert said.exit_code == 0
    assert said.stdout == f"3 entries are as they were written, the newest hash is {newest}\n"
    assert run("verify", "--hash", first).exit_code == 0
    assert run("verify", "--hash", "0" * 64).exit_code == 1


def test_verify_of_nothing(board: Store) -> None:
    assert run("verify").stdout == "0 entries are as they were written\n"


def test_verify_names_the_first_that_was_altered(told: Store) -> None:
    without_triggers(told)
    with told.write() as unit:
        unit.connection.execute(text("UPDATE audit_entries SET note = 'y' WHERE audit_id = 1"))
    said = run("verify")
    assert said.exit_code == 1
    assert said.stderr == "Entry 1 was altered: its hash is not that of what it says.\n"


def test_verify_finds_an_end_that_was_cut_off_by_a_hash_that_was_noted(told: Store) -> None:
    with told.read() as connection:
        newest = read_audit(connection, limit=1)[0].hash
    without_triggers(told)
    with told.write() as unit:
        unit.connection.execute(text("DELETE FROM audit_entries WHERE audit_id = 3"))
    assert run("verify").exit_code == 0
    said = run("verify", "--hash", newest)
    assert said.exit_code == 1
    assert "the end of the audit was cut off" in said.stderr
