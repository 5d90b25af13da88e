"""Say what is wanted of a feed: the sidecar that owns it obeys within a moment."""

from storage.database import Store
from storage.feeds import FeedState, read_feed, wish


class UnknownFeed(Exception):
    """There is no such feed in the store; the message says what to do."""


def pause_feed(store: Store, feed: str) -> None:
    """Raises UnknownFeed."""
    _wish(store, feed, wanted_state=FeedState.PAUSED)


def resume_feed(store: Store, feed: str) -> None:
    """Raises UnknownFeed."""
    _wish(store, feed, wanted_state=FeedState.PLAYING)


def set_feed_speed(store: Store, feed: str, speed: float | None) -> None:
    """How many seconds of the source pass in one of ours; None: do not wait. Raises UnknownFeed, ValueError."""
    if speed is not None and not speed > 0:
        raise ValueError("the speed must be above 0: 1 is as it was, 100 is a hundred times as fast")
    _wish(store, feed, wanted_speed=speed)


def restart_feed(store: Store, feed: str) -> None:
    """Start the replay from its beginning, and play. Raises UnknownFeed."""
    with store.bookkeeping() as connection:
        known = read_feed(connection, feed)
        if known is not None:
            wish(connection, feed, restarts_wanted=known.restarts_wanted + 1, wanted_state=FeedState.PLAYING)
            return
    raise _unknown(feed)


def _wish(store: Store, feed: str, **wanted: object) -> None:
    with store.bookkeeping() as connection:
        if not wish(connection, feed, **wanted):
            raise _unknown(feed)


def _unknown(feed: str) -> UnknownFeed:
    return UnknownFeed(f"The store knows no feed {feed}: start its sidecar first.")
