"""When the New York Stock Exchange trades: business days from QuantLib, hours in UTC.

Dates are dates of the exchange (America/New_York). A session is 09:30 to 16:00 there, in UTC one hour later in winter
than in summer. Early closes (13:00 on the day after Thanksgiving and such) count as full sessions.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

EXCHANGE_ZONE = ZoneInfo("America/New_York")
OPENS = time(9, 30)
CLOSES = time(16, 0)


@lru_cache(maxsize=4096)
def is_trading_day(day: date) -> bool:
    """Whether the exchange has a session on this date (special closings such as 2012-10-30 are known).

    Raises ValueError outside QuantLib's years, 1901 to 2199.
    """
    if not 1901 <= day.year <= 2199:
        raise ValueError(f"the calendar knows the years 1901 to 2199, not {day.year}")
    quantlib, exchange = _exchange()
    return bool(exchange.isBusinessDay(quantlib.Date(day.day, day.month, day.year)))


@lru_cache(maxsize=1)
def _exchange() -> tuple[Any, Any]:
    """QuantLib and its calendar, loaded when a date is first asked about: commands that ask none start at once."""
    import QuantLib as quantlib  # noqa: N813

    return quantlib, quantlib.UnitedStates(quantlib.UnitedStates.NYSE)


def previous_trading_day(day: date) -> date:
    """The last trading day before this date (never the date itself)."""
    return _step(day, timedelta(days=-1))


def next_trading_day(day: date) -> date:
    """The first trading day after this date (never the date itself)."""
    return _step(day, timedelta(days=1))


def _step(day: date, by: timedelta) -> date:
    day += by
    while not is_trading_day(day):
        day += by
    return day


def session(day: date) -> tuple[datetime, datetime]:
    """Open and close of this trading day, UTC. Raises ValueError on a day without a session."""
    if not is_trading_day(day):
        raise ValueError(f"{day} is not a trading day")
    opens, closes = (datetime.combine(day, at, EXCHANGE_ZONE).astimezone(UTC) for at in (OPENS, CLOSES))
    return opens, closes


def as_of_date(observed_at: datetime) -> date:
    """The business date that an observation belongs to.

    It is the calendar date in New York if that is a trading day, at whatever hour, and the trading day before it
    otherwise: what is seen on a Saturday or a holiday still tells about the last session. An instant after the close
    and before midnight in New York belongs to the day that closed; the early morning to the day to come. Raises
    ValueError for a time without a zone.
    """
    if observed_at.tzinfo is None:
        raise ValueError(f"{observed_at} has no time zone")
    day = observed_at.astimezone(EXCHANGE_ZONE).date()
    return day if is_trading_day(day) else previous_trading_day(day)
