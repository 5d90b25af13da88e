"""What a feed is: batches with a position, and when the next one comes. A new kind of feed is one module."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from services.records.incoming import Incoming
from services.writes.apply_incoming import Applied, Position
from storage.feeds.rejections import Rejection


@dataclass(frozen=True, slots=True)
class Batch:
    """What a feed brings at once, and what is stored with it in one transaction.

    position: where the feed is after it. source: who brought it, for people. due: the monotonic time at which the
    newest of it should have been there, for the lag. rejections: what of it cannot be taken. not_before: the as-of date
    that the feed had reached before it; quotes of earlier dates are late.
    """

    incoming: Incoming
    position: Position
    source: str
    due: float
    rejections: Sequence[Rejection] = ()
    not_before: date | None = None


class Feed(Protocol):
    """A source of batches that can resume from what the store knows of it. Times are monotonic, in seconds."""

    name: str
    paused: bool

    @property
    def progress(self) -> str:
        """For people: where it is."""
        ...

    @property
    def ended(self) -> bool:
        """Whether there will be no more."""
        ...

    @property
    def lag_seconds(self) -> float | None:
        """How far it is behind its source; None: as far as its last batch was."""
        ...

    def next_batch(self, now: float) -> Batch | None:
        """What is due by now, or None: also while it is paused. Never blocks for long; not called after the end."""
        ...

    def next_awake(self, now: float) -> float | None:
        """When the next batch is due; None: there will be no more."""
        ...

    def committed(self, batch: Batch, applied: Applied) -> None:
        """The last batch is in the store."""
        ...

    def rewind(self) -> None:
        """The last batch's position was refused: nothing of it is stored. Go on from where the store says."""
        ...

    def pause(self) -> None: ...

    def resume(self, now: float) -> None:
        """Go on from here: the time of the pause is not caught up with."""
        ...

    def close(self) -> None: ...
