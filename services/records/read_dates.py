"""Read a date or the time of an observation: the same value is the same date in every format and on every way in.

Every function here takes a value that is not missing and raises BadValue with the reason and the way to fix it.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from engine.trading_calendar import as_of_date, is_trading_day, previous_trading_day
from services.records.faults import BadValue, Fault, Questioned

_YEARS = range(1901, 2200)
"""The years that the trading calendar knows."""
_NOT_A_DATE = Fault("not a date of the years 1901 to 2199", "write it as YYYY-MM-DD")
_NOT_A_MOMENT = Fault("not a date or time of the years 1901 to 2199", "write it as YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ")
AHEAD = Fault("observed further ahead of the clock than is tolerated", "check the time and its zone")
_TIME_OF_DAY = Fault("has a time of day", "write the date alone, as YYYY-MM-DD")
MIDNIGHT = "midnight in this time zone counts for the day before, as New York has it: write the date alone for a day"
MIDNIGHTS = "every time is midnight in its time zone, so the dates are taken as they are written"
_FARTHEST_EAST = timedelta(hours=14)
_OR_THE_TIME = "write the trading day before it, {}, or the time of the observation"
_LONGEST_MOMENT = len("2020-03-09T13:30:00.123456789+00:00") + 10


def day(value: Any) -> date:
    """A date; a time only where it is midnight, with or without a zone."""
    if value.__class__ is str:
        return _day_of_text(value[:_LONGEST_MOMENT])
    return _day_of(_of_typed(value), _NOT_A_DATE)


def business_day(value: Any) -> date:
    """A date on which the exchange has a session."""
    return _with_session(day(value), "write the trading day before it, {}")


def moment(value: Any) -> date | datetime | Questioned:
    """The date of a session, or an instant; a time without a zone is UTC.

    Midnight without a zone is how tables of times write a date, so it is the date itself. Midnight with a zone is an
    instant; where it belongs to another date than the one that is written, that is said.
    """
    if value.__class__ is str:
        return _moment_of_text(value[:_LONGEST_MOMENT])
    # Equal instants of two zones are one key of a cache, and are not written alike.
    offset = value.utcoffset() if isinstance(value, datetime) else None
    return _moment_of_typed(value, offset) if isinstance(value, date) else _moment_of(None)


@lru_cache(maxsize=4096)
def _day_of_text(text: str) -> date:
    return _day_of(_of_text(text), _NOT_A_DATE)


def _day_of(written: date | datetime | None, fault: Fault) -> date:
    if written is None:
        raise BadValue(*fault)
    if not isinstance(written, datetime):
        return written
    if written.time() != time.min:
        raise BadValue(*_TIME_OF_DAY)
    return written.date()


@lru_cache(maxsize=4096)
def _moment_of_text(text: str) -> date | datetime | Questioned:
    return _moment_of(_of_text(text))


@lru_cache(maxsize=4096)
def _moment_of_typed(value: date, offset: timedelta | None) -> date | datetime | Questioned:  # noqa: ARG001
    return _moment_of(_of_typed(value))


def _moment_of(written: date | datetime | None) -> date | datetime | Questioned:
    if isinstance(written, datetime) and (written.tzinfo is not None or written.time() != time.min):
        instant = _in_utc(written)
        is_doubtful = written.time() == time.min and as_of_date(instant) < written.date()
        return Questioned(instant, MIDNIGHT) if is_doubtful else instant
    return _with_session(_day_of(written, _NOT_A_MOMENT), _OR_THE_TIME)


def day_of_midnight(instant: datetime) -> date:
    """The date that was written as a midnight of a zone east of Greenwich. Raises BadValue where it has no session."""
    return _with_session((instant + _FARTHEST_EAST).date(), _OR_THE_TIME)


def _with_session(found: date, remediation: str) -> date:
    if is_trading_day(found):
        return found
    if found > datetime.now(UTC).date() + timedelta(days=1):
        raise BadValue(*AHEAD)  # of the two reasons the one that leads to the slip
    before = remediation.format(previous_trading_day(found))
    raise BadValue(f"the exchange has no session on {found:%A}, {found}", before)


def _of_text(text: str) -> date | datetime | None:
    """What is written: a date, or a date and time with the zone that it is written in; None for anything else."""
    try:
        if len(text) <= len("2020-03-09"):
            return _in_range(date.fromisoformat(text))
        return _plain(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def _of_typed(value: Any) -> date | datetime | None:
    try:
        if isinstance(value, datetime):
            return _plain(value)
        return _in_range(value) if isinstance(value, date) else None
    except (ValueError, OverflowError, TypeError):
        return None


def _plain(instant: datetime) -> datetime:
    """Without what a table's library adds. Raises ValueError out of range."""
    _in_utc(instant)
    return datetime.combine(instant.date(), instant.time(), instant.tzinfo)


def _in_utc(instant: datetime) -> datetime:
    utc = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    if utc.__class__ is not datetime:  # of a table's library: a plain one for the store
        utc = datetime.combine(utc.date(), utc.time(), UTC)
    _in_range((utc - timedelta(days=10)).date())  # the calendar may have to look for the trading day before it
    _in_range(utc.date())
    return utc


def _in_range(found: date) -> date:
    if found.year not in _YEARS:
        raise ValueError
    return found
