"""The European kernel against QuantLib's analytic engine, at its limits, and against its own differences."""

import math
from collections.abc import Iterator
from dataclasses import replace
from threading import Thread

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numba import njit
from scipy import special

from engine.contracts import Contracts, FloatArray, UnitValues
from engine.pricing.black_scholes import BlackScholesEngine, european_price, european_values
from engine.pricing.normal import fast_cdf_pdf, fast_exp, fast_log, normal_cdf, normal_pdf

MEASURES = ("price", "delta", "gamma", "vega", "theta", "rho", "dividend_rho")
TODAY = ql.Date(6, 3, 2020)


@pytest.fixture(autouse=True)
def evaluation_date() -> Iterator[None]:
    """QuantLib prices as of TODAY, and options of that very day are still alive (by default they count as expired)."""
    state = ql.Settings.instance()
    state.evaluationDate = TODAY
    state.includeReferenceDateEvents = True
    yield
    state.evaluationDate = ql.Date()
    state.includeReferenceDateEvents = False


class QuantLibEuropean:
    """Price and greeks of one European option by QuantLib's AnalyticEuropeanEngine."""

    def __init__(self) -> None:
        self.spot, self.rate, self.dividend_yield, self.vol = (ql.SimpleQuote(0.1) for _ in range(4))
        days = ql.Actual365Fixed()

        def curve(quote: ql.SimpleQuote) -> ql.YieldTermStructureHandle:
            return ql.YieldTermStructureHandle(ql.FlatForward(TODAY, ql.QuoteHandle(quote), days))

        vol = ql.BlackConstantVol(TODAY, ql.NullCalendar(), ql.QuoteHandle(self.vol), days)
        self.engine = ql.AnalyticEuropeanEngine(
            ql.BlackScholesMertonProcess(
                ql.QuoteHandle(self.spot),
                curve(self.dividend_yield),
                curve(self.rate),
                ql.BlackVolTermStructureHandle(vol),
            )
        )

    def values(self, spot: FloatArray, contracts: Contracts) -> FloatArray:
        """One row a measure, one column a contract."""
        return np.array([self.one(float(spot[i]), contracts, i) for i in range(len(contracts))]).reshape(-1, 7).T

    def one(self, spot: float, c: Contracts, i: int) -> tuple[float, ...]:
        self.spot.setValue(spot)
        self.rate.setValue(float(c.risk_free_rate[i]))
        self.dividend_yield.setValue(float(c.dividend_yield[i]))
        self.vol.setValue(float(c.implied_vol[i]))
        kind = ql.Option.Call if c.is_call[i] else ql.Option.Put
        exercise = ql.EuropeanExercise(TODAY + round(float(c.years[i]) * 365))
        option = ql.VanillaOption(ql.PlainVanillaPayoff(kind, float(c.strike[i])), exercise)
        option.setPricingEngine(self.engine)
        return (
            option.NPV(),
            option.delta(),
            option.gamma(),
            option.vega(),
            option.theta(),
            option.rho(),
            option.dividendRho(),
        )


def contracts_of(*rows: tuple[float, float, float, float, float, bool]) -> Contracts:
    """Contracts from rows of strike, years, volatility, rate, yield, is_call."""
    columns = [np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)]
    return Contracts(*columns[:5], is_call=columns[5] > 0)


def table(values: UnitValues) -> FloatArray:
    return np.array([getattr(values, name) for name in MEASURES])


def priced(spot: FloatArray, contracts: Contracts) -> FloatArray:
    prepared = BlackScholesEngine().prepare(contracts)
    assert prepared.refused == {}
    return table(prepared.value(spot))


def assert_equal_to_quantlib(spot: FloatArray, contracts: Contracts) -> None:
    """Within 1e-10, absolute for a share of 100; a larger share or derivative in proportion to it."""
    expected = QuantLibEuropean().values(spot, contracts)
    # On the day of maturity QuantLib 1.44 gives a put that is worth nothing the delta of a call in the money, 1.
    expected[1, (contracts.years == 0.0) & ~contracts.is_call & (spot > contracts.strike)] = 0.0
    scale = np.maximum(1.0, np.maximum(spot, contracts.strike) / 100.0) * np.maximum(1.0, contracts.years)
    error = np.abs(priced(spot, contracts) - expected) / np.maximum(scale, np.abs(expected) / 100.0)
    worst = np.unravel_index(np.argmax(error), error.shape)
    assert error.max() < 1e-10, f"{MEASURES[worst[0]]} is off by {error.max():.1e} in {contracts.take(worst[1:2])}"


