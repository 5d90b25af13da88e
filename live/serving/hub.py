"""Follows the store for all viewers of this web process: one tail, one board a date, everyone woken on a change."""

import asyncio
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import structlog

from engine.selection import TradeSelection
from live.boards.board import Board
from live.serving.boards import Boards, Built, Seen, load
from live.serving.feed_status import NO_FEED, feed_statuses
from live.serving.store_watch import StoreCondition, StoreWatch
from live.serving.task_faults import task_fault_messages
from storage.connection.faults import Fault, StoreFault, in_words
from storage.connection.settings import Settings
from storage.connection.supervision import Supervised, SupervisedThread, TaskState, supervised, task_healths
from storage.core.change_log import read_since
from storage.core.database import Store
from storage.feeds.background_tasks import ReportedTask, TaskReports, read_reported
from storage.feeds.dead_letters import count_waiting
from storage.feeds.feeds import Feed, read_feeds
from storage.feeds.rejections import count_rejections
from storage.market.quotes import newest_as_of
from storage.market.sensitivities import valued_dates

_FEEDS_SECONDS = 0.5
_BACK_OFF_SECONDS = 1.0
_REPORT_LOOK_SECONDS = 1.0
_RELOAD_AGAIN_SECONDS = 30.0

log = structlog.get_logger("live")


@dataclass(slots=True)
class Following:
    """What the tail knows beside the boards."""

    feeds: list[Feed] = field(default_factory=list)
    dead_letters: int = 0
    rejected: int = 0
    store_fault: Fault | None = None
    reported: list[ReportedTask] = field(default_factory=list)
    must_reload: bool = False
    """Whether the boards may be wrong and must be loaded afresh: following has failed."""


