"""American values by QdFp against QuantLib's high-precision scheme with dates, strikes and differences of its own."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contracts import Contracts, FloatArray, UnitValues
from engine.pricing.black_scholes import BlackScholesEngine
from engine.pricing.qdfp import QdFpEngine

MEASURES = ("price", "delta", "gamma", "vega", "theta", "rho", "dividend_rho")
TODAY = ql.Date(6, 3, 2020)


@pytest.fixture(autouse=True)
def evaluation_date() -> Iterator[None]:
    ql.Settings.instance().evaluationDate = TODAY
    yield
    ql.Settings.instance().evaluationDate = ql.Date()


def high_precision(
    spot: float, strike: float, days: int, vol: float, rate: float, dividend_yield: float, is_call: bool
) -> float:
    """Price by QdFp's high-precision scheme, built the plain way: real dates, no scaling."""
    count = ql.Actual365Fixed()

    def curve(x: float) -> ql.YieldTermStructureHandle:
        return ql.YieldTermStructureHandle(ql.FlatForward(TODAY, x, count))

    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(spot)),
        curve(dividend_yield),
        curve(rate),
        ql.BlackVolTermStructureHandle(ql.BlackConstantVol(TODAY, ql.NullCalendar(), vol, count)),
    )
    kind = ql.Option.Call if is_call else ql.Option.Put
    option = ql.VanillaOption(ql.PlainVanillaPayoff(kind, strike), ql.AmericanExercise(TODAY, TODAY + days))
    option.setPricingEngine(ql.QdFpAmericanEngine(process, ql.QdFpAmericanEngine.highPrecisionScheme()))
    return float(option.NPV())


def contracts_of(*rows: tuple[float, float, float, float, float, bool]) -> Contracts:
    """Contracts from rows of strike, years, volatility, rate, yield, is_call."""
    columns = [np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)]
    return Contracts(*columns[:5], is_call=columns[5] > 0)


def table(values: UnitValues) -> FloatArray:
    return np.array([getattr(values, name) for name in MEASURES])


def priced(spot: FloatArray, contracts: Contracts) -> FloatArray:
    prepared = QdFpEngine().prepare(contracts)
    values = table(prepared.value(spot))
    assert prepared.refused == {}
    return values


def random_contracts(count: int, seed: int) -> tuple[FloatArray, FloatArray, Contracts]:
    """Spots, days and contracts of a book: strikes 70 to 130 % of spot, 5 days to 2 years."""
    rng = np.random.default_rng(seed)
    spot, days = rng.uniform(20.0, 300.0, count), rng.integers(5, 731, count)
    contracts = Contracts(
        strike=spot * rng.uniform(0.7, 1.3, count),
        years=days / 365,
        implied_vol=rng.uniform(0.15, 0.8, count),
        risk_free_rate=rng.uniform(0.0, 0.05, count),
        dividend_yield=rng.uniform(0.0, 0.04, count),
        is_call=rng.random(count) < 0.5,
    )
    return spot, days, contracts


def test_prices_equal_the_high_precision_scheme() -> None:
    spot, days, c = random_contracts(12, seed=1)
    expected = np.array(
        [
            high_precision(
                spot[i],
                c.strike[i],
                int(days[i]),
                c.implied_vol[i],
                c.risk_free_rate[i],
                c.dividend_yield[i],
                bool(c.is_call[i]),
            )
            for i in range(12)
        ]
    )
    error = np.abs(priced(spot, c)[0] - expected) / c.strike * 100.0
    assert error.max() < 1e-6


def five_points(price: Callable[[float], float], x: float, h: float) -> tuple[float, float]:
    """First and second derivative."""
    far_left, left, here, right, far_right = (price(x + k * h) for k in (-2, -1, 0, 1, 2))
    first = (far_left - 8.0 * left + 8.0 * right - far_right) / (12.0 * h)
    return first, (-far_left + 16.0 * left - 30.0 * here + 16.0 * right - far_right) / (12.0 * h * h)


