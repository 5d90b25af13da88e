"""Open the store, write to it in one transaction with a revision, read from it at one moment."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, select, update
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError, SQLAlchemyError

from storage.schema import store_state

_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_MILLISECONDS = 30_000
_CHECKPOINT_SECONDS = 1.0
_LARGEST_LOG_PAGES = 32_768
"""128 MB: then the writer itself moves SQLite's log into the database. The checkpoints beside it come long before."""
_NEXT_REVISION = update(store_state).values(revision=store_state.c.revision + 1).returning(store_state)
_MIGRATION_LOCK = 20_200_309
"""Two processes that open a new store at once must not both make it."""

STORE_AWAY: tuple[type[Exception], ...] = (OperationalError, InterfaceError)
"""What is raised while the database does not answer: wait and do the same again."""


class StoreUnreadable(Exception):
    """The store cannot be opened; the message is one line for people."""


@dataclass(frozen=True, slots=True)
class StoreRevisions:
    """Where the store stands: its revision, and those of the last change to trades or static data, to quotes, and to
    reported sensitivities."""

    revision: int
    static_revision: int
    quotes_revision: int
    reported_revision: int


@dataclass(slots=True)
class WriteUnit:
    """One write transaction: its connection, its revision, its instant, and where the store stood before it."""

    connection: Connection
    revision: int
    now: datetime
    before: StoreRevisions


class Store:
    """A database with our schema. Cheap to make; connections are pooled and opened when needed.

    Raises StoreUnreadable for a URL that names no database of ours.
    """

    def __init__(self, url: str) -> None:
        self.url = _parsed(url)
        self.dialect = self.url.get_backend_name()
        if self.dialect not in ("sqlite", "postgresql"):
            raise StoreUnreadable(f"The store must be SQLite or PostgreSQL, not {self.dialect}.")
        try:
            self.engine = _sqlite_engine(url) if self.dialect == "sqlite" else create_engine(url, pool_pre_ping=True)
        except (ArgumentError, ImportError) as error:
            hint = "write postgresql+psycopg:// or sqlite://"
            raise StoreUnreadable(f"There is no driver for {self.url.drivername}: {hint}.") from error
        self._checkpoints = _Checkpoints(self.engine) if self.dialect == "sqlite" else None

    def migrate(self) -> None:
        """Bring the schema to the newest version; makes an empty store where none is. Raises StoreUnreadable."""
        if self.dialect == "sqlite" and self.url.database:
            self._make_folder(Path(self.url.database).parent)
        config = alembic.config.Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        try:
            with self.engine.connect().execution_options(deltaboard_write=True) as connection, connection.begin():
                if self.dialect == "postgresql":
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
                config.attributes["connection"] = connection
                alembic.command.upgrade(config, "head")
        except (SQLAlchemyError, CommandError) as error:
            raise self.unreadable(error) from error

    def revisions(self, connection: Connection) -> StoreRevisions:
        """Where the store stands, as this connection's transaction sees it."""
        row = connection.execute(select(store_state)).one()
        return StoreRevisions(row.revision, row.static_revision, row.quotes_revision, row.reported_revision)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees the store at one moment, whatever is written meanwhile."""
        with self.engine.connect() as connection:
            if self.dialect == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[WriteUnit]:
        """A transaction with a revision of its own; all or nothing.

        The revision is taken first, by raising the one row that every writer needs: writers queue up there, so the
        order of revisions is the order of commits.
        """
        with self.engine.connect().execution_options(deltaboard_write=True) as connection, connection.begin():
            row = connection.execute(_NEXT_REVISION).one()
            before = StoreRevisions(row.revision - 1, row.static_revision, row.quotes_revision, row.reported_revision)
            yield WriteUnit(connection, row.revision, datetime.now(UTC), before)
        self._committed()

    @contextmanager
    def bookkeeping(self) -> Iterator[Connection]:
        """A write transaction without a revision: signs of life and wishes, which no board needs to be told of."""
        with self.engine.connect().execution_options(deltaboard_write=True) as connection, connection.begin():
            yield connection
        self._committed()

    def close(self) -> None:
        if self._checkpoints is not None:
            self._checkpoints.wait()
        self.engine.dispose()

    def _committed(self) -> None:
        if self._checkpoints is not None:
            self._checkpoints.start_if_due()

    def unreadable(self, error: Exception) -> StoreUnreadable:
        """What a failure of the database means, in one line for people."""
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")
        return StoreUnreadable(f"The store {self.url.render_as_string(hide_password=True)} cannot be read: {cause}.")

    def _make_folder(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self.unreadable(error) from error


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise StoreUnreadable("DATABASE_URL is no URL: write it like sqlite:///folder/store.sqlite.") from error


class _Checkpoints:
    """Moves SQLite's write-ahead log into the database from time to time, in a thread: no commit waits for it.

    A passive checkpoint stops neither readers nor writers; what they hold is left to the next one.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread: threading.Thread | None = None
        self._next = 0.0
        self._lock = threading.Lock()

    def start_if_due(self) -> None:
        """After a commit."""
        now = time.monotonic()
        with self._lock:
            if now < self._next or (self._thread is not None and self._thread.is_alive()):
                return
            self._next = now + _CHECKPOINT_SECONDS
            self._thread = threading.Thread(target=self._checkpoint, name="deltaboard-checkpoint")
            self._thread.start()

    def wait(self) -> None:
        """Until the one that runs is done."""
        if self._thread is not None:
            self._thread.join()

    def _checkpoint(self) -> None:
        with suppress(sqlite3.Error, SQLAlchemyError):  # a fault of the disk shows at the next commit
            connection = self._engine.raw_connection()
            try:
                connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            finally:
                connection.close()


def _sqlite_engine(url: str) -> Engine:
    """SQLite in WAL mode, with transactions begun by us: a writer takes its lock at once instead of failing later."""
    engine = create_engine(url, connect_args={"timeout": _BUSY_MILLISECONDS / 1000, "check_same_thread": False})

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

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("deltaboard_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
