"""Steer a feed for everyone: pause, resume, speed, restart. The sidecar that owns it obeys within a moment."""

from collections.abc import Callable
from typing import Any

from services.access.permissions import Permission, User, require
from storage.core.change_log import changing
from storage.core.database import Store
from storage.feeds.feeds import Feed, FeedState, read_feed, wish
from storage.people.audit import AuditEntry, append_audit

SUBJECT = "feed"


class UnknownFeed(Exception):
    """There is no such feed in the store; the message says what to do."""


def pause_feed(store: Store, user: User, feed: str) -> None:
    """Raises NotAllowed, UnknownFeed."""
    _steer(store, user, feed, "pause feed", lambda _: {"wanted_state": FeedState.PAUSED})


def resume_feed(store: Store, user: User, feed: str) -> None:
    """Raises NotAllowed, UnknownFeed."""
    _steer(store, user, feed, "resume feed", lambda _: {"wanted_state": FeedState.PLAYING})


def set_feed_speed(store: Store, user: User, feed: str, speed: float | None) -> None:
    """How many seconds of the source pass in one of ours; None: do not wait. Raises NotAllowed, UnknownFeed, and
    ValueError for a speed that is none."""
    if speed is not None and not 0 < speed < float("inf"):
        raise ValueError("the speed must be above 0: 1 is as it was, 100 is a hundred times as fast")
    _steer(store, user, feed, "set feed speed", lambda _: {"wanted_speed": speed})


def restart_feed(store: Store, user: User, feed: str) -> None:
    """Start the replay from its beginning, and play. Raises NotAllowed, UnknownFeed."""
    _steer(
        store,
        user,
        feed,
        "restart feed",
        lambda known: {"restarts_wanted": known.restarts_wanted + 1, "wanted_state": FeedState.PLAYING},
    )


def _steer(store: Store, user: User, feed: str, action: str, wanted: Callable[[Feed], dict[str, Any]]) -> None:
    """In one transaction with its entry in the audit. wanted: what is wanted of the feed, as it is known."""
    require(store, user, Permission.STEER, f"{action} {feed}")
    with changing(store, f"{action} by {user.name}") as (unit, _):
        known = read_feed(unit.connection, feed)
        if known is None:
            raise UnknownFeed(f"The store knows no feed {feed}: start its sidecar first.")
        wishes = wanted(known)
        wish(unit.connection, feed, **wishes)
        before = {_WORDS[name]: _audited(getattr(known, name)) for name in wishes}
        after = {_WORDS[name]: _audited(value) for name, value in wishes.items()}
        append_audit(unit, [AuditEntry(user.name, action, SUBJECT, feed, before, after)])


_WORDS = {"wanted_state": "state", "wanted_speed": "speed", "restarts_wanted": "restarts"}


def _audited(value: object) -> object:
    """A wish as the audit has it: a speed of None is as fast as it goes."""
    return "max" if value is None else value if isinstance(value, int | float) else str(value)
