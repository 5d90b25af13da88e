"""What a feed is: batches with a cursor, and when the next one comes. A new kind of feed is one module."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from storage.quotes import Quote


@dataclass(frozen=True, slots=True)
class Batch:
    """What a feed brings at once. cursor: where the feed is after it, stored in the batch's own transaction.

    due: the monotonic time at which the newest of it should have been there, for the lag. not_before: the as-of date
    that the feed has reached.
    """

    quotes: Sequence[Quote]
    cursor: dict[str, Any]
    due: float
    not_before: date | None = None


class Feed(Protocol):
    """A source of batches that can resume from its cursor. Times are of the monotonic clock, in seconds."""

    name: str

    def next_batch(self, now: float) -> Batch | None:
        """What is due by now, or None. Never blocks for long."""
        ...

    def next_awake(self, now: float) -> float | None:
        """When the next batch is due; None: there will be no more."""
        ...

    def close(self) -> None: ...
