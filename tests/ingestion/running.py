"""A sidecar that runs in a thread of the tests, on a real store."""

import threading
import time
from datetime import UTC, datetime

from ingestion.sidecar.replay import ReplayFeed, TickRow
from ingestion.sidecar.runner import Sidecar
from storage.connection.settings import Settings
from storage.core.database import Store
from storage.feeds.feeds import REPLAY, Feed, FeedState, claim_feed, read_feed
from tests.ingestion.sidecar_thread import SidecarThread


def play_to_the_end(store: Store, rows: list[TickRow]) -> None:
    """A whole run with ``--speed max --once``."""
    replay_sidecar(store, rows, once=True).run(threading.Event())


def replay_sidecar(store: Store, rows: list[TickRow], *, speed: float | None = None, once: bool = False) -> Sidecar:
    """A sidecar that plays these rows."""

    def open_feed(row: Feed) -> ReplayFeed:
        return ReplayFeed(rows, row.cursor, row.wanted_speed, time.monotonic(), row.owner or "")

    return Sidecar(store, Settings(), REPLAY, open_feed, speed=speed, once=once)


def feed_of(store: Store) -> Feed:
    """What the store says of the replay."""
    with store.read() as connection:
        feed = read_feed(connection, REPLAY)
    assert feed is not None
    return feed


def take_over(store: Store, owner: str = "another") -> None:
    """Another sidecar has found the owner silent, and claims the feed."""
    with store.bookkeeping() as connection:
        claim_feed(connection, REPLAY, owner, 1, datetime.now(UTC), 10.0, None, is_gone=lambda _: True)


class Running(SidecarThread):
    """A sidecar that replays, in a thread."""

    def __init__(self, store: Store, rows: list[TickRow], speed: float | None = None, *, once: bool = False) -> None:
        self.sidecar = replay_sidecar(store, rows, speed=speed, once=once)
        super().__init__(lambda: self.sidecar)
        self._store = store

    @property
    def row(self) -> int:
        """The next row, as the store has it."""
        return int(feed_of(self._store).cursor.get("row", 0))

    def wait_for_row(self, row: int) -> None:
        self.wait_for(lambda: self.row >= row, f"row {row}")

    def wait_for_state(self, state: FeedState) -> None:
        self.wait_for(lambda: feed_of(self._store).state == state, state)

    def wait_for_signs_of_life(self, count: int) -> None:
        """Wait until the sidecar has reported this often: it has had the time to do what it does."""
        for _ in range(count):
            seen = feed_of(self._store).seen_at
            self.wait_for(lambda seen=seen: feed_of(self._store).seen_at != seen, "a sign of life")

    def wait_for_fault(self) -> Exception:
        self.wait_for(lambda: not self._thread.is_alive(), "the end of the sidecar", may_end=True)
        assert self.fault is not None
        fault, self.fault = self.fault, None
        return fault