# One contract of a realistic book: spot, moneyness, days, volatility, rate, yield, call.
ROWS = st.tuples(
    st.floats(1.0, 3000.0),
    st.floats(0.3, 3.0),
    st.integers(0, 1500),
    st.floats(0.02, 2.0),
    st.floats(-0.03, 0.15),
    st.floats(-0.02, 0.12),
    st.booleans(),
)


def book(rows: list[tuple[float, float, int, float, float, float, bool]]) -> tuple[FloatArray, Contracts]:
    spot = np.array([row[0] for row in rows])
    return spot, contracts_of(*((row[0] * row[1], row[2] / 365, *row[3:]) for row in rows))


def random_book(count: int, seed: int) -> tuple[FloatArray, Contracts]:
    """Listed-like options: round strikes around the spot, up to three years."""
    rng = np.random.default_rng(seed)
    spot = rng.uniform(10.0, 400.0, count)
    contracts = Contracts(
        strike=np.maximum(1.0, np.round(spot * rng.uniform(0.5, 1.6, count))),
        years=rng.integers(0, 1100, count) / 365,
        implied_vol=rng.uniform(0.08, 1.5, count),
        risk_free_rate=rng.uniform(-0.01, 0.06, count),
        dividend_yield=rng.uniform(0.0, 0.06, count),
        is_call=rng.random(count) < 0.5,
    )
    return spot, contracts


def test_a_whole_book_equals_quantlib() -> None:
    assert_equal_to_quantlib(*random_book(4000, seed=1))


@settings(max_examples=150, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=12))
@example([(100.0, 1.0, 0, 0.3, 0.0, 0.0, True)])
def test_random_books_equal_quantlib(rows: list[tuple[float, float, int, float, float, float, bool]]) -> None:
    spot, contracts = book(rows)
    assert_equal_to_quantlib(spot, contracts)


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("days", [0, 1, 7, 400])
def test_deep_wings_equal_quantlib(days: int, is_call: bool) -> None:
    spot = np.geomspace(1.0, 10_000.0, 81)
    for vol in (0.01, 0.3, 4.0):
        assert_equal_to_quantlib(spot, contracts_of(*[(100.0, days / 365, vol, 0.02, 0.01, is_call)] * 81))


def test_price_of_a_deep_wing_keeps_its_leading_digits() -> None:
    """14 deviations out of the money; the reference is the closed form worked out in 60 digits."""
    price = priced(np.array([100.0]), contracts_of((150.0, 1.0, 0.029, 0.0, 0.0, True)))[0, 0]
    assert price == pytest.approx(2.540154356472767e-45, rel=1e-8)


@pytest.mark.parametrize("vol", [1e-14, 1e-12, 1e-10, 1e-8, 1e-4])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_rounding_never_makes_a_price_negative(vol: float, sign: float) -> None:
    """Far out of the money the two legs differ by less than their rounding."""
    spot = 100.0 * np.exp(-sign * vol * np.linspace(0.1, 36.0, 3000))
    row = (100.0, 1.0, vol, 0.0, 0.0)
    assert priced(spot, contracts_of(*[(*row, sign > 0.0)] * len(spot)))[0].min() >= 0.0
    assert min(european_price(s, *row, sign) for s in spot) >= 0.0


def test_day_of_maturity() -> None:
    """Payoff and the delta that a holder has; nothing else is left."""
    spot = np.array([110.0, 110.0, 90.0, 90.0, 49.0, 49.0])
    strikes = [100.0] * 4 + [49.0] * 2  # 49 * (1 / 49) is not 1: at the money must be seen all the same
    contracts = contracts_of(*[(k, 0.0, 0.3, 0.05, 0.02, i % 2 == 0) for i, k in enumerate(strikes)])
    price, delta, *others = priced(spot, contracts)
    np.testing.assert_array_equal(price, [10.0, 0.0, 0.0, 10.0, 0.0, 0.0])
    np.testing.assert_array_equal(delta, [1.0, 0.0, 0.0, -1.0, 0.5, -0.5])
    np.testing.assert_array_equal(others, np.zeros((5, 6)))


