"""The feed of watched files: one file is one batch, and one transaction.

A thread of its own looks at the folders, hashes, reads and validates, so that a large file or a slow network mount
never keeps the sidecar from its signs of life. It never touches the store: what it found waits until the loop fetches
it, and it goes on when the loop says that it is committed.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import structlog

from ingestion.sidecar.feed import Batch
from ingestion.watch.events import FolderEvents
from ingestion.watch.paths import shown
from ingestion.watch.round import FoundFile, WatchOptions, WatchRound
from services.files.file_limits import FileLimits
from services.records.how_many import grouped
from services.records.incoming import Incoming
from services.records.read_rows import RowFailure
from services.writes.apply_incoming import Applied
from storage.connection.faults import StoreUnavailable
from storage.connection.supervision import Supervised, SupervisedThread
from storage.core.database import Store, WriteUnit
from storage.feeds.feeds import Feed as FeedRow
from storage.feeds.feeds import PositionMoved, move_cursor
from storage.feeds.loaded_files import LoadedFileRow, note_loaded_file, read_loaded_file, read_loaded_files
from storage.feeds.rejections import Rejection

_REJECTIONS_KEPT = 100
_EVENTS_APART_SECONDS = 0.05
_ASK_AGAIN_SECONDS = 0.02
_CLOSING_SECONDS = 5.0

log = structlog.get_logger("sidecar")


@dataclass(frozen=True, slots=True)
class FilePosition:
    """That a file was read: its row of ``loaded_files``, written with its rows. owner must still own the feed."""

    feed: str
    owner: str
    cursor: dict[str, Any]
    row: LoadedFileRow
    before: str | None
    """The hash of what was read at this path before; None: nothing was."""
    unlisted: int
    """How many rows were refused beyond those that the batch lists."""

    def move(self, unit: WriteUnit, late: int, rejected: int) -> None:
        """Raises FeedLost when another sidecar has taken the feed over, and PositionMoved when the store knows better
        what was read at this path: this very batch (its commit was not answered), or by a sidecar of another name."""
        move_cursor(unit.connection, self.feed, self.owner, self.cursor, late, rejected + self.unlisted)
        stored = read_loaded_file(unit.connection, self.row.path)
        if (stored.content_hash if stored is not None else None) != self.before:
            raise PositionMoved(f"{self.row.path} has been read meanwhile")
        note_loaded_file(unit, self.row)


class WatchFeed:
    """Watches files and folders; see ``ingestion.sidecar.feed.Feed``."""

    ended = False

    def __init__(self, store: Store, row: FeedRow, options: WatchOptions, limits: FileLimits) -> None:
        self.name = row.feed
        self.paused = False
        self._store, self._row, self._rescan = store, row, options.rescan
        self._options, self._limits = options, limits
        self._round = WatchRound(options, limits, self._known())
        self._change = threading.Condition()
        self._found: FoundFile | None = None
        self._fetched = False
        self._answer: Callable[[], None] | None = None
        self._stopping = False
        self._look_now = True
        self._must_begin_anew = False
        """Whether the thread has failed: it waits for a round that knows what the store knows."""
        self._ending = threading.Event()
        self._thread = SupervisedThread("watched files", self._work, self._ending)
        self._thread.start()

    @property
    def progress(self) -> str:
        return self._round.progress

    @property
    def lag_seconds(self) -> float | None:
        """For how long the file that waits longest has been as it is; 0 when none waits."""
        since = self._round.waiting_since
        return 0.0 if since is None else max(0.0, time.monotonic() - since)

    def next_batch(self, now: float) -> Batch | None:  # noqa: ARG002
        """The file that was read, once."""
        self._begin_anew()
        with self._change:
            if self.paused or self._found is None or self._fetched:
                return None
            self._fetched = True
            return self._batch(self._found)

    def next_awake(self, now: float) -> float | None:
        return now + _ASK_AGAIN_SECONDS

    def committed(self, batch: Batch, applied: Applied) -> None:  # noqa: ARG002
        """Let the thread leave its traces (report, move) and go on."""
        found = self._found
        assert found is not None
        if found.content is not None:
            counts = asdict(applied.of(found.row.kind))
            said = {"file": found.file.name, "kind": found.row.kind, "outcome": found.row.outcome, **counts}
            log.info("file_read", **said, **({"detail": found.row.detail} if found.row.detail else {}))
        self._tell(lambda: self._round.committed(found))

    def rewind(self) -> None:
        """Forget what was found, and look again with what the store knows."""
        known = self._known()
        self._tell(lambda: self._round.forget(known))

    def pause(self) -> None:
        self.paused = True

    def resume(self, now: float) -> None:  # noqa: ARG002
        self.paused = False

    def close(self) -> None:
        """A file that is being read when the sidecar ends is read again at the next start."""
        self._ending.set()
        with self._change:
            self._stopping = True
            self._change.notify_all()
        self._thread.join(_CLOSING_SECONDS)

    def _begin_anew(self) -> None:
        """Give a thread that has failed a round that knows what the store knows, as soon as the store answers."""
        if not self._must_begin_anew:
            return
        try:
            known = self._known()
        except StoreUnavailable:
            return
        with self._change:
            self._round = WatchRound(self._options, self._limits, known)
            self._found = self._answer = None
            self._must_begin_anew, self._look_now = False, True
            self._change.notify_all()

    def _known(self) -> dict[str, LoadedFileRow]:
        with self._store.read() as connection:
            return read_loaded_files(connection)

    def _batch(self, found: FoundFile) -> Batch:
        content = found.content
        failures = content.failures if content is not None else ()
        rejections = _rejections(failures, found.file.name)
        unlisted = max(0, (content.failed_rows if content is not None else 0) - len(rejections))
        position = FilePosition(self.name, self._row.owner or "", self._row.cursor, found.row, found.before, unlisted)
        incoming = content.incoming if content is not None else Incoming()
        return Batch(incoming, position, f"file {found.file.name}", found.since, rejections)

    def _tell(self, answer: Callable[[], None]) -> None:
        with self._change:
            self._answer = answer
            self._change.notify_all()

    def _wake(self) -> None:
        with self._change:
            self._look_now = True
            self._change.notify_all()

    def _work(self, sign_of_life: Supervised) -> None:
        with self._change:
            self._change.wait_for(lambda: self._stopping or not self._must_begin_anew)
        events = FolderEvents(self._wake)
        try:
            while not self._stopping:
                found = self._round.turn(time.monotonic())
                if events.follow(self._round.folders):
                    self._wake()
                sign_of_life.beat()
                if found is None:
                    self._wait_for_something()
                else:
                    self._hand_over(found)
        except Exception:
            self._must_begin_anew = True
            raise
        finally:
            events.close()

    def _hand_over(self, found: FoundFile) -> None:
        """Wait until it is committed, or forgotten."""
        with self._change:
            self._found, self._fetched = found, False
            self._change.wait_for(lambda: self._stopping or self._answer is not None)
            answer, self._answer = self._answer, None
        if answer is not None:
            answer()
        with self._change:
            self._found = None

    def _wait_for_something(self) -> None:
        """Until an event, or until it is time to look; a writer's many events are one."""
        with self._change:
            self._change.wait_for(lambda: self._stopping, _EVENTS_APART_SECONDS)
            self._change.wait_for(
                lambda: self._stopping or self._look_now, max(0.0, self._round.next_look - time.monotonic())
            )
            self._look_now = False


def _rejections(failures: Sequence[RowFailure], name: str) -> list[Rejection]:
    """The first failures, for the board, and how many more there are."""
    listed = [
        Rejection(
            f"{failure.place} {failure.line}", shown(failure.column), shown(failure.value), shown(failure.message)
        )
        for failure in failures[:_REJECTIONS_KEPT]
    ]
    if len(failures) > _REJECTIONS_KEPT:
        reason = f"and {grouped(len(failures) - _REJECTIONS_KEPT)} more: see the report {name}.errors.csv"
        listed.append(Rejection(f"{failures[-1].place} {failures[_REJECTIONS_KEPT].line}", "", "", reason))
    return listed