@pytest.mark.parametrize(
    ("spot", "days", "vol", "rate", "dividend_yield", "is_call"),
    [
        (100.0, 365, 0.3, 0.04, 0.01, False),
        (95.0, 30, 0.25, 0.05, 0.0, False),
        (115.0, 180, 0.6, 0.001, 0.0163, True),
        (90.0, 730, 0.45, 0.01, 0.04, True),
        (130.0, 500, 0.2, 0.03, 0.02, False),
    ],
)
def test_greeks_are_those_of_the_high_precision_scheme(
    spot: float, days: int, vol: float, rate: float, dividend_yield: float, is_call: bool
) -> None:
    """Per 100 of strike. Steps other than the engine's own; theta by waiting a day, not by the equation."""
    k, q = 100.0, dividend_yield
    delta, gamma = five_points(lambda x: high_precision(x, k, days, vol, rate, q, is_call), spot, 0.4)
    vega, _ = five_points(lambda x: high_precision(spot, k, days, x, rate, q, is_call), vol, 0.008)
    rho, _ = five_points(lambda x: high_precision(spot, k, days, vol, x, q, is_call), rate, 3e-4)
    dividend_rho, _ = five_points(lambda x: high_precision(spot, k, days, vol, rate, x, is_call), q, 3e-4)
    by_day, _ = five_points(lambda x: high_precision(spot, k, round(x), vol, rate, q, is_call), days, 1)
    values = priced(np.array([spot]), contracts_of((k, days / 365, vol, rate, q, is_call)))[:, 0]
    errors = np.abs(values[1:] - [delta, gamma, vega, -365.0 * by_day, rho, dividend_rho])
    assert (errors < [1e-6, 1e-6, 1e-3, 2e-3, 5e-3, 5e-3]).all(), errors


def test_theta_is_the_change_over_a_day() -> None:
    """Any number of years is exact, whole days or not: half a day later the price has moved by half a day of theta."""
    spot, _, c = random_contracts(5, seed=3)
    values = priced(spot, c)
    step = 0.5 / 365
    later, sooner = priced(spot, replace(c, years=c.years - step)), priced(spot, replace(c, years=c.years + step))
    slope = (later[0] - sooner[0]) / (2.0 * step)
    alive = values[2] != 0.0
    np.testing.assert_allclose(values[4, alive], slope[alive], rtol=2e-2, atol=1e-2 * c.strike.max() / 100.0)
    assert alive.sum() > 2


def test_strike_is_only_a_scale() -> None:
    rows = [(k, 0.7, 0.3, 0.04, 0.02, False) for k in (1e-2, 100.0, 1e5)]
    values = priced(np.array([0.9e-2, 90.0, 0.9e5]), contracts_of(*rows))
    scale = np.array([1e-4, 1.0, 1e3])
    np.testing.assert_allclose(values[[0, 3, 4, 5, 6]] / scale, values[[0, 3, 4, 5, 6], 1:2] * np.ones(3), rtol=1e-7)
    np.testing.assert_allclose(values[1], values[1, 1], rtol=1e-9)
    np.testing.assert_allclose(values[2] * scale, values[2, 1], rtol=1e-7)


@settings(max_examples=12, deadline=None)
@given(
    st.floats(30.0, 300.0),
    st.floats(1 / 365, 3.0),
    st.floats(0.05, 1.5),
    st.floats(0.0, 0.1),
    st.floats(0.0, 0.1),
    st.booleans(),
)
def test_bounds(spot: float, years: float, vol: float, rate: float, dividend_yield: float, is_call: bool) -> None:
    """Never below the payoff or the European option; greeks finite and of the right sign."""
    c = contracts_of((100.0, years, vol, rate, dividend_yield, is_call))
    at = np.array([spot])
    price, delta, gamma, vega, theta, rho, dividend_rho = priced(at, c)[:, 0]
    european = BlackScholesEngine().prepare(c).value(at).price[0]
    sign = 1.0 if is_call else -1.0
    assert price >= max(european, sign * (spot - 100.0), 0.0) - 1e-9
    assert 0.0 <= sign * delta <= 1.0
    assert gamma >= 0.0
    assert vega >= 0.0
    assert theta <= 1e-2 or price < european + 1e-3  # waiting is never worth money beyond the European's own
    assert sign * rho >= -5e-2
    assert sign * dividend_rho <= 5e-2


@pytest.mark.parametrize(
    ("spot", "years", "vol", "rate", "dividend_yield", "is_call", "expected", "tolerance"),
    [
        (100.0, 1.0, 0.25, 0.10, 10.0, True, 0.1159, 5e-5),  # QuantLib's tests of its QdFp engines
        (100.0, 1.0, 0.15, 0.05, 2.0, True, 0.2116, 5e-5),  # these and the next by finite differences
        (100.0, 1.0, 0.15, 0.05, 5.0, True, 0.0835, 5e-5),
        (100.0, 1.0, 0.15, 0.05, 10.0, True, 0.0420, 5e-4),
        (99.9014, 6.6, 0.0035, 0.09, 0.0, False, 0.0986, 5e-6),
    ],
)
def test_prices_far_from_a_book_are_right(
    spot: float,
    years: float,
    vol: float,
    rate: float,
    dividend_yield: float,
    is_call: bool,
    expected: float,
    tolerance: float,
) -> None:
    price = priced(np.array([spot]), contracts_of((100.0, years, vol, rate, dividend_yield, is_call)))[0, 0]
    assert price == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize("vol", [0.004, 0.02, 0.03])
