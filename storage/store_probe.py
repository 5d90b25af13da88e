"""Find out whether the store can be written now, within seconds, and without a change to it."""

from pathlib import Path

from sqlalchemy import select, text, update

from storage.database import Store
from storage.faults import Fault, unavailable
from storage.schema import store_state
from storage.sqlite_engine import fault_of_folder
from storage.store_limits import StoreLimits

_LIMITS = StoreLimits(connect_seconds=2.0, answer_seconds=1.0, lock_seconds=3.0, statement_seconds=3.5)
_SPILL = text(
    "SELECT count(*) FROM (SELECT md5(i::text) || md5((i + 1)::text) AS words "
    "FROM generate_series(1, 3000) AS i ORDER BY words OFFSET 0) AS sorted"
)
"""Sorts more than its memory holds: the server writes it to its disk, and forgets it."""


class StoreProbe:
    """Asks with a connection of its own, so that no pool that others have used up keeps it waiting."""

    def __init__(self, url: str) -> None:
        self._store = Store(url, _LIMITS, fails_fast=False, pool_size=1, max_overflow=0)

    def look(self) -> None:
        """Take the lock that every writer needs, and some room on the disk. Raises StoreFault."""
        if self._store.dialect == "sqlite":
            self._look_at_file()
        with self._store.bookkeeping() as connection:
            if self._store.dialect == "postgresql":
                connection.execute(text("SET LOCAL work_mem = '64kB'"))
                connection.execute(_SPILL)
                connection.execute(select(store_state.c.id).with_for_update())
            else:
                connection.execute(update(store_state).values(id=store_state.c.id))

    def close(self) -> None:
        self._store.close()

    def _look_at_file(self) -> None:
        """What SQLite would only meet when its log has to grow."""
        path = Path(self._store.url.database or "")
        if not path.exists():
            raise unavailable(Fault.UNREACHABLE, f"there is no file {path.name}")
        if (fault := fault_of_folder(path.parent)) is not None:
            raise unavailable(fault, f"the folder of {path.name}")
