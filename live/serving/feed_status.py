"""What the board says of the feeds: each with its state and lag, the one that matters most first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from storage.feeds.feeds import Feed, FeedState

NO_FEED: dict[str, Any] = {
    "name": None,
    "state": str(FeedState.STOPPED),
    "speed": None,
    "lag_seconds": None,
    "detail": "",
}
"""What is said where no feed has ever run."""

_BY_WEIGHT = [str(state) for state in (FeedState.PLAYING, FeedState.PAUSED, FeedState.ENDED, FeedState.STOPPED)]


def feed_statuses(feeds: Sequence[Feed], now: datetime, silence_seconds: float) -> list[dict[str, Any]]:
    """Each feed as the status message has it. Playing ones stand first, of these the one that is furthest behind.

    One that gives no sign of life is stopped, unless it has come to its end.
    """

    def state(feed: Feed) -> str:
        speaks = feed.alive(now, silence_seconds) or feed.state == FeedState.ENDED
        return str(feed.state if speaks else FeedState.STOPPED)

    said = [
        {
            "name": feed.feed,
            "state": state(feed),
            "speed": feed.speed,
            "lag_seconds": feed.lag_seconds,
            "detail": feed.detail,
        }
        for feed in feeds
    ]
    return sorted(said, key=lambda feed: (_BY_WEIGHT.index(feed["state"]), -(feed["lag_seconds"] or 0.0)))
