"""The board and the health answer say what is wrong with the store, and that it is over."""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path

import pytest
from sqlalchemy import select

from launch.components import find_postgresql
from live.serving.hub import Hub
from storage.connection.faults import Fault, StoreUnavailable
from storage.connection.settings import Settings
from storage.core.database import Store
from storage.core.schema import store_state
from tests.fixtures.databases import PostgresServer, Templates, wait_for

HELD_LOCK = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
time.sleep(600)
"""
"""Keeps the lock and does nothing."""
LONG_WRITE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("begun", flush=True)
while True:
    pass
"""
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the list of locks is Linux's")
AS_ROOT = pytest.mark.skipif(shutil.which("mount") is None or os.geteuid() != 0, reason="only root mounts")


@contextmanager
def watched(store: Store) -> Iterator[Hub]:
    """The hub of a web process on a store, which has read it."""
    hub = Hub(store, Settings())
    loop = asyncio.new_event_loop()
    hub.start(loop)
    try:
        wait_for(lambda: hub.has_looked, 60, "a first look")
        yield hub
    finally:
        hub.stop()
        loop.close()


def wait_for_fault(hub: Hub, fault: Fault | None) -> None:
    """That it is told within five seconds on a machine that has the time for it; here with patience."""
    word = "ok" if fault is None else str(fault)
    wait_for(lambda: hub.status(None)["store"] == word, 60, f"the store to be {word}")
    assert bool(hub.status(None)["store_detail"]) == (fault is not None)


