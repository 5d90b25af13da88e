"""Follows the store for all viewers of this web process: one tail, one board a date, everyone woken on a change."""

import asyncio
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError

from engine.selection import TradeSelection
from live.board import Board, load_board
from live.tables import message
from storage.change_log import Entry, read_since
from storage.database import Store
from storage.feeds import Feed, FeedState, read_feeds
from storage.quotes import newest_as_of
from storage.settings import Settings

_FEEDS_SECONDS = 0.5
_EARLIER_BOARDS = 3
_MESSAGES_KEPT = 64
_BACK_OFF_SECONDS = 1.0

log = structlog.get_logger("live")


@dataclass(slots=True)
class Following:
    """What the tail knows beside the boards."""

    revision: int = -1
    latest: date | None = None
    feeds: list[Feed] = field(default_factory=list)
    store_ok: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """What a viewer has: which loading of a board, and up to which revision."""

    board: str
    revision: int


class Hub:
    """The boards of one web process. The tail thread writes, the event loop reads; a lock keeps them apart."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._lock = threading.Lock()
        self._boards: OrderedDict[date, Board] = OrderedDict()
        self._messages: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()
        self._following = Following()
        self._stop = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._thread = threading.Thread(target=self._tail, name="deltaboard-tail", daemon=True)
        self.viewers = 0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5.0)
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
        return self._following.revision >= 0 or not self._following.store_ok

    @property
    def latest(self) -> date | None:
        return self._following.latest

    def board_of(self, as_of: date) -> Board | None:
        """The board of a date; one of an earlier date is loaded when it is first asked for (call it off the loop).

        None while nothing could be read yet, or where that date has no values.
        """
        with self._lock:
            known = self._boards.get(as_of)
            if known is not None or self._following.latest is None or as_of > self._following.latest:
                return known
            with self._store.read() as connection:
                board = load_board(connection, as_of, self._store.revisions(connection))
            self._keep(board)
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
        """The status message of a date's board."""
        following = self._following
        with self._lock:
            board = self._boards.get(as_of) if as_of else None
            total, included, missing = board.live_counts() if board else (0, 0, {})
        return {
            "kind": "status",
            "revision": following.revision if board is None else board.revision,
            "as_of_date": None if as_of is None else as_of.isoformat(),
            "latest_as_of_date": None if following.latest is None else following.latest.isoformat(),
            "observed_at": _iso(board.observed_at) if board else None,
            "feed": self._feed(),
            "trades": total,
            "included": included,
            "not_included": missing,
            "store": "ok" if following.store_ok else "unreachable",
            "server_time": _iso(datetime.now(UTC)),
        }

    def _feed(self) -> dict[str, Any]:
        now = datetime.now(UTC)
        feeds = sorted(self._following.feeds, key=lambda f: f.alive(now, self._settings.sidecar_silence_seconds))
        if not feeds:
            return {"name": None, "state": FeedState.STOPPED, "speed": None, "lag_seconds": None}
        feed = feeds[-1]
        ended = feed.state == FeedState.ENDED
        alive = feed.alive(now, self._settings.sidecar_silence_seconds)
        return {
            "name": feed.feed,
            "state": feed.state if alive or ended else FeedState.STOPPED,
            "speed": feed.speed,
            "lag_seconds": feed.lag_seconds,
        }

    def _tail(self) -> None:
        next_feeds = 0.0
        while not self._stop.is_set():
            try:
                moved = self.follow()
                if time.monotonic() >= next_feeds:
                    with self._store.read() as connection:
                        self._following.feeds = read_feeds(connection)
                    next_feeds = time.monotonic() + _FEEDS_SECONDS
                self._following.store_ok = True
            except DBAPIError as error:
                if self._following.store_ok:
                    log.warning("the store does not answer", error=str(error.orig))
                self._following.store_ok = False
                self._wake()
                self._stop.wait(_BACK_OFF_SECONDS)
                continue
            if moved:
                self._wake()
            self._stop.wait(self._settings.tail_seconds)

    def follow(self) -> bool:
        """Take what is new in the store; whether anything was."""
        with self._store.read() as connection:
            revisions = self._store.revisions(connection)
            if revisions.revision == self._following.revision:
                return False
            entries = None if self._following.revision < 0 else read_since(connection, self._following.revision)
            fresh = entries is None or any(entry.reload for entry in entries)
            reached = revisions.revision if fresh or not entries else entries[-1].revision
            latest = newest_as_of(connection)
            with self._lock:
                if fresh:
                    wanted = list(self._boards)
                    self._boards.clear()
                    for as_of in wanted:
                        self._keep(load_board(connection, as_of, revisions))
                for entry in [] if fresh else entries or []:
                    self._apply(entry)
                if latest is not None and latest not in self._boards:
                    self._keep(load_board(connection, latest, revisions))
                self._following.latest = latest
                self._following.revision = reached
        return True

    def _apply(self, entry: Entry) -> None:
        """Bring every board that the entry touches up to date; one that cannot take it is dropped, and loaded anew."""
        for as_of, board in list(self._boards.items()):
            touches_close = ("sensitivities", board.close_date) in entry.tables
            if entry.revision > board.revision and (touches_close or not board.apply(entry)):
                del self._boards[as_of]

    def _keep(self, board: Board) -> None:
        self._boards[board.as_of] = board
        while len(self._boards) > _EARLIER_BOARDS + 1:
            oldest = next(as_of for as_of in self._boards if as_of != self._following.latest)
            del self._boards[oldest]

    def _wake(self) -> None:
        def wake() -> None:
            waiting, self._changed = self._changed, asyncio.Event()
            waiting.set()

        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(wake)


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
