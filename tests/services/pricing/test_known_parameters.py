"""Parameters in memory are those that the engine's own table gives, for every ticker and date."""

import random
from datetime import date, timedelta
from typing import Any

import pandas as pd

from engine.valuation.repricing import parameters_at
from engine.valuation.underlying_pricer import ARTICLE_DEFAULTS
from services.pricing.known_parameters import KnownParameters
from tests.fixtures.boundaries import parameters
from tests.fixtures.small_book import MONDAY, TUESDAY

TICKERS = ("AAPL", "MSFT", "OXY")


def some(chance: random.Random, count: int) -> list[dict[str, Any]]:
    """Parameters of some days, in no order; no two of one ticker and day."""
    days = [(ticker, MONDAY + timedelta(days=n)) for ticker in TICKERS[:2] for n in range(-20, 20)]
    return [parameters(ticker, chance.uniform(0.1, 0.9), day) for ticker, day in chance.sample(days, count)]


def test_they_are_those_of_the_engine() -> None:
    records = some(random.Random(1), 30)
    known = KnownParameters(records)
    frame = pd.DataFrame(records)
    frame["as_of_date"] = pd.to_datetime(frame["as_of_date"])
    for as_of in (MONDAY + timedelta(days=n) for n in range(-25, 25)):
        expected = parameters_at(frame, as_of)
        for ticker in TICKERS:
            assert known.on(as_of, ticker) == expected.get(ticker, ARTICLE_DEFAULTS)


def test_others_take_the_place_of_those_of_their_day_alone() -> None:
    known = KnownParameters([parameters("AAPL", 0.4), parameters("AAPL", 0.5, TUESDAY), parameters("MSFT", 0.3)])
    both = known.with_others([parameters("AAPL", 0.6, TUESDAY), parameters("OXY", 0.7, MONDAY)])
    found = [both.on(day, "AAPL").implied_vol for day in (MONDAY, TUESDAY, date(2020, 3, 20))]
    assert found == [0.4, 0.6, 0.6]
    assert both.on(MONDAY, "OXY").implied_vol == 0.7
    assert both.on(MONDAY, "MSFT").implied_vol == 0.3
    assert both.on(date(2020, 3, 5), "AAPL") == ARTICLE_DEFAULTS
    assert known.on(TUESDAY, "AAPL").implied_vol == 0.5, "what was there is not changed"