class Hub:
    """What one web process knows of the store. The tail thread follows it, and the event loop reads."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._following = Following()
        self._stop = threading.Event()
        self.boards = Boards(store, settings, self._stop, self._wake)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._thread = SupervisedThread("board updates", self._tail, self._stop)
        self._reports = TaskReports(store, "web server")
        self._watch = StoreWatch(store, self._stop)
        self._reporter = SupervisedThread("task reports", self._report, self._stop)
        self._next_reload = 0.0
        self.messages_life = supervised("live messages")
        self.viewers = 0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread.start()
        self._reporter.start()
        self._watch.start()
        self.boards.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5.0)
        self._reporter.join(5.0)
        self._watch.join(5.0)
        self.close()

    def close(self) -> None:
        """Let go of the store's connections."""
        self._stop.set()
        self.boards.close()
        self.messages_life.leave()
        self._store.close()

    async def changed(self, timeout: float) -> None:
        """Return at the next change, or when the time is over."""
        event = self._changed
        try:
            await asyncio.wait_for(event.wait(), timeout)
        except TimeoutError:
            return

    @property
    def has_looked(self) -> bool:
        """Whether the store has been asked at all, with whatever result."""
        return self.boards.revision >= 0 or self._following.store_fault is not None

    @property
    def latest(self) -> date | None:
        return self.boards.latest

    @property
    def condition(self) -> tuple[object, ...]:
        """What of the status viewers are told at once when it changes."""
        states = [said["state"] for said in self._feed_statuses()]
        failing = [health.task.name for health in task_healths() if health.state != TaskState.RUNNING]
        return self._store_fault, self.latest, *failing, *states[:1]

    def board_of(self, as_of: date) -> Board | None:
        """The board of a date, as `Boards.board_of`."""
        return self.boards.board_of(as_of)

    def message(self, as_of: date, table: str, selection: TradeSelection, seen: Seen | None) -> Built | None:
        """What a viewer is sent, as `Boards.message`."""
        return self.boards.message(as_of, table, selection, seen)

    def message_failed(self, error: Exception) -> None:
        """A message could not be built: the boards may be wrong, and are read afresh; not for each viewer that asks."""
        self.messages_life.failed(error)
        now = time.monotonic()
        if now >= self._next_reload:
            self._next_reload = now + _RELOAD_AGAIN_SECONDS
            self._following.must_reload = True

    def status(self, as_of: date | None) -> dict[str, Any]:
        """The status message of a date's board. ``feed`` is the one that matters most of ``feeds``.

        loaded: whether there is such a board; a date that nothing is known of has none.
        """
        following = self._following
        board = self.boards.get(as_of)
        total, included, missing, by_default = board.counted() if board else (0, 0, {}, 0)
        feeds, store = self._feed_statuses(), StoreCondition.of(self._store_fault)
        return {
            "kind": "status",
            "revision": self.boards.revision if board is None else board.revision,
            "as_of_date": None if as_of is None else as_of.isoformat(),
            "loaded": board is not None,
            "latest_as_of_date": None if self.latest is None else self.latest.isoformat(),
            "observed_at": _iso(board.observed_at) if board else None,
            "feed": feeds[0] if feeds else NO_FEED,
            "feeds": feeds,
            "trades": total,
            "included": included,
            "not_included": missing,
            "default_parameters": by_default,
            "dead_letters": following.dead_letters,
            "rejected": following.rejected,
            "store": store.word,
            "store_detail": store.detail,
            "faults": task_fault_messages(task_healths(), following.reported, self._reports.process),
            "server_time": _iso(datetime.now(UTC)),
        }

    @property
    def _store_fault(self) -> Fault | None:
        """Why the store cannot be written; where it can, why it cannot be read."""
        return self._watch.fault or self._following.store_fault

    def _feed_statuses(self) -> list[dict[str, Any]]:
        return feed_statuses(self._following.feeds, datetime.now(UTC), self._settings.sidecar_silence_seconds)

    def _tail(self, sign_of_life: Supervised) -> None:
        next_feeds = 0.0
        while not self._stop.is_set():
            try:
                moved = self.follow()
                if time.monotonic() >= next_feeds:
                    self.look_around()
                    next_feeds = time.monotonic() + _FEEDS_SECONDS
                self._following.store_fault = None
            except StoreFault as error:
                if self._following.store_fault is None:
                    log.warning("database_unavailable", fault=str(error.fault), error=in_words(error))
                self._following.store_fault = error.fault
                self._wake()
                sign_of_life.beat()  # it is at work; what is wrong is said of the store
                self._stop.wait(_BACK_OFF_SECONDS)
                continue
            except Exception:
                self._following.must_reload = True
                raise
            sign_of_life.beat()
            if moved:
                self._wake()
            self._stop.wait(self._settings.tail_seconds)

    def look_around(self) -> None:
        """Read what the status says beside the boards: the feeds, and what was refused or set aside."""
        with self._store.read() as connection:
            self._following.feeds = read_feeds(connection)
            self._following.dead_letters = count_waiting(connection)
            self._following.rejected = count_rejections(connection)
            self._following.reported = read_reported(connection, datetime.now(UTC))

    def _report(self, sign_of_life: Supervised) -> None:
        while not self._stop.is_set():
            self._reports.report_if_due()
            sign_of_life.beat()
            self._stop.wait(_REPORT_LOOK_SECONDS)
        self._reports.leave()

    def follow(self) -> bool:
        """Take what is new in the store; whether anything was."""
        boards = self.boards.known()
        with self._store.read() as connection:
            revisions = self._store.revisions(connection)
            must_reload = self._following.must_reload
            if revisions.revision == self.boards.revision and not must_reload:
                return False
            is_first = self.boards.revision < 0
            read = None if is_first or must_reload else read_since(connection, self.boards.revision)
            entries = read or []
            fresh = read is None or any(entry.reload for entry in entries)
            latest = newest_as_of(connection) or next(iter(valued_dates(connection)), None)
            leave = {day for day, board in boards.items() if fresh or not all(map(board.takes, entries))}
            must_load = latest is not None and (latest not in boards or latest in leave)
            loaded = load(connection, latest, revisions) if latest is not None and must_load else None
        revision = entries[-1].revision if entries and not fresh else revisions.revision
        self.boards.advance(revision, latest, entries if not fresh else (), leave, loaded)
        self._following.must_reload = False
        return True

    def _wake(self) -> None:
        def wake() -> None:
            waiting, self._changed = self._changed, asyncio.Event()
            waiting.set()

        if self._loop is not None:
            with suppress(RuntimeError):  # it has been closed, and nobody waits any more
                self._loop.call_soon_threadsafe(wake)


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
