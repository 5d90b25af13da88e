"""The parameters that hold as of a date are the newest on or before it."""

import random
from datetime import date, timedelta
from typing import Any

from engine.snapshot.parameters import ARTICLE_DEFAULTS, ParameterHistory, parameters_of
from tests.fixtures.boundaries import parameters
from tests.fixtures.small_book import MONDAY, TUESDAY

TICKERS = ("AAPL", "MSFT", "OXY")


def some(chance: random.Random, count: int) -> list[dict[str, Any]]:
    """Parameters of some days, in no order; no two of one ticker and day."""
    days = [(ticker, MONDAY + timedelta(days=n)) for ticker in TICKERS[:2] for n in range(-20, 20)]
    return [parameters(ticker, chance.uniform(0.1, 0.9), day) for ticker, day in chance.sample(days, count)]


def test_the_newest_on_or_before_a_date_hold() -> None:
    records = some(random.Random(1), 30)
    known = ParameterHistory(records)
    for as_of in (MONDAY + timedelta(days=n) for n in range(-25, 25)):
        for ticker in TICKERS:
            until = [record for record in records if record["ticker"] == ticker and record["as_of_date"] <= as_of]
            newest = max(until, key=lambda record: record["as_of_date"], default=None)
            expected = ARTICLE_DEFAULTS if newest is None else parameters_of(newest)
            assert known.on(as_of, ticker) == expected


def test_others_take_the_place_of_those_of_their_day_alone() -> None:
    known = ParameterHistory([parameters("AAPL", 0.4), parameters("AAPL", 0.5, TUESDAY), parameters("MSFT", 0.3)])
    both = known.with_records([parameters("AAPL", 0.6, TUESDAY), parameters("OXY", 0.7, MONDAY)])
    found = [both.on(day, "AAPL").implied_vol for day in (MONDAY, TUESDAY, date(2020, 3, 20))]
    assert found == [0.4, 0.6, 0.6]
    assert both.on(MONDAY, "OXY").implied_vol == 0.7
    assert both.on(MONDAY, "MSFT").implied_vol == 0.3
    assert both.on(date(2020, 3, 5), "AAPL") == ARTICLE_DEFAULTS
    assert known.on(TUESDAY, "AAPL").implied_vol == 0.5, "what was there is not changed"


def test_without_those_of_a_day_the_ones_before_hold_again() -> None:
    known = ParameterHistory([parameters("AAPL", 0.4, MONDAY), parameters("AAPL", 0.5, TUESDAY)])
    assert known.without("AAPL", TUESDAY).on(TUESDAY, "AAPL").implied_vol == 0.4
    assert known.without("AAPL", TUESDAY).without("AAPL", MONDAY).on(TUESDAY, "AAPL") == ARTICLE_DEFAULTS
    assert known.on(TUESDAY, "AAPL").implied_vol == 0.5, "what was there is not changed"
