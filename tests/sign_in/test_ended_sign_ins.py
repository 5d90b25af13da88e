"""Who has signed out stays out: at once here, soon on other web servers, after a restart, and with the store away."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import ui.identity.revoked_sessions
from storage.core.database import Store
from storage.core.desk_schema import ended_sign_ins
from storage.people.audit import read_audit
from storage.people.revoked_sessions import KEPT, read_ended, write_ended
from tests.board.running import RunningBoard, running_board
from tests.fixtures.databases import Templates, free_port, wait_for
from tests.sign_in.serving import SETTINGS, Visitor, fill, running_provider, secrets_for, wait_for_board
from ui.identity.revoked_sessions import RevokedSessions

KEY, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def away() -> Iterator[Store]:
    """A store whose database does not answer."""
    opened = Store(f"postgresql+psycopg://postgres@127.0.0.1:{free_port()}/nowhere")
    yield opened
    opened.close()


def told(store: Store) -> list[tuple[str, str]]:
    with store.read() as connection:
        return [(stored.entry.action, stored.entry.user_name) for stored in read_audit(connection)]


def due(ended: RevokedSessions) -> None:
    """Let the time pass after which it looks again."""
    ended._stale_at = 0.0


def test_what_ends_here_has_ended_here_at_once_and_elsewhere_soon(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ui.identity.revoked_sessions, "_LOOK_SECONDS", 3600.0)  # not while this test goes on
    here, elsewhere = RevokedSessions(), RevokedSessions()
    assert not here.has(store, KEY)
    assert not elsewhere.has(store, KEY)
    here.end(store, KEY, "Vera")
    assert here.has(store, KEY)
    assert not elsewhere.has(store, KEY), "it asks from time to time"
    due(elsewhere)
    assert elsewhere.has(store, KEY)
    elsewhere.end(store, OTHER, "Max")
    due(here)
    assert here.has(store, OTHER)
    assert told(store) == [("signed out", "Max"), ("signed out", "Vera")]


def test_a_web_server_that_starts_knows_what_ended_before(store: Store) -> None:
    RevokedSessions().end(store, KEY, "Vera")
    started = RevokedSessions()
    assert started.has(store, KEY)
    assert not started.has(store, OTHER)


def test_it_is_written_once_with_its_entry_in_the_audit(store: Store) -> None:
    for server in (RevokedSessions(), RevokedSessions()):
        for _ in range(2):
            server.end(store, KEY, "Vera")
    assert told(store) == [("signed out", "Vera")]
    with store.read() as connection:
        assert [key for _, key, _ in read_ended(connection, 0)] == [KEY]
        assert read_ended(connection, store.revisions(connection).revision) == []


def test_what_no_cookie_can_bring_back_is_forgotten(store: Store) -> None:
    with store.write() as unit:
        for key, age in ((KEY, KEPT + timedelta(seconds=1)), (OTHER, KEPT - timedelta(hours=1))):
            row = {"sign_in": key, "ended_at": unit.now - age, "revision": unit.revision}
            unit.connection.execute(insert(ended_sign_ins).values(row))
    with store.write() as unit:
        assert write_ended(unit, "c" * 64)
        assert not write_ended(unit, "c" * 64)
    with store.read() as connection:
        kept = set(connection.execute(select(ended_sign_ins.c.sign_in)).scalars())
    assert kept == {OTHER, "c" * 64}


def test_while_the_store_is_away_signing_out_holds_here_and_is_written_when_it_is_back(
    store: Store, away: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ui.identity.revoked_sessions, "_LOOK_SECONDS", 0.05)
    here = RevokedSessions()
    here.end(store, OTHER, "Max")
    assert not here.has(store, KEY)
    here.end(away, KEY, "Vera")
    assert here.has(away, KEY)
    due(here)
    assert here.has(away, OTHER), "what is known stays known"
    assert not here.has(away, "c" * 64)
    assert told(store) == [("signed out", "Max")]
    away.engine, dead = store.engine, away.engine  # it is back
    try:
        wait_for(lambda: told(store) == [("signed out", "Vera"), ("signed out", "Max")], 60, "the sign-out")
    finally:
        away.engine = dead
    assert RevokedSessions().has(store, KEY)


def test_a_server_that_never_heard_of_the_store_does_not_guess(away: Store) -> None:
    with pytest.raises(DBAPIError):
        RevokedSessions().has(away, KEY)


def answer(board: RunningBoard, cookies: str) -> str:
    """What a live connection with these cookies gets: "rows", or the words with which it is refused."""
    address = f"ws://{board.address.removeprefix('http://')}/live/nodes"
    headers = {"Cookie": cookies}
    origin: Any = board.address
    with connect(address, origin=origin, additional_headers=headers, max_size=None, open_timeout=60) as socket:
        try:
            socket.recv(timeout=60)
        except ConnectionClosed as closed:
            return str(closed)
        return "rows"


@pytest.mark.browser
def test_a_restart_of_the_web_server_lets_no_copied_cookie_in(
    templates: Templates, chromium: Any, tmp_path: Path
) -> None:
    port = free_port()
    url = templates.copy("sqlite", "small", fill, None)
    with running_provider(free_port(), f"http://127.0.0.1:{port}", tmp_path) as provider:
        secrets = tmp_path / "secrets.toml"
        secrets.write_text(secrets_for(provider))
        with running_board(url, tmp_path / "first.log", port=port, secrets=secrets, **SETTINGS) as first:
            gone, stays = Visitor(chromium, first), Visitor(chromium, first)
            gone.sign_in("vera")
            stays.sign_in("max")
            copied, kept = gone.cookies, stays.cookies
            assert answer(first, copied) == "rows"
            wait_for_board(gone.page)
            gone.sign_out()
            assert "Your sign-in has ended" in answer(first, copied)
            gone.close()
            stays.close()
        with running_board(url, tmp_path / "second.log", port=port, secrets=secrets, **SETTINGS) as second:
            assert "Your sign-in has ended" in answer(second, copied)
            assert answer(second, kept) == "rows", "who did not sign out is still signed in"
        with second.store.engine.connect() as connection:
            written = json.dumps([list(map(str, row)) for row in connection.execute(select(ended_sign_ins))])
        values = [part.partition("=")[2] for part in copied.split("; ")]
        assert not [value for value in values if value[:40] in written], "no cookie is stored"
