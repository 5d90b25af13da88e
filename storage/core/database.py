"""Open the store, write to it in one transaction with a revision, read from it at one moment."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Self

import alembic.command
import alembic.config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, event, make_url, select, update
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from storage.connection.faults import Fault, StoreFault, as_store_fault, one_line, unavailable
from storage.connection.postgres_engine import postgres_engine
from storage.connection.settings import Settings
from storage.connection.sqlite_engine import Checkpoints, fault_of_folder, sqlite_engine
from storage.connection.store_limits import StoreLimits
from storage.core.schema import store_state

_MIGRATIONS = Path(__file__).parent.parent / "migrations"
_NEXT_REVISION = update(store_state).values(revision=store_state.c.revision + 1).returning(store_state)
_SILENT = (Fault.UNREACHABLE, Fault.HUNG)
_MIGRATION_LOCK = 20_200_309
"""Two processes that open a new store at once must not both make it."""


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

    What the database itself cannot do is raised as StoreUnavailable or StoreCorrupt, an error of ours as SQLAlchemy has
    it. fails_fast: while it is known that nothing answers, say so at once.

    Raises StoreUnreadable for a URL that names no database of ours.
    """

    def __init__(
        self, url: str, limits: StoreLimits | None = None, *, fails_fast: bool = True, **options: object
    ) -> None:
        self.url = _parsed(url)
        self.dialect = self.url.get_backend_name()
        if self.dialect not in ("sqlite", "postgresql"):
            raise StoreUnreadable(f"The store must be SQLite or PostgreSQL, not {self.dialect}.")
        try:
            make = sqlite_engine if self.dialect == "sqlite" else postgres_engine
            limits = limits or StoreLimits()
            self.engine = make(url, limits, **options)
        except (ArgumentError, ImportError) as error:
            hint = "write postgresql+psycopg:// or sqlite://"
            raise StoreUnreadable(f"There is no driver for {self.url.drivername}: {hint}.") from error
        self._known = _known_faults(url)
        self._fails_fast = fails_fast
        event.listen(self.engine, "handle_error", self._named, retval=True)
        self._checkpoints = Checkpoints(self.engine, limits.log_megabytes) if self.dialect == "sqlite" else None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The store of the settings, waited for as they say."""
        return cls(settings.database_url.get_secret_value(), StoreLimits.of(settings))

    def migrate(self) -> None:
        """Bring the schema to the newest version; makes an empty store where none is. Raises StoreUnreadable."""
        if self.dialect == "sqlite" and self.url.database:
            self._make_folder(Path(self.url.database).parent)
        config = alembic.config.Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        try:
            with self._connected().execution_options(deltaboard_write=True) as connection, connection.begin():
                if self.dialect == "postgresql":
                    connection.exec_driver_sql("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
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
        with self._connected() as connection:
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
        with self._connected().execution_options(deltaboard_write=True) as connection, connection.begin():
            row = connection.execute(_NEXT_REVISION).one()
            before = StoreRevisions(row.revision - 1, row.static_revision, row.quotes_revision, row.reported_revision)
            yield WriteUnit(connection, row.revision, datetime.now(UTC), before)
        self._committed()

    @contextmanager
    def bookkeeping(self) -> Iterator[Connection]:
        """A write transaction without a revision: signs of life and wishes, which no board needs to be told of."""
        with self._connected().execution_options(deltaboard_write=True) as connection, connection.begin():
            yield connection
        self._committed()

    def note_fault(self, fault: Fault | None) -> None:
        """Tell every store of this database in this process how it is: while nothing answers, nobody asks in vain."""
        self._known.fault = fault

    def _connected(self) -> Connection:
        if self._fails_fast and self._known.fault in _SILENT:
            raise unavailable(self._known.fault, "known already")
        try:
            return self.engine.connect()
        except NoConnectionFree as error:
            raise unavailable(Fault.OVERLOADED, error) from error

    def close(self) -> None:
        if self._checkpoints is not None:
            self._checkpoints.wait()
        self.engine.dispose()

    def _named(self, context: ExceptionContext) -> StatementError | None:
        """The fault of the database that an exception of its driver stands for."""
        error = context.sqlalchemy_exception
        if not isinstance(error, DBAPIError):
            return None
        named = as_store_fault(error)
        if self.dialect == "sqlite" and isinstance(named, StoreFault) and named.fault == Fault.UNREACHABLE:
            named.fault = fault_of_folder(Path(self.url.database or "").parent) or named.fault
        return None if named is error else named

    def _committed(self) -> None:
        if self._checkpoints is not None:
            self._checkpoints.start_if_due()

    def unreadable(self, error: Exception) -> StoreUnreadable:
        """What a failure of the database means, in one line for people."""
        name = self.url.render_as_string(hide_password=True)
        return StoreUnreadable(f"The store {name} cannot be read: {one_line(error)}.")

    def _make_folder(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self.unreadable(error) from error


@dataclass(slots=True)
class _Known:
    """What is known of a database in this process."""

    fault: Fault | None = None


@cache
def _known_faults(_url: str) -> _Known:
    return _Known()


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise StoreUnreadable("DATABASE_URL is no URL: write it like sqlite:///folder/store.sqlite.") from error
