"""Follows the store for all viewers of this web process: one tail, one board a date, everyone woken on a change."""

import asyncio
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import structlog

from engine.selection import TradeSelection
from live.board import Board, load_board
from live.feed_status import NO_FEED, said_of_feeds
from live.store_watch import StoreCondition, StoreWatch
from live.tables import message
from live.task_faults import said_of_tasks
from storage.background_tasks import ReportedTask, TaskReports, read_reported
from storage.change_log import read_since
from storage.database import Store
from storage.dead_letters import count_waiting
from storage.faults import Fault, StoreFault, in_words
from storage.feeds import Feed, read_feeds
from storage.quotes import newest_as_of
from storage.rejections import count_rejections
from storage.sensitivities import valued_dates
from storage.settings import Settings
from storage.supervision import Supervised, SupervisedThread, TaskState, task_healths

_FEEDS_SECONDS = 0.5
_EARLIER_BOARDS = 3
_MESSAGES_KEPT = 64
_BACK_OFF_SECONDS = 1.0
_REPORT_LOOK_SECONDS = 1.0

log = structlog.get_logger("live")


@dataclass(slots=True)
class Following:
    """What the tail knows beside the boards."""

    revision: int = -1
    latest: date | None = None
    feeds: list[Feed] = field(default_factory=list)
    dead_letters: int = 0
    rejected: int = 0
    store_fault: Fault | None = None
    reported: list[ReportedTask] = field(default_factory=list)
    must_reload: bool = False
    """Whether the boards may be wrong and must be loaded afresh: following has failed."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a viewer has: which loading of a board, and up to which revision."""

    board: str
    revision: int


