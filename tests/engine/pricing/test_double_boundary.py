"""American options with two exercise boundaries: published values, QuantLib's finite differences, limits, symmetry."""

import math
from dataclasses import replace

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contracts import Contracts, FloatArray
from engine.model import ExerciseStyle, Product
from engine.pricing.american.engine import BoundaryEngine
from engine.pricing.black_scholes import BlackScholesEngine
from engine.pricing.double_boundary.boundaries import find_boundaries
from engine.pricing.double_boundary.engine import LARGEST_GAP, DoubleBoundaryEngine
from engine.pricing.double_boundary.premium import boundaries_at, largest_gap
from engine.pricing.engines import engines_for

PRICE, DELTA, GAMMA, VEGA, THETA, RHO, DIVIDEND_RHO = range(7)
Terms = tuple[float, float, float, float, float, bool]


def contracts_of(*rows: Terms) -> Contracts:
    """Contracts from rows of strike, years, volatility, rate, yield, is_call."""
    columns = [np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)]
    return Contracts(*columns[:5], is_call=columns[5] > 0)


def table(
    engine: DoubleBoundaryEngine | BoundaryEngine | BlackScholesEngine, c: Contracts, spot: FloatArray
) -> FloatArray:
    prepared = engine.prepare(c)
    values = prepared.value(spot)
    assert prepared.refused == {}
    return np.array([getattr(values, name) for name in values.__slots__])


def priced(c: Contracts, spot: FloatArray) -> FloatArray:
    return table(DoubleBoundaryEngine(), c, spot)


def drawn(count: int, seed: int) -> tuple[Contracts, FloatArray]:
    """Random contracts with two boundaries, puts and calls, two days to ten years; and their spots."""
    rng = np.random.default_rng(seed)
    is_call = rng.random(count) < 0.5
    lesser = -np.exp(rng.uniform(math.log(1e-3), math.log(0.1), count))
    greater = lesser * rng.uniform(0.05, 0.95, count)
    years = np.exp(rng.uniform(math.log(2 / 365), math.log(10.0), count))
    vol = rng.uniform(0.05, 0.8, count)
    rate, dividend_yield = np.where(is_call, lesser, greater), np.where(is_call, greater, lesser)
    spot = 100.0 * np.exp(rng.uniform(-1.5, 1.5, count) * vol * np.sqrt(years))
    return Contracts(np.full(count, 100.0), years, vol, rate, dividend_yield, is_call), spot


def by_finite_differences(
    spot: float, years: float, vol: float, rate: float, dividend_yield: float, call: bool
) -> float:
    """QuantLib's solver on two grids, extrapolated: its error is of first order in the time step."""
    start, day_count = ql.Date(1, 1, 2190), ql.Actual365Fixed()

    def curve(rate: float) -> ql.YieldTermStructureHandle:
        return ql.YieldTermStructureHandle(ql.FlatForward(start, rate * years, day_count))

    surface = ql.BlackConstantVol(start, ql.NullCalendar(), vol * math.sqrt(years), day_count)
    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(spot)),
        curve(dividend_yield),
        curve(rate),
        ql.BlackVolTermStructureHandle(surface),
    )
    payoff = ql.PlainVanillaPayoff(ql.Option.Call if call else ql.Option.Put, 100.0)
    option = ql.VanillaOption(payoff, ql.AmericanExercise(start, start + 365))

    def price(steps: int) -> float:
        scheme = ql.FdmSchemeDesc.CrankNicolson()
        option.setPricingEngine(ql.FdBlackScholesVanillaEngine(process, steps, 2 * steps, 0, scheme))
        return float(option.NPV())

    return 2.0 * price(1600) - price(800)


