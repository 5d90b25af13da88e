"""Who holds the lock of writers, and is it at work? A long write is over by itself, a stuck transaction is not."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from storage.core.database import Store

_WRITE_LOCK = "120"
"""The byte of SQLite's shared-memory file that stands for the lock of writers."""
_SHARE_AT_WORK = 0.05
"""Of a processor: a process that uses less while it has the lock waits for something, on a busy machine too."""

_HOLDER = text(
    "SELECT a.pid, coalesce(a.state = 'active', false), coalesce(extract(epoch FROM a.state_change), 0)"
    " FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
    " WHERE l.locktype = 'relation' AND l.relation = CAST('store_state' AS regclass) AND l.granted"
    " AND l.mode IN ('RowExclusiveLock', 'RowShareLock') AND l.pid <> pg_backend_pid()"
    " AND a.wait_event_type IS DISTINCT FROM 'Lock' ORDER BY a.xact_start LIMIT 1"
)
"""Whoever waits for the row has the lock on its table, too."""


@dataclass(frozen=True, slots=True)
class LockHolder:
    """The holder of the lock as it was at one moment.

    work: what it had done by then: seconds of processor (SQLite), or when it last began or ended a statement
    (PostgreSQL). in_statement: whether a statement of it runs.
    """

    process_id: int
    work: float
    in_statement: bool
    at: float

    def is_at_work(self, before: "LockHolder | None") -> bool:
        """Whether it goes on since a look before: a statement runs or has run, or it computes."""
        if before is None:
            return False
        if self.in_statement or self.process_id != before.process_id:
            return True
        return self.work - before.work > _SHARE_AT_WORK * (self.at - before.at)


def lock_holder(store: Store) -> LockHolder | None:
    """The process that keeps others from writing now; None where none does, or where that cannot be known.

    Processes of SQLite are found on Linux, where they are visible to this one.
    """
    if store.dialect == "postgresql":
        with store.read() as connection:
            found = connection.execute(_HOLDER).first()
        return None if found is None else LockHolder(int(found[0]), float(found[2]), bool(found[1]), time.monotonic())
    try:
        process_id = _sqlite_writer(Path(f"{store.url.database}-shm"))
        return None if process_id is None else LockHolder(process_id, _processor(process_id), False, time.monotonic())
    except OSError:  # another system, or the process has just ended
        return None


def _sqlite_writer(shared: Path) -> int | None:
    """The process with the lock, by the list of the kernel: to open the file and close it would give up our own."""
    place = str(shared.stat().st_ino)
    for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
        words = line.split()
        if words[1:4] == ["POSIX", "ADVISORY", "WRITE"] and words[5].split(":")[-1] == place:
            process_id, first, last = int(words[4]), words[6], words[7]
            if process_id > 0 and first == last == _WRITE_LOCK:
                return process_id
    return None


def _processor(process_id: int) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
