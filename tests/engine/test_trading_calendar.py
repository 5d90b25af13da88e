"""Business days, session hours and the business date of an instant."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.trading_calendar import as_of_date, is_trading_day, next_trading_day, previous_trading_day, session

DAYS = st.dates(date(1990, 1, 1), date(2090, 1, 1))


@pytest.mark.parametrize(
    ("day", "open_"),
    [
        (date(2020, 3, 9), True),
        (date(2020, 3, 8), False),
        (date(2020, 4, 10), False),  # Good Friday
        (date(2020, 7, 3), False),  # Independence Day, observed
        (date(2020, 11, 27), True),  # a short session is a session
        (date(2012, 10, 30), False),  # hurricane
        (date(2001, 9, 12), False),
        (date(2022, 6, 20), False),  # Juneteenth, observed
        (date(2021, 6, 18), True),  # not yet kept by the exchange
        (date(2021, 12, 31), True),  # New Year's Day on a Saturday is not moved to Friday
    ],
)
def test_trading_days(day: date, open_: bool) -> None:
    assert is_trading_day(day) is open_


def test_years_that_the_calendar_does_not_know_are_refused() -> None:
    with pytest.raises(ValueError, match="1901 to 2199"):
        is_trading_day(date(1900, 12, 31))


def test_neighbours_skip_weekends_and_holidays() -> None:
    assert previous_trading_day(date(2020, 3, 9)) == date(2020, 3, 6)
    assert next_trading_day(date(2020, 3, 6)) == date(2020, 3, 9)
    assert next_trading_day(date(2020, 4, 9)) == date(2020, 4, 13)
    assert previous_trading_day(date(2020, 4, 11)) == date(2020, 4, 9)


@given(DAYS)
def test_neighbours_are_the_nearest_trading_days(day: date) -> None:
    after, before = next_trading_day(day), previous_trading_day(day)
    assert before < day < after
    assert is_trading_day(before)
    assert is_trading_day(after)
    between = [before + timedelta(days=k) for k in range(1, (after - before).days)]
    assert [d for d in between if is_trading_day(d)] == ([day] if is_trading_day(day) else [])


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        (date(2020, 3, 6), (14, 30), (21, 0)),
        (date(2020, 3, 9), (13, 30), (20, 0)),  # summer time began the day before
        (date(2020, 10, 30), (13, 30), (20, 0)),
        (date(2020, 11, 2), (14, 30), (21, 0)),
    ],
)
def test_sessions_in_utc(day: date, opens: tuple[int, int], closes: tuple[int, int]) -> None:
    start, end = session(day)
    assert (start, end) == (
        datetime(day.year, day.month, day.day, *opens, tzinfo=UTC),
        datetime(day.year, day.month, day.day, *closes, tzinfo=UTC),
    )
    assert start.utcoffset() == end.utcoffset() == timedelta(0)


def test_no_session_on_a_holiday() -> None:
    with pytest.raises(ValueError, match="2020-04-10 is not a trading day"):
        session(date(2020, 4, 10))


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2020, 3, 9, 13, 30, tzinfo=UTC), date(2020, 3, 9)),
        (datetime(2020, 3, 10, 3, 59, tzinfo=UTC), date(2020, 3, 9)),  # still Monday in New York
        (datetime(2020, 3, 10, 4, 0, tzinfo=UTC), date(2020, 3, 10)),
        (datetime(2020, 3, 7, 12, 0, tzinfo=UTC), date(2020, 3, 6)),  # Saturday
        (datetime(2020, 3, 9, 3, 0, tzinfo=UTC), date(2020, 3, 6)),  # Sunday evening in New York
        (datetime(2020, 4, 10, 15, 0, tzinfo=UTC), date(2020, 4, 9)),  # Good Friday
        (datetime(2020, 3, 10, 9, 0, tzinfo=timezone(timedelta(hours=9))), date(2020, 3, 9)),  # Tokyo's Tuesday
    ],
)
def test_business_date_of_an_instant(instant: datetime, day: date) -> None:
    assert as_of_date(instant) == day


@given(DAYS.filter(is_trading_day), st.floats(0.0, 1.0))
def test_all_of_a_session_has_its_own_date(day: date, share: float) -> None:
    start, end = session(day)
    assert end - start == timedelta(hours=6, minutes=30)
    assert as_of_date(start + share * (end - start)) == day


def test_an_instant_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        as_of_date(datetime(2020, 3, 9, 13, 30))  # noqa: DTZ001
