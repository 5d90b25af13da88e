"""Feeds in the store: where each is, which sidecar owns it, what people want of it, what it last said of itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select, text, update

from storage.core.schema import feeds

REPLAY = "replay"
"""The name of the feed that plays historical ticks."""


class FeedState(StrEnum):
    PLAYING = "playing"
    PAUSED = "paused"
    ENDED = "ended"
    STOPPED = "stopped"


class FeedTaken(Exception):
    """Another sidecar owns the feed; the message says which."""


class FeedLost(Exception):
    """This sidecar no longer owns the feed: it must not write, and stops."""


class PositionMoved(Exception):
    """Somebody else has moved the place that this batch began at: nothing is written, and the feed starts again from
    where the store says."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A row of the feeds table. A speed of None means as fast as it goes."""

    feed: str
    cursor: dict[str, Any]
    owner: str | None
    wanted_state: str
    wanted_speed: float | None
    restarts_wanted: int
    state: str
    speed: float | None
    detail: str
    lag_seconds: float | None
    started_at: datetime | None
    seen_at: datetime | None
    process_id: int | None
    host: str | None
    late_quotes: int
    rejected: int

    def alive(self, now: datetime, silence_seconds: float) -> bool:
        """Whether a sidecar owns the feed and gave a sign of life lately."""
        seen = self.seen_at is not None and now - self.seen_at < timedelta(seconds=silence_seconds)
        return seen and self.owner is not None


def read_feeds(connection: Connection) -> list[Feed]:
    """All feeds by name."""
    return [Feed(*row) for row in connection.execute(select(feeds).order_by(feeds.c.feed))]


def read_feed(connection: Connection, feed: str) -> Feed | None:
    row = connection.execute(select(feeds).where(feeds.c.feed == feed)).one_or_none()
    return None if row is None else Feed(*row)


@dataclass(frozen=True, slots=True)
class Holder:
    """A sidecar that has claimed a feed: what it writes is only good while it still owns it."""

    feed: str
    owner: str


def claim_feed(
    connection: Connection,
    feed: str,
    owner: str,
    process_id: int,
    now: datetime,
    silence_seconds: float,
    speed: float | None,
    *,
    host: str = "",
    is_gone: Callable[[Feed], bool] = lambda _: False,
) -> Feed:
    """Make this sidecar the owner of a feed, from where its cursor is. Raises FeedTaken when another one is alive.

    host: what the process id is an id on. is_gone: whether the owner is known to be dead although it was seen lately.
    """
    connection.execute(_MAKE_FEED, {"feed": feed, "playing": FeedState.PLAYING, "stopped": FeedState.STOPPED})
    known = Feed(*connection.execute(select(feeds).where(feeds.c.feed == feed).with_for_update()).one())
    if known.owner != owner and known.alive(now, silence_seconds) and not is_gone(known):
        where = f" on {known.host.split()[0]}" if known.host else ""
        raise FeedTaken(
            f"Another sidecar (process {known.process_id}{where}) already runs {feed}. Stop it first, or wait "
            f"{silence_seconds:g} seconds after it died."
        )
    connection.execute(
        update(feeds)
        .where(feeds.c.feed == feed)
        .values(
            owner=owner,
            process_id=process_id,
            host=host,
            started_at=now,
            seen_at=now,
            state=FeedState.PLAYING,
            wanted_speed=speed,
            speed=speed,
        )
    )
    claimed = read_feed(connection, feed)
    assert claimed is not None
    return claimed


_MAKE_FEED = text(
    "INSERT INTO feeds (feed, cursor, wanted_state, restarts_wanted, state, detail, late_quotes, rejected) "
    "VALUES (:feed, '{}', :playing, 0, :stopped, '', 0, 0) ON CONFLICT (feed) DO NOTHING"
)


def leave_feed(connection: Connection, holder: Holder, now: datetime, state: FeedState, detail: str) -> None:
    """Give a feed back when its sidecar ends: the next one need not wait. Nothing happens when it is lost already."""
    connection.execute(
        update(feeds)
        .where(feeds.c.feed == holder.feed, feeds.c.owner == holder.owner)
        .values(owner=None, seen_at=now, state=state, detail=detail, lag_seconds=None)
    )


def hold_feed(connection: Connection, holder: Holder | None) -> None:
    """Make sure that nobody else takes the feed before this transaction ends. Raises FeedLost when somebody has."""
    if holder is None:
        return
    mine = update(feeds).where(feeds.c.feed == holder.feed, feeds.c.owner == holder.owner).values(owner=holder.owner)
    if connection.execute(mine).rowcount != 1:
        raise lost(holder.feed)


def lost(feed: str) -> FeedLost:
    return FeedLost(f"Another sidecar has taken over {feed}; this one stops.")


def move_cursor(
    connection: Connection, feed: str, owner: str, cursor: dict[str, Any], late: int = 0, rejected: int = 0
) -> None:
    """Move a feed's cursor inside the transaction of its data. Raises FeedLost when somebody else owns the feed."""
    moved = connection.execute(
        update(feeds)
        .where(feeds.c.feed == feed, feeds.c.owner == owner)
        .values(cursor=cursor, late_quotes=feeds.c.late_quotes + late, rejected=feeds.c.rejected + rejected)
    )
    if moved.rowcount != 1:
        raise lost(feed)


def report(
    connection: Connection,
    feed: str,
    owner: str,
    now: datetime,
    state: FeedState,
    speed: float | None,
    lag_seconds: float | None,
    detail: str,
) -> None:
    """A sign of life. Raises FeedLost when somebody else owns the feed."""
    said = connection.execute(
        update(feeds)
        .where(feeds.c.feed == feed, feeds.c.owner == owner)
        .values(seen_at=now, state=state, speed=speed, lag_seconds=lag_seconds, detail=detail)
    )
    if said.rowcount != 1:
        raise lost(feed)


def wish(connection: Connection, feed: str, **wanted: Any) -> bool:
    """Say what is wanted of a feed: ``wanted_state``, ``wanted_speed``, ``restarts_wanted``. False: no such feed."""
    return connection.execute(update(feeds).where(feeds.c.feed == feed).values(**wanted)).rowcount == 1