@contextmanager
def holding_the_lock(script: str, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of a script that has taken the lock of an SQLite file."""
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline()
            yield holder
        finally:
            holder.kill()


class TestSqlite:
    @pytest.fixture
    def path(self, templates: Templates, tmp_path: Path) -> Path:
        source = templates.copy("sqlite", "empty", lambda _: None, None).removeprefix("sqlite:///")
        return Path(shutil.copy(source, tmp_path / "store.sqlite"))

    def test_locked(self, path: Path) -> None:
        with watched(Store(f"sqlite:///{path}")) as hub:
            wait_for_fault(hub, None)
            # A process of its own: this one is at work, and so would the holder of the lock seem to be.
            with holding_the_lock(HELD_LOCK, path):
                wait_for_fault(hub, Fault.LOCKED)
            wait_for_fault(hub, None)

    @ON_LINUX
    def test_a_long_write_is_no_lock_while_its_process_is_at_work(self, path: Path) -> None:
        with watched(Store(f"sqlite:///{path}")) as hub:
            wait_for_fault(hub, None)
            with holding_the_lock(LONG_WRITE, path) as writer:
                wait_for_fault(hub, Fault.LONG_WRITE)
                writer.send_signal(signal.SIGSTOP)
                wait_for_fault(hub, Fault.LOCKED)
                writer.send_signal(signal.SIGCONT)
                wait_for_fault(hub, Fault.LONG_WRITE)
            wait_for_fault(hub, None)

    def test_damaged(self, path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (path.stat().st_size - 4096))
        with watched(Store(f"sqlite:///{path}")) as hub:
            wait_for_fault(hub, Fault.CORRUPT)

    def test_damage_that_no_query_meets_is_found(self, path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(
                "CREATE TABLE aside AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                " WHERE i < 2000) SELECT i, hex(randomblob(50)) AS words FROM n"
            )
            (page,) = connection.execute("SELECT max(pageno) FROM dbstat WHERE name = 'aside'").fetchone()
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with path.open("r+b") as file:
            file.seek((page - 1) * 4096)
            file.write(b"\xff" * 4096)
        with watched(Store(f"sqlite:///{path}")) as hub:
            wait_for_fault(hub, Fault.CORRUPT)
            assert hub._watch._damaged == {"aside"}

    def test_gone(self, path: Path) -> None:
        with watched(Store(f"sqlite:///{path}")) as hub:
            wait_for_fault(hub, None)
            path.rename(path.with_suffix(".away"))
            wait_for_fault(hub, Fault.UNREACHABLE)
            path.with_suffix(".away").rename(path)
            wait_for_fault(hub, None)

    @AS_ROOT
    def test_the_disk_is_full(self, path: Path, tmp_path: Path) -> None:
        with disk(tmp_path) as folder, watched(Store(f"sqlite:///{shutil.copy(path, folder)}")) as hub:
            wait_for_fault(hub, None)
            filler = fill(folder)
            wait_for_fault(hub, Fault.DISK_FULL)
            filler.unlink()
            wait_for_fault(hub, None)

    @AS_ROOT
    def test_write_protected(self, path: Path, tmp_path: Path) -> None:
        with disk(tmp_path) as folder:
            shutil.copy(path, folder)
            subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
            with watched(Store(f"sqlite:///{folder / path.name}")) as hub:
                wait_for_fault(hub, Fault.READ_ONLY)
                subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
                wait_for_fault(hub, None)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of its own; for root on a small disk of its own."""
    programs = find_postgresql()
    assert programs is not None
    with tempfile.TemporaryDirectory(prefix="deltaboard-disk-") as folder:
        Path(folder).chmod(0o755)
        with disk(Path(folder), 200) if os.geteuid() == 0 else nullcontext() as mounted:
            opened = PostgresServer(programs, mounted)
            yield opened
            opened.close()


@pytest.mark.postgres
class TestPostgresql:
    @pytest.fixture
    def hub(self, server: PostgresServer) -> Iterator[Hub]:
        store = Store(server.create(f"watched_{os.urandom(4).hex()}"))
        store.migrate()
        with watched(store) as hub:
            wait_for_fault(hub, None)
            yield hub

    def test_frozen_and_pages_answer_at_once(self, hub: Hub, server: PostgresServer) -> None:
        pages = Store(hub._store.url.render_as_string(hide_password=False))
        with server.frozen():
            wait_for_fault(hub, Fault.HUNG)
            wait_for(lambda: pages._known.fault is Fault.HUNG, 60, "the pages to be told")
            with pytest.raises(StoreUnavailable, match="known already"), pages.read():
                pass
        wait_for_fault(hub, None)
        wait_for(lambda: _reads(pages), 60, "the pages")
        pages.close()

    def test_stopped(self, hub: Hub, server: PostgresServer) -> None:
        server.stop()
        wait_for_fault(hub, Fault.UNREACHABLE)
        server.start()
        wait_for_fault(hub, None)

    def test_a_standby(self, hub: Hub, server: PostgresServer) -> None:
        server.be_standby(True)
        wait_for_fault(hub, Fault.READ_ONLY)
        server.be_standby(False)
        wait_for_fault(hub, None)

    def test_locked(self, hub: Hub) -> None:
        with hub._store.bookkeeping() as connection:
            connection.execute(select(store_state).with_for_update())
            wait_for_fault(hub, Fault.LOCKED)
        wait_for_fault(hub, None)

    def test_a_long_write_is_no_lock_while_a_statement_of_it_runs(self, hub: Hub) -> None:
        with hub._store.bookkeeping() as connection:
            connection.execute(select(store_state).with_for_update())
            driver = connection.connection.driver_connection
            assert driver is not None
            with driver.cursor() as cursor:
                cursor.execute("CREATE TEMPORARY TABLE taken (line integer) ON COMMIT DROP")
                with cursor.copy("COPY taken FROM STDIN"):
                    wait_for_fault(hub, Fault.LONG_WRITE)
            wait_for_fault(hub, Fault.LOCKED)
        wait_for_fault(hub, None)

    @AS_ROOT
    def test_the_disk_is_full(self, hub: Hub, server: PostgresServer) -> None:
        filler = fill(server.folder)
        wait_for_fault(hub, Fault.DISK_FULL)
        filler.unlink()
        wait_for_fault(hub, None)


@contextmanager
def disk(folder: Path, megabytes: int = 24) -> Iterator[Path]:
    """A small disk."""
    mounted = folder / "disk"
    mounted.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(mounted)], check=True)
    mounted.chmod(0o777)
    try:
        yield mounted
    finally:
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def fill(folder: Path) -> Path:
    """Leave no room on the disk of a folder; returns what takes it."""
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"0" * 4096)
    return filler


def _reads(store: Store) -> bool:
    try:
        with store.read() as connection:
            store.revisions(connection)
    except StoreUnavailable:
        return False
    return True
