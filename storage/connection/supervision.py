"""Supervise threads and tasks: each one outlives what goes wrong in it, and says how it is.

``TASKS`` names every long-lived thread and task of every process. A test makes each of them fail.
"""

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import structlog
from sqlalchemy.exc import DBAPIError

_BACK_OFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_REASON_CHARACTERS, _FRAMES_LOGGED = 200, 6

log = structlog.get_logger("supervision")


@dataclass(frozen=True, slots=True)
class Task:
    """A thread or task that is supervised.

    fault: what does not work while it fails, for people. needed_live: whether the live board needs it. silent_seconds:
    after how long without a beat it counts as silent; None: it may have nothing to do.
    """

    name: str
    fault: str
    needed_live: bool = False
    silent_seconds: float | None = None


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            "board updates",
            "The board does not follow the store: figures may be out of date. It is loaded again by itself.",
            needed_live=True,
            silent_seconds=15.0,
        ),
        Task("board loader", "Boards of earlier dates cannot be loaded."),
        Task("live messages", "The live tables cannot be sent. Panels connect again by themselves.", needed_live=True),
        Task("connection guard", "Connections that take nothing, or send half a request, are not closed."),
        Task("task reports", "This process cannot tell the store how its threads are."),
        Task("store probe", "Nobody knows whether the store can be written.", silent_seconds=30.0),
        Task("store check", "Nobody looks for damage in the file of the database."),
        Task("worker process", "The last answer of a worker process was lost: the file or upload must be tried again."),
        Task("page warm-up", "Pages are not prepared: each opens slowly the first time."),
        Task("sign-outs", "A sign-out is not written to the store: it holds on one web server only."),
        Task("watched files", "Watched files are not read.", needed_live=True),
        Task("price preparation", "Underlyings that changed are not priced anew.", needed_live=True),
        Task("slow engines", "Trades that need a slow engine are not priced anew."),
        Task("dead-letter topic", "Dead letters are not sent to their topic. They are kept in the store."),
        Task("SQLite checkpoint", "SQLite's write-ahead log is not moved into the database: it grows."),
    )
}


class TaskState(StrEnum):
    RUNNING = "running"
    FAILING = "failing"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class TaskHealth:
    """How a supervised task is. reason: why it is failing; since: when its state began; beat_at: its last sign."""

    task: Task
    state: TaskState
    reason: str
    since: datetime
    beat_at: datetime | None


class Supervised:
    """The sign of life of one running task."""

    def __init__(self, name: str) -> None:
        self._task = TASKS[name]
        self._lock = threading.Lock()
        self._reason: str | None = None
        self._since = datetime.now(UTC)
        self._beat_at: datetime | None = None
        self._beaten = time.monotonic()

    @property
    def is_failing(self) -> bool:
        return self._reason is not None

    def beat(self) -> None:
        """Say that the task works."""
        self._beaten, self._beat_at = time.monotonic(), datetime.now(UTC)
        if self._reason is not None:
            with self._lock:
                self._reason, self._since = None, self._beat_at
            log.info("task_recovered", task=self._task.name)

    def note(self, error: BaseException) -> None:
        """Say that the task does not work."""
        with self._lock:
            if self._reason is None:
                self._since = datetime.now(UTC)
            self._reason = reason_of(error)

    def failed(self, error: BaseException, **more: object) -> None:
        """Say that the task does not work, and log why: without the values of variables."""
        self.note(error)
        log.error("task_failed", task=self._task.name, reason=reason_of(error), at=frames_of(error), **more)

    def health(self) -> TaskHealth:
        """How the task is now."""
        with self._lock:
            reason, since = self._reason, self._since
        state = TaskState.RUNNING if reason is None else TaskState.FAILING
        limit = self._task.silent_seconds
        if reason is None and limit is not None and time.monotonic() - self._beaten > limit:
            state, reason, since = TaskState.SILENT, "no sign of life", self._beat_at or since
        return TaskHealth(self._task, state, reason or "", since, self._beat_at)

    def leave(self) -> None:
        """Take the task off the list: it has ended as it should."""
        with _lock:
            if self in _running:
                _running.remove(self)


_running: list[Supervised] = []
_lock = threading.Lock()


def supervised(name: str) -> Supervised:
    """List a task of this process; name is one of ``TASKS``."""
    entry = Supervised(name)
    with _lock:
        _running.append(entry)
    return entry


def task_healths() -> list[TaskHealth]:
    """How the tasks of this process are, by name; of several with one name the worst."""
    with _lock:
        running = list(_running)
    worst: dict[str, TaskHealth] = {}
    for health in (entry.health() for entry in running):
        known = worst.get(health.task.name)
        if known is None or (known.state == TaskState.RUNNING and health.state != TaskState.RUNNING):
            worst[health.task.name] = health
    return [worst[name] for name in sorted(worst)]


class SupervisedThread:
    """A thread that starts again with back-off whatever goes wrong in it.

    work: called with the task's sign of life, which it should beat whenever something has succeeded; where it returns
    the thread ends. stop: ends the waiting between two attempts. entry: the sign of life, where it outlives the thread.
    once: what goes wrong is noted, and it does not start again.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Supervised], None],
        stop: threading.Event | None = None,
        *,
        entry: Supervised | None = None,
        once: bool = False,
    ) -> None:
        self._name, self._work = name, work
        self._stop = stop or threading.Event()
        self._entry, self._once = entry, once
        self._thread = threading.Thread(target=self._run, name=f"deltaboard {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, seconds: float | None = None) -> None:
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        entry = self._entry or supervised(self._name)
        attempt = 0
        while not self._stop.is_set():
            try:
                self._work(entry)
                break
            except Exception as error:
                if self._once:
                    entry.failed(error)
                    break
                attempt = attempt + 1 if entry.is_failing else 0
                wait = _BACK_OFF_SECONDS[min(attempt, len(_BACK_OFF_SECONDS) - 1)]
                entry.failed(error, again_in_seconds=wait)
                self._stop.wait(wait)
        if entry is not self._entry:
            entry.leave()


def reason_of(error: BaseException) -> str:
    """The kind of an exception and the first line of its message; of the database's the cause alone, no rows."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    lines = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {lines[0] if lines else 'no message'}"[:_REASON_CHARACTERS]


def frames_of(error: BaseException) -> str:
    """Where an exception came from, the innermost place last."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_LOGGED:]
    return " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames)
