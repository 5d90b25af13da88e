"""The engine of an SQLite store: write-ahead log, transactions begun by us, checkpoints in a thread."""

import os
import shutil
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url

from storage.connection.faults import Fault
from storage.connection.store_limits import StoreLimits
from storage.connection.supervision import Supervised, SupervisedThread, supervised

_CHECKPOINT, _CHECKPOINT_SECONDS = "SQLite checkpoint", 1.0
_LARGEST_LOG_PAGES = 32_768
"""128 MB: then the writer itself moves SQLite's log into the database. The checkpoints beside it come long before."""

_CUT_OFF_PAGES = 8_192
_LEAST_ROOM = 1 << 20


class LogTooLarge(Exception):
    """SQLite's log cannot be moved into the database, because somebody reads it."""


def fault_of_folder(folder: Path) -> Fault | None:
    """Why a file cannot be opened or grow there: SQLite itself does not tell where its log is concerned."""
    try:
        if not os.access(folder, os.W_OK):
            return Fault.READ_ONLY if folder.is_dir() else None
        return Fault.DISK_FULL if shutil.disk_usage(folder).free < _LEAST_ROOM else None
    except OSError:
        return None


class Checkpoints:
    """Moves SQLite's write-ahead log into the database from time to time, in a thread: no commit waits for it.

    A passive checkpoint stops neither readers nor writers; what they hold is left to the next one. A log that has grown
    is cut off in a moment when nobody reads. Where a reader stays, it grows, and the supervision says so.
    """

    def __init__(self, engine: Engine, log_megabytes: float) -> None:
        self._engine = engine
        self._log_megabytes = log_megabytes
        self._thread: SupervisedThread | None = None
        self._sign_of_life: Supervised | None = None
        self._next = 0.0
        self._lock = threading.Lock()

    def start_if_due(self) -> None:
        """After a commit."""
        now = time.monotonic()
        with self._lock:
            if now < self._next or (self._thread is not None and self._thread.is_alive()):
                return
            self._next = now + _CHECKPOINT_SECONDS
            self._sign_of_life = self._sign_of_life or supervised(_CHECKPOINT)
            self._thread = SupervisedThread(_CHECKPOINT, self._checkpoint, entry=self._sign_of_life, once=True)
            self._thread.start()

    def wait(self) -> None:
        """Until the one that runs is done."""
        if self._thread is not None:
            self._thread.join()
        if self._sign_of_life is not None:
            self._sign_of_life.leave()
            self._sign_of_life = None

    def _checkpoint(self, sign_of_life: Supervised) -> None:
        connection = self._engine.raw_connection()
        try:
            cursor = connection.cursor()
            _, pages, _ = cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if pages > _CUT_OFF_PAGES:
                (patience,) = cursor.execute("PRAGMA busy_timeout").fetchone()
                cursor.execute("PRAGMA busy_timeout=0")
                _, pages, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                cursor.execute(f"PRAGMA busy_timeout={patience}")
            (page_size,) = cursor.execute("PRAGMA page_size").fetchone()
        finally:
            connection.close()
        megabytes = pages * page_size / 1e6
        if megabytes > self._log_megabytes:
            raise LogTooLarge(f"the log has {megabytes:.0f} MB: a program keeps a reading transaction open; end it")
        sign_of_life.beat()


def sqlite_engine(url: str, limits: StoreLimits, **options: Any) -> Engine:
    """SQLite in WAL mode, with transactions begun by us: a writer takes its lock at once instead of failing later.

    A file that was there and is gone is not made anew: an empty store would stand where people put the lost one back.
    """
    path, was_there = Path(make_url(url).database or ""), threading.Event()
    engine = create_engine(
        url,
        hide_parameters=True,
        connect_args={"timeout": limits.lock_seconds, "check_same_thread": False},
        **options,
    )

    @event.listens_for(engine, "do_connect")
    def _before_connect(*_: Any) -> None:
        if was_there.is_set() and not path.exists():
            gone = sqlite3.OperationalError(f"there is no file {path.name} any more")
            gone.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise gone

    @event.listens_for(engine, "connect")
    def _on_connect(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # NORMAL survives the death of the process at any instant; only a power cut may take the last commits back.
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.execute(f"PRAGMA wal_autocheckpoint={_LARGEST_LOG_PAGES}")
        cursor.execute("PRAGMA journal_size_limit=134217728")
        cursor.close()
        if path.is_file():
            was_there.set()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("deltaboard_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
