"""The boards of one web process, by date: loaded in a thread of their own, kept while somebody looks at them.

The board of the latest date is loaded by the thread that follows the store. Boards of earlier dates never hold it up.
"""

import asyncio
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import structlog
from sqlalchemy import Connection

from engine.selection import TradeSelection
from live.boards.board import Board, load_board
from live.serving.built_messages import BuiltMessages, MessageKey
from live.tables.registry import TABLES, message
from storage.connection.faults import StoreFault
from storage.connection.settings import Settings
from storage.connection.supervision import Supervised, SupervisedThread
from storage.core.change_log import Entry, read_since
from storage.core.database import Store, StoreRevisions
from storage.read_models.read_models import has_date

_BYTES_A_ROW = 2_000
_ROWS_BUILT_AT_ONCE = 2_000
"""A message of more rows is built beside the event loop, and without the lock of its board."""
_LOOK_SECONDS, _ABSENT_SECONDS, _AGAIN_SECONDS, _STORE_SECONDS = 1.0, 2.0, 5.0, 1.0
_RELOAD_SHARE = 4.0
"""A board that must be loaded again waits for so many times as long as its loading took: changes that make all boards
load again, one after the other, leave the process time for the latest date."""

log = structlog.get_logger("live")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a viewer has: which loading of a board, and up to which revision."""

    board: str
    revision: int


Built = tuple[Seen, bytes]


class Boards:
    """revision, latest: up to where the store was followed, and the newest date; -1 and None before."""

    def __init__(self, store: Store, settings: Settings, stop: threading.Event, wake: Callable[[], None]) -> None:
        self._store, self._settings, self._stop, self._wake = store, settings, stop, wake
        self.revision = -1
        self.latest: date | None = None
        self._lock, self._loading = threading.Lock(), threading.Lock()
        self._boards: OrderedDict[date, Board] = OrderedDict()
        self._stale: set[date] = set()
        """Boards that cannot take what came since: shown as they are until they are loaded again."""
        self._watched: Counter[date] = Counter()
        self._not_before: dict[date, float] = {}
        self._failing: set[date] = set()
        self._asked = threading.Event()
        self._messages = BuiltMessages()
        self._building: dict[MessageKey, asyncio.Future[Built | None]] = {}
        self._builders = ThreadPoolExecutor(2, thread_name_prefix="deltaboard-messages")
        self._loader = SupervisedThread("board loader", self._load_what_is_watched, stop)

    def start(self) -> None:
        self._loader.start()

    def close(self) -> None:
        self._asked.set()
        self._loader.join(5.0)
        self._builders.shutdown(wait=False, cancel_futures=True)

    # --- who looks at what

    def watch(self, as_of: date) -> None:
        """Somebody looks at a date from now on: its board is loaded, and stays."""
        with self._lock:
            self._watched[as_of] += 1
        self._asked.set()

    def unwatch(self, as_of: date) -> None:
        with self._lock:
            self._watched[as_of] -= 1
            if self._watched[as_of] <= 0:
                del self._watched[as_of]

    def refusal(self, as_of: date) -> str | None:
        """Why a date that somebody looks at gets no board, in words; None: it has one, or gets one."""
        with self._lock:
            if as_of in self._boards or as_of == self.latest or self._has_room():
                return None
        return f"{self._most_earlier()} earlier dates are open already, and this server keeps no more. Try again later."

    def is_pending(self, as_of: date | None) -> bool:
        """Whether the board of a date is about to be there: nothing is said of it yet."""
        known = as_of in self._boards or as_of in self._not_before
        return as_of in self._watched and self.latest is not None and as_of != self.latest and not known

    def get(self, as_of: date | None) -> Board | None:
        return None if as_of is None else self._boards.get(as_of)

    def _most_earlier(self) -> int:
        """How many boards beside that of the latest date there may be; all are about as large."""
        latest = self._boards.get(self.latest) if self.latest is not None else None
        size = max(1, len(latest.rows) if latest is not None else 0) * _BYTES_A_ROW
        by_size = int(self._settings.earlier_boards_megabytes * 1e6 / size)
        return max(1, min(self._settings.earlier_boards, by_size))

    def _has_room(self) -> bool:
        """Whether a board can be added, with the lock held: one that nobody looks at gives way."""
        kept = [as_of for as_of in self._boards if as_of != self.latest and as_of in self._watched]
        return len(kept) < self._most_earlier()

    # --- following

    def known(self) -> dict[date, Board]:
        """The boards that follow the store."""
        with self._lock:
            return {as_of: board for as_of, board in self._boards.items() if as_of not in self._stale}

    def advance(
        self, revision: int, latest: date | None, entries: Sequence[Entry], leave: set[date], loaded: Board | None
    ) -> None:
        """Bring the boards to a revision: the latest date's first.

        leave: the boards that cannot take the entries. loaded: the board of the latest date, where it was read afresh.
        """
        with self._lock:
            self.revision, self.latest = revision, latest
            if loaded is not None:
                self._put(loaded)
            for as_of in leave - ({loaded.as_of} if loaded is not None else set()):
                if as_of in self._watched:
                    self._stale.add(as_of)
                else:
                    self._drop(as_of)
            targets = [board for as_of, board in self._boards.items() if as_of not in self._stale]
        for board in sorted(targets, key=lambda board: board.as_of != latest):
            newer = [entry for entry in entries if entry.revision > board.revision]
            if newer:
                with board.lock.changing():
                    for entry in newer:
                        board.apply(entry)
                    _count(board)
            if board.as_of == latest:
                self._wake()
        if leave:
            self._asked.set()

    # --- loading

    def board_of(self, as_of: date) -> Board | None:
        """The board of a date; one that is not there or must be read again is loaded now (call it off the loop).

        None while nothing could be read yet, and for a date of which the store has nothing.
        """
        with self._loading:
            with self._lock:
                known = None if as_of in self._stale else self._boards.get(as_of)
                if known is not None or self.latest is None:
                    return known
            began = time.monotonic()
            with self._store.read() as connection:
                if as_of != self.latest and not has_date(connection, as_of):
                    self._not_before[as_of] = began + _ABSENT_SECONDS
                    return None
                board = load(connection, as_of, self._store.revisions(connection))
            while not self._take_in(board):
                board = self._caught_up(board)
            self._not_before[as_of] = time.monotonic() + _RELOAD_SHARE * (time.monotonic() - began)
            return board

    def _take_in(self, board: Board) -> bool:
        """Put a board with the others, unless they have gone on while it was loaded."""
        with self._lock:
            if board.revision < self.revision:
                return False
            self._put(board)
            return True

    def _caught_up(self, board: Board) -> Board:
        """The board with what came while it was loaded; loaded again where that cannot be said."""
        with self._store.read() as connection:
            entries = read_since(connection, board.revision)
            if entries is None or not all(board.takes(entry) for entry in entries):
                return load(connection, board.as_of, self._store.revisions(connection))
        for entry in entries:
            board.apply(entry)
        return board

    def _put(self, board: Board) -> None:
        self._drop(board.as_of)
        self._boards[board.as_of] = board
        most = self._most_earlier() + 1
        spare = [as_of for as_of in self._boards if as_of not in (self.latest, board.as_of, *self._watched)]
        for as_of in spare[: max(0, len(self._boards) - most)]:
            self._drop(as_of)

    def _drop(self, as_of: date) -> None:
        gone = self._boards.pop(as_of, None)
        self._stale.discard(as_of)
        if gone is not None:
            self._messages.drop_board(gone.identity)

    def _load_what_is_watched(self, sign_of_life: Supervised) -> None:
        while not self._stop.is_set():
            as_of = self._next_wanted()
            if as_of is None:
                if not self._failing & self._watched.keys():
                    sign_of_life.beat()
                self._asked.wait(_LOOK_SECONDS)
                self._asked.clear()
                continue
            try:
                self.board_of(as_of)
            except StoreFault:  # it is said of the store
                self._stop.wait(_STORE_SECONDS)
                continue
            except Exception:
                self._failing.add(as_of)
                self._not_before[as_of] = time.monotonic() + _AGAIN_SECONDS
                raise
            self._failing.discard(as_of)
            if not self._failing & self._watched.keys():
                sign_of_life.beat()
            self._wake()

    def _next_wanted(self) -> date | None:
        now = time.monotonic()
        with self._lock:
            if self.latest is None:
                return None
            for old in [day for day, until in self._not_before.items() if until < now]:
                del self._not_before[old]
            wanted = [day for day in self._watched if day not in self._boards or day in self._stale]
            due = [day for day in wanted if day not in self._not_before and (day in self._stale or self._has_room())]
        return next((day for day in due if day != self.latest), None)

    # --- messages

    def message(self, as_of: date, table: str, selection: TradeSelection, seen: Seen | None) -> Built | None:
        """What a viewer that has seen this much of a date's board is sent, and what it has then seen; None: no news.

        Who saw another loading of the board is sent a snapshot. A message is built once for all who need the same.
        Waits for whoever has the board: call it off the loop. What is large is built from a copy, and holds up nobody
        who has or changes the board meanwhile.
        """
        board = self._boards.get(as_of)
        if board is None:
            return None
        with board.lock.reading():
            if TABLES[table].rows(board, _key(board, table, selection, seen).since) <= _ROWS_BUILT_AT_ONCE:
                return self._built(board, table, selection, seen)
            frozen = board.frozen()
        return self._built(frozen, table, selection, seen)

    async def next_message(self, as_of: date, table: str, selection: TradeSelection, seen: Seen | None) -> Built | None:
        """The same for the event loop: what is large, or has to wait, is built in a thread."""
        board = self._boards.get(as_of)
        if board is None:
            return None
        key = _key(board, table, selection, seen)
        if key.since is not None and key.since >= key.revision:
            return None
        kept = self._messages.get(key)
        if kept is not None:
            return Seen(key.board, key.revision), kept
        if TABLES[table].rows(board, key.since) <= _ROWS_BUILT_AT_ONCE:
            with board.lock.reading_at_once() as is_free:
                if is_free:
                    return self._built(board, table, selection, seen)
        building = self._building.get(key)
        if building is None:
            loop = asyncio.get_running_loop()
            building = loop.run_in_executor(self._builders, self.message, as_of, table, selection, seen)
            self._building[key] = building
            building.add_done_callback(lambda _: self._building.pop(key, None))
        return await asyncio.shield(building)

    def _built(self, board: Board, table: str, selection: TradeSelection, seen: Seen | None) -> Built | None:
        key = _key(board, table, selection, seen)
        if key.since is not None and key.since >= key.revision:
            return None
        built = self._messages.get(key)
        if built is None:
            built = message(board, table, selection, key.since)
            self._messages.keep(key, built)
        return Seen(key.board, key.revision), built


def load(connection: Connection, as_of: date, revisions: StoreRevisions) -> Board:
    """A board, counted and summed up."""
    board = load_board(connection, as_of, revisions)
    _count(board)
    return board


def _count(board: Board) -> None:
    """Find what looks at the trades one by one: while the board is brought up to date, and not on the event loop."""
    board.live_counts()
    board.group_sums()


def _key(board: Board, table: str, selection: TradeSelection, seen: Seen | None) -> MessageKey:
    if not TABLES[table].takes_selection:
        selection = TradeSelection()
    since = seen.revision if seen is not None and seen.board == board.identity else None
    return MessageKey(board.identity, table, selection, since, board.revision)