class Hub:
    """The boards of one web process. The tail thread writes, the event loop reads; a lock keeps them apart.

    Boards are loaded without it: nobody waits for a date that somebody else opens.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        self._boards: OrderedDict[date, Board] = OrderedDict()
        self._messages: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()
        self._following = Following()
        self._stop = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._thread = SupervisedThread("board updates", self._tail, self._stop)
        self._reports = TaskReports(store, "web server")
        self._watch = StoreWatch(store, self._stop)
        self._reporter = SupervisedThread("task reports", self._report, self._stop)
        self.viewers = 0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread.start()
        self._reporter.start()
        self._watch.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5.0)
        self._reporter.join(5.0)
        self._watch.join(5.0)
        self.close()

    def close(self) -> None:
        """Let go of the store's connections."""
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
        return self._following.revision >= 0 or self._following.store_fault is not None

    @property
    def latest(self) -> date | None:
        return self._following.latest

    @property
    def condition(self) -> tuple[object, ...]:
        """What of the status viewers are told at once when it changes."""
        following = self._following
        states = [said["state"] for said in self._said_of_feeds()]
        failing = [health.task.name for health in task_healths() if health.state != TaskState.RUNNING]
        return self._store_fault, following.latest, *failing, *states[:1]

    def board_of(self, as_of: date) -> Board | None:
        """The board of a date; one that nobody has looked at yet is loaded now (call it off the loop).

        None while nothing could be read yet, and for a date later than the latest that has no values.
        """
        with self._loading:  # so that a date that many open at once is loaded once
            with self._lock:
                known, latest = self._boards.get(as_of), self._following.latest
            if known is not None or latest is None:
                return known
            with self._store.read() as connection:
                if as_of > latest and as_of not in valued_dates(connection):
                    return None
                board = load_board(connection, as_of, self._store.revisions(connection))
            while not self._take_in(board):
                board = self._caught_up(board)
            return board

    def _take_in(self, board: Board) -> bool:
        """Put a board with the others, unless they have gone on while it was loaded."""
        with self._lock:
            if board.revision < self._following.revision:
                return False
            self._keep(board)
            return True

    def _caught_up(self, board: Board) -> Board:
        """The board with what came while it was loaded; loaded again where that cannot be said."""
        with self._store.read() as connection:
            entries = read_since(connection, board.revision)
            if entries is None or not all(board.takes(entry) for entry in entries):
                return load_board(connection, board.as_of, self._store.revisions(connection))
        for entry in entries:
            board.apply(entry)
        return board

    def has_board(self, as_of: date) -> bool:
        return as_of in self._boards

    def message(
        self, as_of: date, table: str, selection: TradeSelection, seen: Seen | None
    ) -> tuple[Seen, bytes] | None:
        """What a viewer that has seen this much of a date's board is sent, and what it has then seen; None: no news.

        Who saw another loading of the board is sent a snapshot. A message is built once for all who need the same.
        """
        with self._lock:
            board = self._boards.get(as_of)
            if board is None:
                return None
            since = seen.revision if seen is not None and seen.board == board.identity else None
            if since is not None and since >= board.revision:
                return None
            key = (board.identity, table, selection, since, board.revision)
            built = self._messages.get(key)
            if built is None:
                built = self._messages[key] = message(board, table, selection, since)
                while len(self._messages) > _MESSAGES_KEPT:
                    self._messages.popitem(last=False)
            return Seen(board.identity, board.revision), built

    def status(self, as_of: date | None) -> dict[str, Any]:
        """The status message of a date's board. ``feed`` is the one that matters most of ``feeds``.

        loaded: whether there is such a board; a date that nothing is known of has none.
        """
        following = self._following
        with self._lock:
            board = self._boards.get(as_of) if as_of else None
            total, included, missing = board.live_counts() if board else (0, 0, {})
            by_default = board.with_default_parameters() if board else 0
        feeds, store = self._said_of_feeds(), StoreCondition.of(self._store_fault)
        return {
            "kind": "status",
            "revision": following.revision if board is None else board.revision,
            "as_of_date": None if as_of is None else as_of.isoformat(),
            "loaded": board is not None,
            "latest_as_of_date": None if following.latest is None else following.latest.isoformat(),
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
            "faults": said_of_tasks(task_healths(), following.reported, self._reports.process),
            "server_time": _iso(datetime.now(UTC)),
        }

    @property
    def _store_fault(self) -> Fault | None:
        """Why the store cannot be written; where it can, why it cannot be read."""
        return self._watch.fault or self._following.store_fault

    def _said_of_feeds(self) -> list[dict[str, Any]]:
        return said_of_feeds(self._following.feeds, datetime.now(UTC), self._settings.sidecar_silence_seconds)

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
        with self._lock:
            boards = dict(self._boards)
        with self._store.read() as connection:
            revisions = self._store.revisions(connection)
            must_reload = self._following.must_reload
            if revisions.revision == self._following.revision and not must_reload:
                return False
            is_first = self._following.revision < 0
            read = None if is_first or must_reload else read_since(connection, self._following.revision)
            entries = read or []
            fresh = read is None or any(entry.reload for entry in entries)
            latest = newest_as_of(connection) or next(iter(valued_dates(connection)), None)
            wanted = {day for day, board in boards.items() if fresh or not all(map(board.takes, entries))}
            if latest is not None and latest not in boards:
                wanted.add(latest)
            loaded = [load_board(connection, as_of, revisions) for as_of in sorted(wanted)]
        with self._lock:
            for as_of, board in list(self._boards.items()):
                if as_of in wanted or fresh or not all(map(board.takes, entries)):
                    del self._boards[as_of]
                    continue
                for entry in entries:
                    if entry.revision > board.revision:
                        board.apply(entry)
            self._following.latest = latest
            self._following.revision = entries[-1].revision if entries and not fresh else revisions.revision
            self._following.must_reload = False
            for board in loaded:
                self._keep(board)
        return True

    def _keep(self, board: Board) -> None:
        self._boards[board.as_of] = board
        while len(self._boards) > _EARLIER_BOARDS + 1:
            oldest = next(as_of for as_of in self._boards if as_of != self._following.latest)
            del self._boards[oldest]

    def _wake(self) -> None:
        def wake() -> None:
            waiting, self._changed = self._changed, asyncio.Event()
            waiting.set()

        if self._loop is not None:
            with suppress(RuntimeError):  # it has been closed, and nobody waits any more
                self._loop.call_soon_threadsafe(wake)


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