@pytest.mark.parametrize(
    ("spot", "years", "vol", "rate", "dividend_yield", "expected"),
    [
        (80.0, 1.0, 0.2, -0.005, -0.05, 20.030946627004035),
        (80.0, 1.0, 0.2, -0.005, -0.01, 21.00207402916405),
        (80.0, 5.0, 0.2, -0.005, -0.01, 27.322355750776925),
        (80.0, 5.0, 0.2, -0.005, -0.05, 21.894836712),
        (10.0, 5.0, 0.2, -0.005, -0.05, 90.13887335153295),
        (55.0, 5.0, 0.2, -0.005, -0.01, 46.34568414232824),
        (75.0, 5.0, 0.2, -0.005, -0.007, 31.278917798325534),
        (60.0, 1.0, 0.2, -0.005, -0.01, 40.0),
        (80.0, 0.75, 0.3, -0.005, -0.01, 22.372978113275483),
    ],
)
def test_published_values(
    spot: float, years: float, vol: float, rate: float, dividend_yield: float, expected: float
) -> None:
    """Healy, "Pricing American options under negative rates" (2021), and his AQFED.jl: puts of strike 100, to 1e-4."""
    put = contracts_of((100.0, years, vol, rate, dividend_yield, False))
    assert priced(put, np.array([spot]))[PRICE, 0] == pytest.approx(expected, abs=1e-4)
    mirrored = contracts_of((spot, years, vol, dividend_yield, rate, True))
    assert priced(mirrored, np.array([100.0]))[PRICE, 0] == pytest.approx(expected, abs=1e-4)


def test_prices_equal_finite_differences() -> None:
    c, spot = drawn(12, seed=2)
    terms = zip(spot, c.years, c.implied_vol, c.risk_free_rate, c.dividend_yield, c.is_call, strict=True)
    expected = np.array([by_finite_differences(s, t, v, r, q, bool(call)) for s, t, v, r, q, call in terms])
    np.testing.assert_allclose(priced(c, spot)[PRICE], expected, rtol=2e-6, atol=5e-5)


def test_greeks_are_differences_of_prices() -> None:
    """Five points, with steps that are not the engine's own; theta by waiting, not by the equation; strike 100."""
    c, spot = drawn(7, seed=3)
    values = priced(c, spot)
    kept = values[GAMMA] > 0.0

    def slope(step: FloatArray, of: str) -> FloatArray:
        def price(k: int) -> FloatArray:
            if of == "spot":
                return priced(c, spot + k * step)[PRICE]
            return priced(replace(c, **{of: getattr(c, of) + k * step}), spot)[PRICE]

        return (price(-2) - 8.0 * price(-1) + 8.0 * price(1) - price(2)) / (12.0 * step)

    rate_step = np.minimum(1e-3, 0.02 * np.abs(c.risk_free_rate - c.dividend_yield))
    rates = np.minimum(np.abs(c.risk_free_rate), np.abs(c.dividend_yield))
    rate_step = np.minimum(rate_step, 0.02 * rates)
    expected = (
        (DELTA, slope(1e-3 * spot * c.implied_vol * np.sqrt(c.years), "spot"), 1e-9),
        (VEGA, slope(2e-3 * c.implied_vol, "implied_vol"), 5e-4),
        (THETA, -slope(np.minimum(0.25 / 365, 0.01 * c.years), "years"), 1e-5),
        (RHO, slope(rate_step, "risk_free_rate"), 1e-2),
        (DIVIDEND_RHO, slope(rate_step, "dividend_yield"), 1e-2),
    )
    for greek, differences, tolerance in expected:
        np.testing.assert_allclose(values[greek, kept], differences[kept], atol=tolerance, rtol=1e-5)
    step = 1e-3 * spot * c.implied_vol * np.sqrt(c.years)
    more, less = priced(c, spot + step)[DELTA], priced(c, spot - step)[DELTA]
    np.testing.assert_allclose(values[GAMMA, kept], ((more - less) / (2.0 * step))[kept], rtol=1e-4, atol=1e-9)
    assert kept.sum() > 4