def test_day_of_maturity_equals_quantlib_in_the_money() -> None:
    spot = np.array([110.0, 90.0, 49.0, 49.0])
    contracts = contracts_of(*[(k, 0.0, 0.3, 0.05, 0.02, c) for k, c in ((100, 1), (100, 0), (49, 1), (49, 0))])
    np.testing.assert_array_equal(priced(spot, contracts), QuantLibEuropean().values(spot, contracts))


def test_values_tend_to_the_day_of_maturity() -> None:
    spot = np.array([110.0, 90.0, 110.0, 90.0])
    calls = contracts_of(*[(100.0, 1e-9, 0.3, 0.05, 0.02, i < 2) for i in range(4)])
    late = replace(calls, years=np.zeros(4))
    np.testing.assert_allclose(
        priced(spot, calls)[[0, 1, 2, 3, 5, 6]], priced(spot, late)[[0, 1, 2, 3, 5, 6]], atol=1e-6
    )


def test_without_volatility_the_share_follows_its_forward() -> None:
    spot = np.array([100.0, 100.0, 100.0, 100.0])
    years, rate, dividend_yield = 2.0, 0.05, 0.01
    contracts = contracts_of(*[(k, years, 0.0, rate, dividend_yield, c) for k in (90.0, 120.0) for c in (True, False)])
    share, df = 100.0 * math.exp(-dividend_yield * years), math.exp(-rate * years)
    price, delta, gamma, vega, theta, rho, dividend_rho = priced(spot, contracts)
    np.testing.assert_allclose(price, [share - 90 * df, 0, 0, 120 * df - share], rtol=1e-14)
    np.testing.assert_allclose(delta, [share / 100, 0, 0, -share / 100], rtol=1e-14)
    np.testing.assert_array_equal([gamma, vega], 0.0)
    theta_call, theta_put = dividend_yield * share - rate * 90 * df, rate * 120 * df - dividend_yield * share
    np.testing.assert_allclose(theta, [theta_call, 0, 0, theta_put], rtol=1e-13)
    np.testing.assert_allclose(rho, [years * 90 * df, 0, 0, -years * 120 * df], rtol=1e-14)
    np.testing.assert_allclose(dividend_rho, [-years * share, 0, 0, years * share], rtol=1e-14)
    nearly = replace(contracts, implied_vol=np.full(4, 1e-4))
    np.testing.assert_allclose(priced(spot, nearly), priced(spot, contracts), rtol=1e-12, atol=1e-12)


def test_without_volatility_exactly_at_the_forward() -> None:
    values = priced(np.array([100.0, 100.0]), contracts_of(*[(100.0, 1.0, 0.0, 0.0, 0.0, c) for c in (True, False)]))
    np.testing.assert_array_equal(values[:3], [[0.0, 0.0], [0.5, -0.5], [0.0, 0.0]])
    np.testing.assert_allclose(values[3], 100.0 / math.sqrt(2.0 * math.pi))


POSITIVE = st.floats(1e-12, 1e12)


