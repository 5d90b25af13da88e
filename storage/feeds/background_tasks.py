"""How the supervised tasks of all processes are: each process reports its own to the store."""

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from storage.connection.faults import StoreUnavailable
from storage.connection.supervision import TASKS, TaskHealth, TaskState, task_healths
from storage.core.database import Store
from storage.core.schema import background_tasks

REPORT_SECONDS = 5.0
_SILENT_AFTER = timedelta(seconds=4 * REPORT_SECONDS)
_FORGOTTEN_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ReportedTask:
    """A task of a process as the store has it."""

    process: str
    task: str
    state: str
    reason: str
    since: datetime
    beat_at: datetime | None
    reported_at: datetime

    @property
    def is_failing(self) -> bool:
        return self.state != TaskState.RUNNING

    @property
    def fault(self) -> str:
        """What does not work while it fails."""
        known = TASKS.get(self.task)
        return "" if known is None else known.fault

    @property
    def needed_live(self) -> bool:
        known = TASKS.get(self.task)
        return known is not None and known.needed_live


def read_reported(connection: Connection, now: datetime) -> list[ReportedTask]:
    """The tasks of the processes that reported lately, by process and task."""
    columns = background_tasks.c
    query = select(background_tasks).where(columns.reported_at > now - _SILENT_AFTER)
    return [ReportedTask(*row) for row in connection.execute(query.order_by(columns.process, columns.task))]


def write_reported(connection: Connection, process: str, healths: Sequence[TaskHealth], now: datetime) -> None:
    """Replace what the store has of a process, and forget processes that are long gone."""
    columns = background_tasks.c
    connection.execute(
        delete(background_tasks).where((columns.process == process) | (columns.reported_at < now - _FORGOTTEN_AFTER))
    )
    if healths:
        rows = [
            {
                "process": process,
                "task": health.task.name,
                "state": str(health.state),
                "reason": health.reason,
                "since": health.since,
                "beat_at": health.beat_at,
                "reported_at": now,
            }
            for health in healths
        ]
        connection.execute(insert(background_tasks), rows)


class TaskReports:
    """Reports the tasks of this process: at once when a state changes, else every few seconds.

    role: what the process is, in words; its id and host are added.
    """

    def __init__(self, store: Store, role: str) -> None:
        self._store = store
        self.process = f"{role}, process {os.getpid()} on {platform.node() or 'unnamed'}"
        self._states: list[tuple[str, str, str]] | None = None
        self._next = 0.0

    def report_if_due(self) -> bool:
        """Write what has changed, or is due. A store that is away is told later; False: it was not told."""
        healths = task_healths()
        states = [(health.task.name, str(health.state), health.reason) for health in healths]
        if states == self._states and time.monotonic() < self._next:
            return True
        try:
            with self._store.bookkeeping() as connection:
                write_reported(connection, self.process, healths, datetime.now(UTC))
        except StoreUnavailable:
            return False
        self._states, self._next = states, time.monotonic() + REPORT_SECONDS
        return True

    def leave(self) -> None:
        """Take this process off the store: it ends."""
        try:
            with self._store.bookkeeping() as connection:
                write_reported(connection, self.process, (), datetime.now(UTC))
        except StoreUnavailable:
            return