def test_low_volatility_is_seen_as_exercised(vol: float) -> None:
    """A share far below the boundary, which lies close to the strike: nothing is left but the payoff."""
    spots = np.array([98.0, 95.0, 90.0, 50.0])
    c = contracts_of(*[(100.0, 1.0, vol, 0.05, 0.01, False)] * 4)
    price, delta, *others = priced(spots, c)
    np.testing.assert_array_equal(price, 100.0 - spots)
    np.testing.assert_array_equal(delta, -np.ones(4))
    np.testing.assert_array_equal(others, np.zeros((5, 4)))


def test_low_volatility_gives_no_greek_of_the_wrong_sign() -> None:
    rng = np.random.default_rng(7)
    count = 10
    vol, years = rng.uniform(0.003, 0.03, count), rng.uniform(0.1, 5.0, count)
    is_call = rng.random(count) < 0.5
    spots = 100.0 * np.exp(rng.uniform(-2.0, 2.0, count) * vol * np.sqrt(years))
    rates = zip(rng.uniform(0.03, 0.1, count), rng.uniform(0.0, 0.1, count), is_call, strict=True)
    c = contracts_of(*[(100.0, t, v, *of) for t, v, of in zip(years, vol, rates, strict=True)])
    price, delta, gamma, vega, *_ = priced(spots, c)
    sign = np.where(is_call, 1.0, -1.0)
    assert (price >= np.maximum(sign * (spots - 100.0), 0.0)).all()
    assert ((sign * delta >= 0.0) & (sign * delta <= 1.0)).all()
    assert (gamma >= 0.0).all()
    assert (vega >= 0.0).all()


def test_in_the_exercise_region() -> None:
    """Worth exercising at once: worth exactly its payoff, and moved by nothing but the share."""
    c = contracts_of((100.0, 1.0, 0.2, 0.05, 0.0, False), (100.0, 1.0, 0.2, 0.01, 0.08, True))
    price, delta, *others = priced(np.array([60.0, 180.0]), c)
    np.testing.assert_array_equal(price, [40.0, 80.0])
    np.testing.assert_array_equal(delta, [-1.0, 1.0])
    np.testing.assert_array_equal(others, np.zeros((5, 2)))


def test_beside_the_exercise_boundary_no_difference_reaches_across() -> None:
    """Just outside, delta is near -1, theta near 0, and gamma is what the Black-Scholes equation then leaves."""
    vol, rate = 0.2, 0.05
    boundary, alive = 60.0, 100.0
    c = contracts_of((100.0, 1.0, vol, rate, 0.0, False))
    for _ in range(20):
        middle = 0.5 * (boundary + alive)
        boundary, alive = (middle, alive) if priced(np.array([middle]), c)[2, 0] == 0.0 else (boundary, middle)
    for distance in (0.01, 0.1, 0.5):
        spot = alive + distance
        price, delta, gamma, vega, theta, rho, _ = priced(np.array([spot]), c)[:, 0]
        at_boundary = 2.0 * rate * 100.0 / (vol * spot) ** 2
        assert gamma == pytest.approx(at_boundary, rel=0.1 + 0.2 * distance)
        assert delta == pytest.approx(-1.0 + gamma * distance, abs=2e-2 * max(distance, 0.1))
        assert price > 100.0 - spot
        assert abs(theta) < 1.5 * distance + 0.1
        assert 0.0 <= vega < 20.0 * distance + 1.0
        assert -60.0 * distance - 1.0 < rho <= 0.0


def test_where_exercising_early_never_pays_it_is_the_european() -> None:
    rows = [
        (100.0, 1.0, 0.3, 0.03, 0.0, True),
        (100.0, 1.0, 0.3, 0.03, -0.01, True),
        (100.0, 1.0, 0.3, 0.0, 0.02, False),
        (100.0, 1.0, 0.3, -0.02, -0.02, False),
    ]
    c = contracts_of(*rows)
    spot = np.full(4, 105.0)
    values = priced(spot, c)
    np.testing.assert_allclose(values, table(BlackScholesEngine().prepare(c).value(spot)), rtol=1e-12, atol=1e-12)
    for i, row in enumerate(rows):
        assert values[0, i] == pytest.approx(high_precision(105.0, 100.0, 365, *row[2:]), abs=1e-9)