@settings(max_examples=250, deadline=None)
@given(
    POSITIVE,
    POSITIVE,
    st.one_of(st.just(0.0), st.floats(1e-12, 200.0)),
    st.one_of(st.just(0.0), st.floats(0.0, 1e6), st.floats(1e-310, 1e308)),
    st.floats(-1.0, 1.0),
    st.floats(-1.0, 1.0),
    st.booleans(),
)
@example(1.0, 1.0, 1e-12, 3.6e302, 0.0, 0.0, False)
@example(1e12, 1.0, 1e-300, 0.3, 0.0, 0.0, True)
@example(1.0, 1.0, 5e-324, 0.3, 0.0, 0.0, True)
def test_every_finite_input_has_a_finite_value(
    spot: float, strike: float, years: float, vol: float, rate: float, dividend_yield: float, is_call: bool
) -> None:
    contracts = contracts_of((strike, years, vol, rate, dividend_yield, is_call))
    values = priced(np.array([spot]), contracts)
    assert np.isfinite(values).all(), values
    assert values[0, 0] >= 0.0


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_put_call_parity(row: tuple[float, float, int, float, float, float, bool]) -> None:
    """Call less put is the forward contract, S e^-qT - K e^-rT, and so are the greeks."""
    spot, contracts = book([row, row])
    contracts = replace(contracts, is_call=np.array([True, False]))
    values = priced(spot, contracts)
    s, k, t, r, q = spot[0], contracts.strike[0], contracts.years[0], row[4], row[5]
    share, bond = s * math.exp(-q * t), k * math.exp(-r * t)
    theta = q * share - r * bond if t else 0.0
    expected = [share - bond, math.exp(-q * t), 0.0, 0.0, theta, t * bond, -t * share]
    tolerance = 1e-12 * (share + bond) * max(t, 1.0)
    np.testing.assert_allclose(values[:, 0] - values[:, 1], expected, rtol=1e-11, atol=tolerance)


def test_greeks_are_the_differences_of_the_price() -> None:
    spot, contracts = random_book(500, seed=2)
    contracts = replace(contracts, years=contracts.years + 0.2)
    values = priced(spot, contracts)

    def change(h: float, **sizes: float) -> FloatArray:
        moved = {f: getattr(contracts, f) + sizes[f] * h for f in sizes if f != "spot"}
        return priced(spot + sizes.get("spot", 0.0) * h, replace(contracts, **moved))

    def slope(row: int, h: float, **sizes: float) -> FloatArray:
        near, far = ((change(k * h, **sizes) - change(-k * h, **sizes))[row] for k in (1, 2))
        return (8.0 * near - far) / (12.0 * h)

    np.testing.assert_allclose(slope(0, 1e-2, spot=1.0), values[1], atol=1e-6)
    np.testing.assert_allclose(slope(1, 1e-2, spot=1.0), values[2], atol=1e-6)
    np.testing.assert_allclose(slope(0, 1e-3, implied_vol=1.0), values[3], atol=1e-4)
    np.testing.assert_allclose(-slope(0, 1e-3, years=1.0), values[4], atol=1e-4)
    np.testing.assert_allclose(slope(0, 1e-3, risk_free_rate=1.0), values[5], atol=1e-4)
    np.testing.assert_allclose(slope(0, 1e-3, dividend_yield=1.0), values[6], atol=1e-4)


def test_greeks_satisfy_the_black_scholes_equation() -> None:
    spot, c = random_book(2000, seed=3)
    c = replace(c, years=c.years + 1 / 365)
    price, delta, gamma, _, theta, _, _ = priced(spot, c)
    drift = (c.risk_free_rate - c.dividend_yield) * spot * delta
    left = theta + drift + 0.5 * c.implied_vol**2 * spot**2 * gamma - c.risk_free_rate * price
    np.testing.assert_allclose(left, 0.0, atol=1e-9)


def test_what_cannot_be_priced_is_refused_with_its_reason() -> None:
    good = (100.0, 1.0, 0.3, 0.01, 0.0, True)
    bad = [
        ((-5.0, 1.0, 0.3, 0.01, 0.0, True), "strike"),
        ((0.0, 1.0, 0.3, 0.01, 0.0, True), "strike"),
        ((np.inf, 1.0, 0.3, 0.01, 0.0, True), "strike"),
        ((100.0, -1 / 365, 0.3, 0.01, 0.0, True), "maturity"),
        ((100.0, 1.0, np.nan, 0.01, 0.0, True), "volatility"),
        ((100.0, 1.0, -0.1, 0.01, 0.0, True), "volatility"),
        ((100.0, 1.0, 0.3, np.nan, 0.0, True), "rate"),
        ((100.0, 1.0, 0.3, 0.01, -np.inf, True), "yield"),
    ]
    prepared = BlackScholesEngine().prepare(contracts_of(good, *(row for row, _ in bad), good))
    assert sorted(prepared.refused) == list(range(1, 9))
    for i, (_, word) in enumerate(bad, start=1):
        assert word in prepared.refused[i]
    assert prepared.refused[1] == "the strike must be a positive number, not -5"
    values = table(prepared.value(np.full(10, 100.0)))
    assert np.isnan(values[:, 1:9]).all()
    assert np.isfinite(values[:, [0, 9]]).all()


