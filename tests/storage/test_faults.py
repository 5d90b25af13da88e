"""What a fault of the database is called, and which of them are worth waiting for."""

import os
import select
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from launch.components import find_postgresql
from storage.connection.faults import (
    REMEDIES,
    Fault,
    StoreCorrupt,
    StoreUnavailable,
    fault_of,
    in_words,
)
from storage.connection.settings import settings
from storage.connection.store_limits import StoreLimits
from storage.core.database import Store, StoreUnreadable
from tests.fixtures.databases import PostgresServer, Templates, free_port, load_demo_book

SOON = StoreLimits(connect_seconds=2, answer_seconds=0.5, lock_seconds=0.3, statement_seconds=2)

STATES = {
    "08006": Fault.UNREACHABLE,
    "08P01": Fault.UNREACHABLE,
    "25006": Fault.READ_ONLY,
    "25P03": Fault.UNREACHABLE,
    "28P01": Fault.UNREACHABLE,
    "40001": Fault.LOCKED,
    "40P01": Fault.LOCKED,
    "53100": Fault.DISK_FULL,
    "53200": Fault.OVERLOADED,
    "53300": Fault.OVERLOADED,
    "55P03": Fault.LOCKED,
    "57014": Fault.HUNG,
    "57P01": Fault.UNREACHABLE,
    "57P02": Fault.UNREACHABLE,
    "57P03": Fault.UNREACHABLE,
    "57P04": Fault.UNREACHABLE,
    "58030": Fault.UNREACHABLE,
    "XX001": Fault.CORRUPT,
    "XX002": Fault.CORRUPT,
    "22021": None,
    "23505": None,
    "42601": None,
    "42P01": None,
    "XX000": None,
}


@pytest.mark.parametrize(("state", "fault"), STATES.items())
def test_postgresql_is_judged_by_the_state(state: str, fault: Fault | None) -> None:
    original = psycopg.errors.lookup(state)("said so") if state != "08P01" else psycopg.errors.ProtocolViolation("")
    error = DBAPIError.instance("SELECT 1", None, original, psycopg.Error)
    assert fault_of(error) == fault


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (sqlite3.SQLITE_BUSY, Fault.LOCKED),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Fault.LOCKED),
        (sqlite3.SQLITE_LOCKED, Fault.LOCKED),
        (sqlite3.SQLITE_FULL, Fault.DISK_FULL),
        (sqlite3.SQLITE_IOERR_WRITE, Fault.UNREACHABLE),
        (sqlite3.SQLITE_READONLY_DBMOVED, Fault.READ_ONLY),
        (sqlite3.SQLITE_CANTOPEN, Fault.UNREACHABLE),
        (sqlite3.SQLITE_NOMEM, Fault.OVERLOADED),
        (sqlite3.SQLITE_CORRUPT, Fault.CORRUPT),
        (sqlite3.SQLITE_NOTADB, Fault.CORRUPT),
        (sqlite3.SQLITE_ERROR, None),
        (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, None),
    ],
)
def test_sqlite_is_judged_by_the_result_code(code: int, fault: Fault | None) -> None:
    original = sqlite3.OperationalError("said so")
    original.sqlite_errorcode = code
    assert fault_of(OperationalError("SELECT 1", None, original)) == fault


def test_each_fault_has_what_happened_and_how_to_fix_it() -> None:
    assert set(REMEDIES) == set(Fault)


def test_an_error_of_ours_stays_what_it_is(store: Store) -> None:
    with pytest.raises(DBAPIError) as caught, store.write() as unit:
        unit.connection.execute(text("SELECT nothing FROM nowhere"))
    assert not isinstance(caught.value, StoreUnavailable)
    assert isinstance(caught.value, ProgrammingError if store.dialect == "postgresql" else OperationalError)


def test_no_values_of_rows_stand_in_an_error(store: Store) -> None:
    with pytest.raises(DBAPIError) as caught, store.write() as unit:
        unit.connection.execute(text("INSERT INTO nowhere VALUES (:value)"), {"value": "SECRET-ROW"})
    assert "SECRET-ROW" not in str(caught.value)