def test_values_do_not_jump_at_zero_yield() -> None:
    c = contracts_of(*[(100.0, 1.0, 0.3, 0.03, q, True) for q in (0.0, 1e-6, 1e-4)])
    values = priced(np.full(3, 105.0), c)
    np.testing.assert_allclose(values[:, 1], values[:, 0], rtol=1e-4, atol=2e-3)
    np.testing.assert_allclose(values[:, 2], values[:, 0], rtol=5e-3, atol=2e-2)


def test_day_of_maturity_is_the_payoff() -> None:
    c = contracts_of(*[(100.0, 0.0, 0.3, 0.05, 0.02, i % 2 == 0) for i in range(6)])
    price, delta, *others = priced(np.array([110.0, 110.0, 90.0, 90.0, 100.0, 100.0]), c)
    np.testing.assert_array_equal(price, [10.0, 0.0, 0.0, 10.0, 0.0, 0.0])
    np.testing.assert_array_equal(delta, [1.0, 0.0, 0.0, -1.0, 0.5, -0.5])
    np.testing.assert_array_equal(others, np.zeros((5, 6)))


def test_what_quantlib_refuses_is_refused_with_its_reason() -> None:
    good = (100.0, 1.0, 0.3, 0.03, 0.02, False)
    rows = [
        good,
        (100.0, 1.0, 0.3, -0.01, -0.02, False),  # q < r < 0
        (100.0, 1.0, 0.3, -0.02, -0.01, True),  # r < q < 0
        (100.0, 1.0, 0.0, 0.03, 0.02, False),
        (-1.0, 1.0, 0.3, 0.03, 0.02, False),
        (100.0, np.nan, 0.3, 0.03, 0.02, False),
        (100.0, 0.0, 0.3, -0.01, -0.02, False),  # today only the payoff counts
        good,
    ]
    with pytest.raises(RuntimeError, match="double-boundary"):
        high_precision(100.0, 100.0, 365, 0.3, -0.01, -0.02, False)
    prepared = QdFpEngine().prepare(contracts_of(*rows))
    assert sorted(prepared.refused) == [1, 2, 3, 4, 5]
    words = ("two exercise boundaries", "two exercise boundaries", "volatility", "strike", "maturity")
    for row, word in enumerate(words, start=1):
        assert word in prepared.refused[row]
    values = table(prepared.value(np.full(8, 100.0)))
    assert np.isnan(values[:, 1:6]).all()
    assert np.isfinite(values[:, [0, 6, 7]]).all()


@pytest.mark.parametrize(
    ("rate", "dividend_yield", "is_call"),
    [(1e-5, -0.01, False), (-0.01, -0.00999, False), (-0.01, 1e-5, True), (-0.00999, -0.01, True)],
)
def test_greeks_beside_rates_that_quantlib_refuses(rate: float, dividend_yield: float, is_call: bool) -> None:
    values = priced(np.array([100.0]), contracts_of((100.0, 1.0, 0.3, rate, dividend_yield, is_call)))[:, 0]
    european = contracts_of((100.0, 1.0, 0.3, rate, dividend_yield, is_call))
    near = table(BlackScholesEngine().prepare(european).value(np.array([100.0])))[:, 0]
    np.testing.assert_allclose(values[:4], near[:4], rtol=0.05)
    assert np.isfinite(values).all()


def test_a_contract_that_fails_at_its_spot_is_refused_then(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = QdFpEngine().prepare(contracts_of(*[(100.0, 1.0, 0.3, 0.03, 0.02, False)] * 2))
    monkeypatch.setattr("engine.pricing.qdfp.UnitPricer.price", lambda *_: math.nan)
    assert prepared.refused == {}
    values = table(prepared.value(np.array([100.0, np.nan])))
    assert np.isnan(values).all()
    assert list(prepared.refused) == [0]


def test_quantlib_global_date_does_not_matter() -> None:
    spot, _, c = random_contracts(3, seed=4)
    expected = priced(spot, c)
    prepared = QdFpEngine().prepare(c)
    for date in (ql.Date(1, 1, 1980), ql.Date(31, 12, 2150)):
        ql.Settings.instance().evaluationDate = date
        np.testing.assert_array_equal(table(prepared.value(spot)), expected)
        assert ql.Settings.instance().evaluationDate == date


def test_shapes_and_identity() -> None:
    engine = QdFpEngine()
    _, _, c = random_contracts(3, seed=5)
    assert table(engine.prepare(c.take(np.array([], dtype=np.int64))).value(np.array([]))).shape == (7, 0)
    with pytest.raises(ValueError, match="3 contracts"):
        engine.prepare(c).value(np.array([100.0]))
    assert (engine.name, engine.live) == ("QdFp", False)