def test_no_value_without_a_good_spot() -> None:
    contracts = contracts_of(*[(100.0, t, 0.3, 0.01, 0.0, True) for t in (1.0, 1.0, 1.0, 0.0, 1.0)])
    values = table(BlackScholesEngine().prepare(contracts).value(np.array([np.nan, 0.0, -1.0, np.nan, 100.0])))
    assert np.isnan(values[:, :4]).all()
    assert np.isfinite(values[:, 4]).all()


def test_shapes() -> None:
    engine = BlackScholesEngine()
    spot, contracts = random_book(6, seed=4)
    assert table(engine.prepare(contracts.take(np.array([], dtype=np.int64))).value(np.array([]))).shape == (7, 0)
    with pytest.raises(ValueError, match="6 contracts"):
        engine.prepare(contracts).value(spot[:5])
    strided = np.repeat(spot, 2)[::2]
    np.testing.assert_array_equal(priced(strided, contracts), priced(spot, contracts))
    assert (engine.name, engine.live) == ("Black–Scholes", True)


def test_several_threads_get_the_same_values() -> None:
    spot, contracts = random_book(3000, seed=5)
    prepared = BlackScholesEngine().prepare(contracts)
    expected = table(prepared.value(spot))
    results: list[bool] = []

    def work() -> None:
        results.extend(bool(np.array_equal(table(prepared.value(spot)), expected)) for _ in range(50))

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 200


def test_scalar_functions_equal_the_kernel() -> None:
    """The exact functions, contract by contract, and the vector kernel with its own exponentials."""
    spot, c = random_book(1000, seed=6)
    values = priced(spot, c)
    for i in range(1000):
        terms = (c.strike[i], c.years[i], c.implied_vol[i], c.risk_free_rate[i], c.dividend_yield[i])
        sign = 1.0 if c.is_call[i] else -1.0
        np.testing.assert_allclose(european_values(spot[i], *terms, sign), values[:, i], rtol=1e-11, atol=1e-11)
        assert european_price(spot[i], *terms, sign) == european_values(spot[i], *terms, sign)[0]


@njit
def _each(x: FloatArray, out: FloatArray) -> None:
    for i in range(len(x)):
        out[0, i], out[1, i] = fast_cdf_pdf(x[i])
        out[2, i], out[3, i] = normal_cdf(x[i]), normal_pdf(x[i])
        out[4, i], out[5, i] = fast_exp(x[i]), fast_log(abs(x[i]))


def test_normal_distribution_exponential_and_logarithm() -> None:
    x = np.concatenate([np.linspace(-45.0, 45.0, 20_011), np.geomspace(1e-15, 600.0, 2000), [-700.0, -1e300, 0.0]])
    out = np.empty((6, len(x)))
    _each(x, out)  # type: ignore[call-arg]
    cdf, pdf = special.ndtr(x), np.exp(-0.5 * np.minimum(np.abs(x), 1e3) ** 2) / math.sqrt(2.0 * math.pi)
    np.testing.assert_allclose(out[0], cdf, rtol=0.0, atol=5e-16)
    np.testing.assert_allclose(out[[1, 3]], [pdf, pdf], rtol=1e-12, atol=1e-304)
    np.testing.assert_allclose(out[2], cdf, rtol=1e-12, atol=1e-307)
    tail = (x < -1.0) & (x > -37.0)
    assert np.max(np.abs(out[0, tail] / cdf[tail] - 1.0) / (1.0 + x[tail] ** 2)) < 1e-15
    np.testing.assert_allclose(out[4], np.exp(x), rtol=1e-15)
    inside = np.abs(x) > 0.0
    np.testing.assert_allclose(out[5, inside], np.log(np.abs(x[inside])), rtol=4e-16, atol=4e-16)
    assert out[5, -1] == pytest.approx(math.log(2.2250738585072014e-308))
