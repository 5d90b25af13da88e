"""Values in scenarios: each is what the book is worth in a market that is so, computed on its own."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from immutables import Map

from engine.measures import MEASURE_NAMES
from engine.snapshot.book import BookSnapshot
from engine.snapshot.market import MarketSnapshot
from engine.snapshot.parameters import ParameterHistory
from engine.snapshot.scenarios import AS_IT_IS, ScenarioSet, Shift
from engine.valuation.cube import Snapshot, value
from engine.valuation.pricer_build import PricerBuild

TODAY = date(2020, 3, 9)
PARAMETERS: dict[str, Any] = {"as_of_date": TODAY, "implied_vol": 0.3, "risk_free_rate": 0.01, "dividend_yield": 0.02}


def trade(number: int, ticker: str, **terms: Any) -> dict[str, Any]:
    return {
        "trade_id": f"{ticker}-{number}",
        "ticker": ticker,
        "book": "B1",
        "product": "EQ_Option",
        "quantity": 10.0 - number,
        "strike": 80.0 + 5.0 * number,
        "maturity": TODAY + timedelta(days=30 * (1 + number)),
        "option_type": "put" if number % 2 else "call",
        "exercise_style": "American" if number % 3 else "European",
        "contract_multiplier": 100.0,
        "trade_status": "Live",
        **terms,
    }


def snapshot(spots: dict[str, float], **parameters: float) -> Snapshot:
    trades = [trade(number, ticker) for ticker in ("AAA", "BBB", "CCC") for number in range(9)]
    trades += [
        trade(20, "AAA", product="EQ_Stock", strike=None, maturity=None, option_type=None, exercise_style=None),
        trade(21, "AAA", maturity=TODAY - timedelta(days=1)),
        trade(22, "AAA", trade_status="Terminated"),
        trade(23, "AAA", product="EQ_Swap"),
    ]
    known = ParameterHistory([{**PARAMETERS, **parameters, "ticker": ticker} for ticker in ("AAA", "BBB", "CCC")])
    return Snapshot(BookSnapshot.of(trades, ["Terminated"]), MarketSnapshot(TODAY, Map(spots), known))


NOW = snapshot({"AAA": 100.0, "BBB": 90.0})


def test_the_market_as_it_is_is_the_case_of_one_scenario() -> None:
    cube = value(NOW)
    assert cube.scenarios is AS_IT_IS
    assert cube.measures == MEASURE_NAMES
    values = cube.of("market_value")
    assert set(values) == {f"{ticker}-{n}" for ticker in ("AAA", "BBB") for n in range(9)} | {
        "AAA-20",
        "AAA-21",
        "AAA-23",
    }
    assert values["AAA-20"].tolist() == [100.0 * (10.0 - 20) * 100.0]
    assert np.isnan(values["AAA-21"]).all()
    reasons = {failure.trade_id: str(failure.reason) for failure in cube.failures}
    assert reasons.pop("AAA-21") == "expired"
    assert reasons.pop("AAA-23") == "unknown product"
    assert reasons == {f"CCC-{n}": "no quote" for n in range(9)}


@pytest.mark.parametrize("measure", MEASURE_NAMES)
def test_each_scenario_is_the_book_in_a_market_that_is_so(measure: str) -> None:
    """Spot, volatility, rate and yield, of all underlyings and of one alone, to the last bit."""
    spot, vol = [0.0, -0.2, 0.15, 0.0, 0.05], [0.0, 0.1, 0.0, 0.1, -0.05]
    rate, dividend_yield = [0.0, 0.01, 0.0, 0.0, -0.005], [0.0, 0.0, 0.0, 0.0, 0.01]
    scenarios = ScenarioSet(tuple("abcde"), "test", Shift.of(5, spot, vol, rate, dividend_yield), {"BBB": Shift.of(5)})
    found = value(NOW, scenarios, measures=[measure]).of(measure)
    plain = value(NOW, measures=[measure]).of(measure)
    for place in range(5):
        market = snapshot(
            {"AAA": 100.0 * (1.0 + spot[place])},
            implied_vol=PARAMETERS["implied_vol"] + vol[place],
            risk_free_rate=PARAMETERS["risk_free_rate"] + rate[place],
            dividend_yield=PARAMETERS["dividend_yield"] + dividend_yield[place],
        )
        alone = value(market, measures=[measure], tickers=["AAA"]).of(measure)
        for trade_id, values in alone.items():
            np.testing.assert_array_equal(found[trade_id][place], values[0], err_msg=f"{trade_id} {place}")
        for number in range(9):
            np.testing.assert_array_equal(found[f"BBB-{number}"][place], plain[f"BBB-{number}"][0])


def test_a_tick_values_what_moved_alone_with_pricers_that_are_there() -> None:
    built = []

    def pricer_of(ticker: str, trades: Any, parameters: Any) -> Any:
        built.append(ticker)
        return PricerBuild(ticker, TODAY, parameters, trades).run().prepared

    moved = replace(NOW, market=NOW.market.with_spots({"BBB": 91.0}))
    cube = value(moved, tickers=["BBB"], pricers=pricer_of)
    assert built == list(cube.underlyings) == ["BBB"]
    assert NOW.market.spot("BBB") == 90.0, "the snapshot before is as it was"


def test_a_volatility_that_a_scenario_takes_away_leaves_no_value() -> None:
    scenarios = ScenarioSet(("as it is", "none"), "test", Shift.of(2, vol=[0.0, -0.3]))
    values = value(NOW, scenarios).of("market_value")
    assert np.isfinite(values["AAA-0"][0])
    assert np.isnan(values["AAA-0"][1])
    assert np.isfinite(values["AAA-20"]).all(), "shares need no volatility"


def test_a_shift_needs_a_value_a_scenario() -> None:
    with pytest.raises(ValueError, match="the shift of AAA has 3 values for 2 scenarios"):
        ScenarioSet(("a", "b"), "test", Shift.of(2), {"AAA": Shift.of(3)})
