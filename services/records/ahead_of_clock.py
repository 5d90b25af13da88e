"""Refuse what lies ahead of the clock: a misread date would be the newest one, and price the whole book."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.records.read_dates import AHEAD
from services.records.read_rows import ReadRecords, RowFailure
from services.records.read_values import shown

_DATED = ("quotes", "sensitivities")
"""The kinds whose dates have happened. Parameters may be given for days to come."""


def latest_by(tolerance_seconds: float) -> datetime:
    """The latest instant that may have been observed by now."""
    return datetime.now(UTC) + timedelta(seconds=tolerance_seconds)


def is_ahead(observed: date | datetime, latest: datetime) -> bool:
    """Whether a date or an instant lies after the latest one."""
    return observed > latest if isinstance(observed, datetime) else observed > latest.date()


def moment_text(observed: date | datetime) -> str:
    """A date or an instant as a message shows it."""
    return f"{observed:%Y-%m-%dT%H:%M:%SZ}" if isinstance(observed, datetime) else observed.isoformat()


def refuse_ahead(read: ReadRecords, kind: str, tolerance_seconds: float) -> None:
    """Make failures of the rows of a kind that lie further ahead of the clock than is tolerated."""
    if kind not in _DATED:
        return
    latest = latest_by(tolerance_seconds)
    rows: list[tuple[dict[str, Any], int]] = list(zip(read.records, read.lines, strict=True))
    kept = [(record, line) for record, line in rows if not is_ahead(record["as_of_date"], latest)]
    if len(kept) == len(rows):
        return
    read.records = [record for record, _ in kept]
    read.lines = [line for _, line in kept]
    for record, line in rows:
        if is_ahead(record["as_of_date"], latest):
            value = shown(moment_text(record["as_of_date"]))
            read.refuse([RowFailure(line, "AsOfDate", value, AHEAD.reason, read.place, AHEAD.remediation)])
    read.failures.sort(key=lambda failure: failure.line)
