"""SQLite's write-ahead log: cut off when nobody reads, and reported when a reader lets it grow."""

import os
import sqlite3
from pathlib import Path

from sqlalchemy import text

from storage.connection.store_limits import StoreLimits
from storage.connection.supervision import TaskState, task_healths
from storage.core.database import Store
from tests.fixtures.databases import wait_for


def write(store: Store, megabytes: int) -> None:
    with store.bookkeeping() as connection:
        for number in range(megabytes):
            values = {"path": os.urandom(8).hex(), "detail": os.urandom(500_000).hex(), "number": number}
            connection.execute(
                text("INSERT INTO loaded_files VALUES (:path, '', '', '', 0, 0, '2020-01-01', 0, :detail)"), values
            )


def states() -> list[TaskState]:
    return [health.state for health in task_healths() if health.task.name == "SQLite checkpoint"]


def test_a_reader_that_stays_is_reported_and_then_the_log_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    store = Store(f"sqlite:///{path}", StoreLimits(log_megabytes=40))
    store.migrate()
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM trades").fetchone()
    write(store, 50)

    def committed(state: TaskState) -> bool:
        write(store, 0)
        return states() == [state]

    wait_for(lambda: committed(TaskState.FAILING), 60, "the log to be reported")
    (health,) = (health for health in task_healths() if health.task.name == "SQLite checkpoint")
    assert "keeps a reading transaction open" in health.reason
    reader.close()
    wait_for(lambda: committed(TaskState.RUNNING), 60, "the log to be cut off")
    assert path.with_name("store.sqlite-wal").stat().st_size < 1e6
    store.close()
