"""The store's status in words, for the command line."""

from datetime import datetime

from services.records.how_many import grouped
from storage.feeds.background_tasks import ReportedTask
from storage.feeds.feeds import REPLAY, Feed
from storage.read_models.read_models import StoreStatus


def status_text(status: StoreStatus, now: datetime, silence_seconds: float) -> str:
    """Several lines: what runs, the last tick, revision, lag, and the counts."""
    lines = [_feed_line(feed, now, silence_seconds) for feed in status.feeds] or ["no feed has run on this store yet"]
    tick = f"{status.last_tick:%Y-%m-%d %H:%M:%S} UTC" if status.last_tick else "none"
    lines += [
        f"last tick       {tick}",
        f"as-of date      {status.newest_as_of or 'none'}",
        f"revision        {grouped(status.revision)}",
        f"trades          {grouped(status.trades)}",
        f"priced          {grouped(status.priced)}",
        f"with defaults   {grouped(status.default_parameters)} (their tickers have no parameters)",
        f"not priced      {grouped(sum(status.not_priced.values()))}",
        *(f"  {reason}: {grouped(count)}" for reason, count in sorted(status.not_priced.items())),
        f"late quotes     {grouped(status.late)}",
        f"rejected        {grouped(status.rejected)}",
        f"questioned      {grouped(status.questioned)} (taken, and listed on the page Not included)",
        f"dead letters    {grouped(status.dead_letters)}",
        *_task_lines(status.tasks),
    ]
    return "\n".join(lines)


def _feed_line(feed: Feed, now: datetime, silence_seconds: float) -> str:
    name = f"{feed.feed:<16}"
    if not feed.alive(now, silence_seconds):
        since = f" since {feed.seen_at:%Y-%m-%d %H:%M:%S} UTC" if feed.seen_at else ""
        return f"{name}not running{since}; {feed.detail or 'not started'}"
    pace = "as fast as it goes" if feed.speed is None else f"{feed.speed:g} times as fast"
    speed = f", {pace}" if feed.feed == REPLAY else ""
    lag = "" if feed.lag_seconds is None else f", {feed.lag_seconds:.2f} s behind"
    return f"{name}{feed.state}{speed}{lag}, process {feed.process_id}; {feed.detail}"


def _task_lines(tasks: list[ReportedTask]) -> list[str]:
    """The threads and tasks of each process that reports them: those that fail with the reason."""
    lines = []
    for process in sorted({task.process for task in tasks}):
        lines.append(f"threads of {process}")
        for task in (task for task in tasks if task.process == process):
            beat = f", last beat {task.beat_at:%H:%M:%S} UTC" if task.beat_at else ""
            why = f" since {task.since:%H:%M:%S} UTC: {task.reason}. {task.fault}" if task.is_failing else ""
            lines.append(f"  {task.task:<20}{task.state}{why}{beat}")
    return lines