@pytest.mark.parametrize("is_call", [False, True])
def test_between_the_boundaries_it_is_exercised(is_call: bool) -> None:
    """Worth exactly its payoff and moved by nothing but the share, and kept on both sides."""
    found = find_boundaries(0.2, -0.005, -0.05)
    assert found is not None
    between = boundaries_at(-0.005, -0.05, found)
    assert between is not None
    lower, upper = between if not is_call else (1.0 / between[1], 1.0 / between[0])
    rates = (-0.05, -0.005) if is_call else (-0.005, -0.05)
    sign = 1.0 if is_call else -1.0
    inside = 100.0 * np.array([lower * 1.0001, 0.5 * (lower + upper), upper * 0.9999])
    price, delta, *others = priced(contracts_of(*[(100.0, 1.0, 0.2, *rates, is_call)] * 3), inside)
    np.testing.assert_array_equal(price, sign * (inside - 100.0))
    np.testing.assert_array_equal(delta, np.full(3, sign))
    np.testing.assert_array_equal(others, np.zeros((5, 3)))
    outside = 100.0 * np.array([lower * 0.999, upper * 1.001])
    kept = priced(contracts_of(*[(100.0, 1.0, 0.2, *rates, is_call)] * 2), outside)
    assert (kept[PRICE] > sign * (outside - 100.0)).all()
    np.testing.assert_allclose(kept[DELTA], sign, atol=0.02)
    assert (kept[GAMMA] > 0.0).all()


def test_walking_over_a_boundary_has_no_step_in_price_or_delta() -> None:
    found = find_boundaries(0.2, -0.005, -0.05)
    assert found is not None
    for at in boundaries_at(-0.005, -0.05, found) or ():
        spots = 100.0 * at * (1.0 + np.array([-1e-6, 1e-6]))
        price, delta, *_ = priced(contracts_of(*[(100.0, 1.0, 0.2, -0.005, -0.05, False)] * 2), spots)
        np.testing.assert_allclose(price, 100.0 - spots, atol=5e-6)
        np.testing.assert_allclose(delta, -1.0, atol=1e-5)


def test_longer_than_until_the_boundaries_meet_nobody_exercises() -> None:
    """Put of 5 years, vol 20 %, r -0.5 %, q -1 %: they meet with 1.2 years left. At any share waiting is worth more."""
    found = find_boundaries(0.2 * math.sqrt(5.0), -0.025, -0.05)
    assert found is not None
    assert 5.0 * found.meeting == pytest.approx(1.199, abs=1e-3)
    spots = np.linspace(20.0, 150.0, 40)
    c = contracts_of(*[(100.0, 5.0, 0.2, -0.005, -0.01, False)] * 40)
    price, _, gamma, *_ = priced(c, spots)
    assert (price > np.maximum(100.0 - spots, 0.0)).all()
    assert (gamma > 0.0).all()
    early = price - table(BlackScholesEngine(), c, spots)[PRICE]
    assert (early > 0.0).all()
    assert (
        early < 100.0 * 0.005 * 1.2
    ).all()  # at most the yield less the interest on the strike while it may be earned


def test_limits() -> None:
    """A yield just under the rate: European. A rate just under 0: the one boundary of a rate of 0."""
    spots = np.array([60.0, 80.0, 95.0, 110.0])
    narrow = contracts_of(*[(100.0, 1.0, 0.2, -0.01, -0.01 - 1e-9, False)] * 4)
    european = table(BlackScholesEngine(), narrow, spots)
    np.testing.assert_allclose(priced(narrow, spots), european, rtol=1e-9, atol=1e-7)
    flat = contracts_of(*[(100.0, 1.0, 0.2, 0.0, -0.03, False)] * 4)
    nearly = priced(replace(flat, risk_free_rate=np.full(4, -1e-7)), spots)
    one_boundary = table(BoundaryEngine(), flat, spots)
    np.testing.assert_allclose(nearly[PRICE], one_boundary[PRICE], atol=2e-5)
    np.testing.assert_allclose(nearly[DELTA], one_boundary[DELTA], atol=2e-5)