class TestSqlite:
    @pytest.fixture
    def path(self, templates: Templates) -> Path:
        return Path(templates.copy("sqlite", "demo", load_demo_book, None).removeprefix("sqlite:///"))

    def test_locked(self, path: Path) -> None:
        store = Store(f"sqlite:///{path}", SOON)
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        assert _fault_of(lambda: _write(store)) == Fault.LOCKED
        holder.close()
        _write(store)
        store.close()

    def test_a_file_that_is_gone_is_not_made_anew(self, path: Path) -> None:
        store = Store(f"sqlite:///{path}")
        _write(store)
        store.engine.dispose()  # as a pool does that needs one more connection
        away = path.rename(path.with_suffix(".away"))
        assert _fault_of(lambda: _write(store)) == Fault.UNREACHABLE
        assert not path.exists()
        away.rename(path)
        _write(store)
        store.close()

    def test_damaged(self, path: Path) -> None:
        content = path.read_bytes()
        path.write_bytes(content[:4096] + os.urandom(len(content) - 4096))
        store = Store(f"sqlite:///{path}")
        with pytest.raises(StoreCorrupt) as caught, store.read() as connection:
            connection.execute(text("SELECT * FROM trades")).all()
        assert "restore the last backup" in in_words(caught.value)
        store.close()
        path.write_bytes(b"no database at all" * 1000)
        store = Store(f"sqlite:///{path}")
        with pytest.raises(StoreUnreadable, match="file is not a database"):
            store.migrate()
        store.close()

    @pytest.mark.skipif(shutil.which("mount") is None or os.geteuid() != 0, reason="only root mounts")
    @pytest.mark.parametrize(("options", "fault"), [("remount,ro", Fault.READ_ONLY), ("", Fault.DISK_FULL)])
    def test_the_disk(self, path: Path, tmp_path: Path, options: str, fault: Fault) -> None:
        folder = tmp_path / "disk"
        folder.mkdir()
        _mount("-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder))
        try:
            shutil.copy(path, folder / "store.sqlite")
            store = Store(f"sqlite:///{folder / 'store.sqlite'}")
            if options:
                _mount("-o", options, str(folder))
            else:
                _fill(folder)
            assert _fault_of(lambda: _write(store, 20_000)) == fault
            if options:
                _mount("-o", "remount,rw", str(folder))
            else:
                (folder / "filler").unlink()
            _write(store)
            store.close()
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of its own, because it is frozen and full."""
    programs = find_postgresql()
    assert programs is not None
    server = PostgresServer(programs, settings="-c max_connections=12 -c superuser_reserved_connections=3")
    server.execute("CREATE ROLE desk LOGIN", "CREATE DATABASE desk OWNER desk")
    yield server
    server.close()


@pytest.mark.postgres
class TestPostgresql:
    @pytest.fixture
    def desk(self, server: PostgresServer) -> Iterator[Store]:
        store = Store(server.url("desk").replace("postgres@", "desk@"), SOON)
        store.migrate()
        yield store
        store.close()

    def test_nobody_listens(self) -> None:
        store = Store(f"postgresql+psycopg://postgres@127.0.0.1:{free_port()}/nowhere")
        assert _fault_of(lambda: _write(store)) == Fault.UNREACHABLE
        store.close()

    def test_frozen(self, desk: Store, server: PostgresServer) -> None:
        _write(desk)
        with server.frozen():
            assert _fault_of(lambda: _write(desk)) == Fault.HUNG, "a connection that was open"
            desk.engine.dispose()
            assert _fault_of(lambda: _write(desk)) == Fault.HUNG, "a new one"
        _write(desk)

    def test_frozen_in_a_transaction(self, desk: Store, server: PostgresServer) -> None:
        def work() -> None:
            with desk.write() as unit, server.frozen():
                unit.connection.execute(text("SELECT 1"))

        assert _fault_of(work) == Fault.HUNG

    def test_an_answer_that_comes_while_the_server_is_asked_is_no_fault(
        self, desk: Store, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As on a machine that is too busy to let anybody in for some seconds."""
        with desk.read() as connection, ExitStack() as frozen:
            driver: Any = connection.connection.driver_connection

            def ask() -> None:
                frozen.close()
                select.select([driver.pgconn.socket], [], [], 60)
                raise psycopg.errors.ConnectionTimeout

            frozen.enter_context(server.frozen())
            monkeypatch.setattr(driver, "ask", ask)
            assert connection.execute(text("SELECT 1")).scalar_one() == 1

    def test_a_long_statement_is_no_fault(self, desk: Store) -> None:
        with desk.read() as connection:
            connection.execute(text("SELECT pg_sleep(1.5)")).all()

    def test_a_statement_that_never_ends(self, desk: Store) -> None:
        with pytest.raises(StoreUnavailable) as caught, desk.read() as connection:
            connection.execute(text("SELECT pg_sleep(600)")).all()
        assert caught.value.fault == Fault.HUNG

    def test_what_an_administrator_has_bounded_counts(self, desk: Store, server: PostgresServer) -> None:
        server.execute("ALTER ROLE desk SET statement_timeout = '77s'")
        desk.engine.dispose()
        with desk.read() as connection:
            assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "77s"
            assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "300ms"
        server.execute("ALTER ROLE desk RESET statement_timeout")

    def test_locked(self, desk: Store) -> None:
        with desk.write():
            assert _fault_of(lambda: _write(desk)) == Fault.LOCKED

    def test_out_of_connections(self, desk: Store, server: PostgresServer) -> None:
        desk.engine.dispose()
        taken = _all_connections(server.url("desk").replace("postgres@", "desk@").replace("+psycopg", ""))
        assert _fault_of(lambda: _write(desk)) == Fault.OVERLOADED
        for connection in taken:
            connection.close()

    def test_a_standby(self, desk: Store, server: PostgresServer) -> None:
        server.be_standby(True)
        assert _fault_of(lambda: _write(desk)) == Fault.READ_ONLY
        server.be_standby(False)
        _write(desk)

    def test_no_connection_of_the_pool_is_free(self, server: PostgresServer) -> None:
        store = Store(server.url("desk"), pool_size=1, max_overflow=0, pool_timeout=0.2)
        done, begun = threading.Event(), threading.Event()

        def hold() -> None:
            with store.read():
                begun.set()
                done.wait(60)

        holder = threading.Thread(target=hold)
        holder.start()
        begun.wait(60)
        assert _fault_of(lambda: _write(store)) == Fault.OVERLOADED
        done.set()
        holder.join()
        store.close()


def test_the_settings_bound_the_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"CONNECT": "7", "ANSWER": "4", "LOCK": "9", "STATEMENT": "60"}.items():
        monkeypatch.setenv(f"DELTABOARD_STORE_{name}_SECONDS", value)
    settings.cache_clear()
    assert StoreLimits.of(settings()) == StoreLimits(7, 4, 9, 60, 256)
    settings.cache_clear()


def _write(store: Store, rows: int = 1) -> None:
    """A transaction that is rolled back in the end."""
    with store.write() as unit:
        for _ in range(rows // 1000 + 1):
            unit.connection.execute(
                text("INSERT INTO books VALUES (:book, 'D', 'U', :region, 'test', 1)"),
                [{"book": os.urandom(8).hex(), "region": "R" * 200} for _ in range(min(rows, 1000))],
            )


def _fault_of(work: Callable[[], Any]) -> Fault:
    with pytest.raises(StoreUnavailable) as caught:
        work()
    return caught.value.fault


def _all_connections(url: str) -> list[psycopg.Connection[Any]]:
    taken = []
    while True:
        try:
            taken.append(psycopg.connect(url))
        except psycopg.OperationalError:
            return taken


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _fill(folder: Path) -> None:
    with suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"0" * 4096)
