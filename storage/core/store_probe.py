"""Find out within seconds whether the store can be written, without a change to it or a delay of its writers."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from storage.connection.faults import Fault, StoreFault, as_store_fault, unavailable
from storage.connection.sqlite_engine import fault_of_folder
from storage.connection.store_limits import StoreLimits
from storage.core.database import Store
from storage.core.lock_holder import LockHolder, lock_holder

_LIMITS = StoreLimits(connect_seconds=2.0, answer_seconds=1.0, lock_seconds=0.5, statement_seconds=3.5)
_LOCKED_SECONDS = 2.5
"""So long without the lock, and without a commit of whoever has it, is locked, or a long write."""

_SPILL = text(
    "SELECT count(*) FROM (SELECT repeat(md5(i::text), 64) AS words "
    "FROM generate_series(1, 100) AS i ORDER BY words OFFSET 0) AS sorted"
)
"""Sorts more than its memory holds: the server writes it to its disk, and forgets it. A few wide rows cost it less than
a millisecond."""

_TAKE_AND_RELEASE = {
    "sqlite": "UPDATE store_state SET id = id WHERE id IS NULL",
    "postgresql": "SET LOCAL lock_timeout = '500ms'; SELECT id FROM store_state FOR UPDATE; ROLLBACK",
}
"""Takes the writers' lock and gives it back before it answers: it is held for microseconds, however busy this process
is. Nothing has changed, so SQLite's log gets nothing, and PostgreSQL has nothing to flush."""


class StoreProbe:
    """Asks with a connection of its own, so that no pool that others have used up keeps it waiting."""

    def __init__(self, url: str) -> None:
        self._store = Store(url, _LIMITS, fails_fast=False, pool_size=1, max_overflow=0)
        self._asked_at: float | None = None

    @property
    def silent_seconds(self) -> float:
        """For how long the question that is open now has had no answer. No wait for a lock is among them."""
        asked_at = self._asked_at
        return 0.0 if asked_at is None else time.monotonic() - asked_at

    def look(self) -> None:
        """Take the lock that every writer needs, and some room on the disk. Raises StoreFault.

        SQLite gives the lock to whoever asks at the right moment: beside a writer that commits all the time, a look may
        not get it for long. So it counts as locked only while no revision is committed either. One transaction that has
        the lock and works is a long write, which is over by itself.
        """
        self._look_at_disk()
        before = self._revision()
        end = time.monotonic() + _LOCKED_SECONDS
        first: LockHolder | None = None
        while not self._takes_lock():
            if self._revision() != before:
                return
            holder = self._holder()
            if time.monotonic() >= end:
                at_work = holder is not None and holder.is_at_work(first)
                fault = Fault.LONG_WRITE if at_work else Fault.LOCKED
                by = "a process that cannot be seen" if holder is None else f"process {holder.process_id}"
                raise unavailable(fault, f"no lock and no commit for {_LOCKED_SECONDS:g} seconds: {by} has the lock")
            first = first or holder

    def close(self) -> None:
        self._store.close()

    @contextmanager
    def _question(self) -> Iterator[None]:
        self._asked_at = time.monotonic()
        try:
            yield
        finally:
            self._asked_at = None

    def _look_at_disk(self) -> None:
        with self._question():
            if self._store.dialect == "sqlite":
                self._look_at_file()
                return
            with self._store.read() as connection:
                connection.execute(text("SET LOCAL work_mem = '64kB'"))
                connection.execute(_SPILL)

    def _look_at_file(self) -> None:
        """What SQLite would only meet when its log has to grow."""
        path = Path(self._store.url.database or "")
        if not path.exists():
            raise unavailable(Fault.UNREACHABLE, f"there is no file {path.name}")
        if (fault := fault_of_folder(path.parent)) is not None:
            raise unavailable(fault, f"the folder of {path.name}")

    def _revision(self) -> int | None:
        """The last commit; None where even reading is locked."""
        try:
            with self._question(), self._store.read() as connection:
                return self._store.revisions(connection).revision
        except StoreFault as error:
            if error.fault != Fault.LOCKED:
                raise
            return None

    def _holder(self) -> LockHolder | None:
        with self._question():
            return lock_holder(self._store)

    def _takes_lock(self) -> bool:
        try:
            with self._question():
                self._take_and_release()
        except StoreFault as error:
            if error.fault != Fault.LOCKED:
                raise
            return False
        return True

    def _take_and_release(self) -> None:
        statement = _TAKE_AND_RELEASE[self._store.dialect]
        if self._store.dialect == "postgresql":
            with self._store.engine.connect() as connection:
                connection.exec_driver_sql(statement)
            return
        try:
            raw = self._store.engine.raw_connection()  # SQLAlchemy would begin a transaction, and hold it longer
            try:
                raw.cursor().execute(statement)
            finally:
                raw.close()
        except sqlite3.Error as error:
            raise as_store_fault(OperationalError(statement, None, error)) from error