@settings(max_examples=25, deadline=None)
@given(
    st.floats(0.01, 2.0),
    st.floats(1 / 365, 10.0),
    st.floats(-0.1, -1e-4),
    st.floats(0.01, 0.999),
    st.floats(-3.0, 3.0),
)
def test_bounds_and_symmetry(vol: float, years: float, dividend_yield: float, share: float, distance: float) -> None:
    """A number or a reason; never below the payoff or the European; a call is the put of the mirrored problem."""
    spot, rate = 100.0 * math.exp(distance * min(vol * math.sqrt(years), 1.0)), dividend_yield * share
    put = contracts_of((100.0, years, vol, rate, dividend_yield, False))
    prepared = DoubleBoundaryEngine().prepare(put)
    value = prepared.value(np.array([spot]))
    if prepared.refused:
        assert prepared.refused[0]
        assert np.isnan(value.price[0])
        return
    european = table(BlackScholesEngine(), put, np.array([spot]))[PRICE, 0]
    assert value.price[0] >= max(european, 100.0 - spot, 0.0) - 1e-6 * max(european, 100.0)
    most_earned = 100.0 * (rate - dividend_yield) * years * math.exp(-rate * years)
    assert value.price[0] <= european + most_earned + 1e-6 * max(european, 100.0)
    assert value.delta[0] <= 0.0
    assert value.gamma[0] >= 0.0
    assert value.vega[0] >= 0.0
    call = contracts_of((spot, years, vol, dividend_yield, rate, True))
    assert priced(call, np.array([100.0]))[PRICE, 0] == pytest.approx(value.price[0], rel=1e-9, abs=1e-9)


def test_boundaries_found_by_one_condition_meet_the_other() -> None:
    """They come from smooth pasting; the price on them misses the payoff by no more than the engine tolerates."""
    c, _ = drawn(60, seed=4)
    for i in range(60):
        root = math.sqrt(c.years[i])
        of_put = (c.dividend_yield, c.risk_free_rate) if c.is_call[i] else (c.risk_free_rate, c.dividend_yield)
        scaled = c.implied_vol[i] * root, of_put[0][i] * c.years[i], of_put[1][i] * c.years[i]
        found = find_boundaries(*scaled)
        assert found is not None
        assert largest_gap(*scaled, found) < LARGEST_GAP


def test_refused_with_a_reason() -> None:
    good = (100.0, 1.0, 0.2, -0.005, -0.01, False)
    rows: list[Terms] = [
        good,
        (100.0, 1.0, 0.2, 0.01, -0.01, False),
        (100.0, 1.0, 0.2, -0.005, -0.01, True),
        (100.0, 1.0, 0.01, -0.005, -0.01, False),
        (100.0, 400.0, 0.2, -0.005, -0.01, False),
        (100.0, np.nan, 0.2, -0.005, -0.01, False),
        good,
    ]
    prepared = DoubleBoundaryEngine().prepare(contracts_of(*rows))
    words = {
        1: "not two exercise boundaries",
        2: "not two exercise",
        3: "times the volatility's",
        4: "below -3",
        5: "maturity",
    }
    assert sorted(prepared.refused) == sorted(words)
    for row, word in words.items():
        assert word in prepared.refused[row]
    values = prepared.value(np.array([80.0] * 6 + [np.nan]))
    assert np.isfinite(values.price).tolist() == [True] + [False] * 6


def test_boundaries_that_are_not_found_are_a_refusal_when_valued(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = DoubleBoundaryEngine().prepare(contracts_of(*[(100.0, 1.0, 0.2, -0.005, -0.01, False)] * 2))
    monkeypatch.setattr("engine.pricing.double_boundary.engine.find_boundaries", lambda *_: None)
    assert np.isnan(prepared.value(np.array([80.0, 90.0])).price).all()
    assert prepared.refused == dict.fromkeys((0, 1), "the two exercise boundaries did not converge")


def test_strike_is_only_a_scale() -> None:
    c = contracts_of(*[(k, 0.7, 0.3, -0.004, -0.02, False) for k in (1e-2, 100.0, 1e5)])
    values = priced(c, np.array([0.9e-2, 90.0, 0.9e5]))
    scale = np.array([1e-4, 1.0, 1e3])
    np.testing.assert_allclose(values[[0, 3, 4, 5, 6]] / scale, values[[0, 3, 4, 5, 6], 1:2] * np.ones(3), rtol=1e-9)
    np.testing.assert_allclose(values[GAMMA] * scale, values[GAMMA, 1], rtol=1e-9)


def test_it_is_asked_after_the_live_engine_and_beside_the_ticks() -> None:
    names = [engine.name for engine in engines_for(Product.OPTION, ExerciseStyle.AMERICAN)]
    assert names == ["Boundary", "DoubleBoundary", "QdFp"]
    assert not DoubleBoundaryEngine().live
