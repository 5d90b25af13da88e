"""``replay``: the sidecar with the tick replay. ``control``: what the replay is to do."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingestion.commands.opening import BAD_INPUT, fail, opened_store, parsed_speed
from ingestion.commands.running import run_sidecar

if TYPE_CHECKING:
    from storage.core.database import Store
    from storage.feeds.feeds import Feed as FeedRow


class Wish(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    RESTART = "restart"
    SPEED = "speed"


def replay(
    file: Annotated[Path, typer.Argument(help="Ticks: AsOfDate (UTC) and a column a ticker.")],
    speed: Annotated[str, typer.Option(help="How many times as fast as it was; max does not wait.")] = "100",
    once: Annotated[bool, typer.Option("--once", help="Play to the end and stop.")] = False,
) -> None:
    """Run the sidecar with the tick replay, from where it was."""
    import time

    from ingestion.sidecar.replay import ReplayFeed, ReplayFileFault, read_ticks
    from storage.feeds.feeds import REPLAY

    pace = parsed_speed(speed)
    try:
        rows = read_ticks(file)
    except ReplayFileFault as error:
        raise fail(str(error), BAD_INPUT) from error
    except OSError as error:
        raise fail(f"{file}: {error.strerror}.", BAD_INPUT) from error

    def open_feed(_store: "Store", row: "FeedRow") -> ReplayFeed:
        return ReplayFeed(rows, row.cursor, row.wanted_speed, time.monotonic(), row.owner or "")

    run_sidecar([REPLAY], open_feed, speed=pace, once=once)


def control(
    wish: Annotated[Wish, typer.Argument(help="What the replay is to do.")],
    value: Annotated[str | None, typer.Argument(help="For speed: a number, or max.")] = None,
    feed: Annotated[str | None, typer.Option(help="Which feed; replay when missing.")] = None,
) -> None:
    """Pause, resume or restart the replay, or set its speed; any other feed can be paused and resumed."""
    from services.access.permissions import OPERATOR
    from services.writes.control_feed import UnknownFeed, pause_feed, restart_feed, resume_feed, set_feed_speed
    from storage.feeds.feeds import REPLAY

    pace = parsed_speed(value or "") if wish is Wish.SPEED else None
    with opened_store() as store:
        try:
            if wish is Wish.SPEED:
                set_feed_speed(store, OPERATOR, feed or REPLAY, pace)
            else:
                wishes = {Wish.PAUSE: pause_feed, Wish.RESUME: resume_feed, Wish.RESTART: restart_feed}
                wishes[wish](store, OPERATOR, feed or REPLAY)
        except UnknownFeed as error:
            raise fail(str(error), BAD_INPUT) from error
