"""What must hold for every American option, whatever its numbers."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contracts import Contracts, FloatArray, UnitValues
from engine.pricing.american.boundary import SAMPLE_ROWS, SMALL_STEP, solve_boundary
from engine.pricing.american.engine import BoundaryEngine, PreparedAmericans, distinct_rows, solve, warm_up
from engine.pricing.american.nodes import BOUNDARY_NODES, node_roots, premium_samples, solver_samples
from engine.pricing.american.over_spot import LOG_BOUNDARY, WIDTH, premium_over_spot
from engine.pricing.american.premium import CURVE_ROWS, NORMAL_ROWS, PREMIUM_FIGURES, fill_curve, premium_at
from engine.pricing.american.ranges import AMERICAN, EUROPEAN, scaled_puts
from engine.pricing.black_scholes import BlackScholesEngine
from engine.validate import FIGURES, book, extreme

SEEDS = st.integers(0, 2**32 - 1)


def stacked(values: UnitValues) -> FloatArray:
    return np.stack([getattr(values, name) for name in FIGURES])


def prepared(contracts: Contracts) -> PreparedAmericans:
    return BoundaryEngine().prepare(contracts)


def along_spots(contract: Contracts, spots: FloatArray) -> UnitValues:
    """One contract at many spots."""
    return prepared(contract.take(np.zeros(len(spots), np.int64))).value(spots)


def boundary_spot(contract: Contracts) -> float:
    log_y = prepared(contract).profiles[0, LOG_BOUNDARY]
    return float(contract.strike[0] * np.exp(-log_y if contract.is_call[0] else log_y))


def american_row(rng: np.random.Generator) -> Contracts:
    contracts = book(rng, 20).contracts
    return contracts.take(np.flatnonzero(prepared(contracts).kind == AMERICAN)[:1])


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_put_call_symmetry(seed: int) -> None:
    """C(S, K, r, q) = P(K, S, q, r): McDonald and Schroder (1998)."""
    sample = book(np.random.default_rng(seed), 200)
    c = sample.contracts
    mirror = Contracts(sample.spot, c.years, c.implied_vol, c.dividend_yield, c.risk_free_rate, ~c.is_call)
    ours, mirrored = prepared(c).value(sample.spot), prepared(mirror).value(c.strike)
    np.testing.assert_allclose(ours.price, mirrored.price, atol=1e-9)
    np.testing.assert_allclose(ours.vega, mirrored.vega, atol=1e-8)
    np.testing.assert_allclose(ours.rho, mirrored.dividend_rho, atol=1e-8)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_european_where_early_exercise_is_worthless(seed: int) -> None:
    """A call without dividend at a positive rate; a put at a rate that is not positive and not above the yield."""
    rng = np.random.default_rng(seed)
    sample = book(rng, 100)
    c = sample.contracts
    zero = np.zeros(100)
    low = -rng.uniform(0.0, 0.02, 100)
    free = replace(
        c,
        risk_free_rate=np.where(c.is_call, c.risk_free_rate, low),
        dividend_yield=np.where(c.is_call, zero, low + rng.uniform(0.0, 0.03, 100)),
    )
    ours = prepared(free)
    assert (ours.kind == EUROPEAN).all()
    expected = BlackScholesEngine().prepare(free).value(sample.spot)
    np.testing.assert_allclose(stacked(ours.value(sample.spot)), stacked(expected), atol=1e-9)


def test_european_is_met_continuously() -> None:
    """A put whose rate shrinks to nothing: the boundary's answer runs into the European one."""
    spots = np.linspace(60.0, 140.0, 9)
    for rate in (1e-5, 1e-7, 1e-9):
        contract = Contracts(*(np.array([x]) for x in (100.0, 1.0, 0.3, rate, 0.02)), np.array([False]))  # type: ignore[call-arg]
        many = contract.take(np.zeros(len(spots), np.int64))
        american, european = prepared(many), BlackScholesEngine().prepare(many)
        assert (american.kind == AMERICAN).all()
        np.testing.assert_allclose(american.value(spots).price, european.value(spots).price, atol=200.0 * rate)


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_intrinsic_where_exercised(seed: int) -> None:
    rng = np.random.default_rng(seed)
    contract = american_row(rng)
    sign = 1.0 if contract.is_call[0] else -1.0
    spot = boundary_spot(contract) * np.exp(sign * rng.uniform(1e-9, 1.0))
    values = stacked(along_spots(contract, np.array([spot])))[:, 0]
    assert values[0] == pytest.approx(sign * (spot - contract.strike[0]), rel=1e-14)
    assert list(values[1:]) == [sign, 0.0, 0.0, 0.0, 0.0, 0.0]


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_never_below_intrinsic_or_european(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for sample in (book(rng, 300), extreme(rng, 300)):
        c = sample.contracts
        engine = prepared(c)
        kept = np.setdiff1d(np.arange(300), list(engine.refused))
        price = engine.value(sample.spot).price[kept]
        intrinsic = np.maximum(np.where(c.is_call, 1.0, -1.0) * (sample.spot - c.strike), 0.0)[kept]
        european = BlackScholesEngine().prepare(c).value(sample.spot).price[kept]
        assert (price >= intrinsic).all()
        assert (price >= european - 1e-6 * np.maximum(sample.spot[kept], 100.0) / 100.0).all()


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_monotone_and_convex_in_spot(seed: int) -> None:
    contract = american_row(np.random.default_rng(seed))
    strike = contract.strike[0]
    spots = np.linspace(0.2 * strike, 3.0 * strike, 600)
    values = along_spots(contract, spots)
    sign = 1.0 if contract.is_call[0] else -1.0
    assert (sign * np.diff(values.price) >= -1e-9).all()
    assert (np.diff(values.price, 2) >= -1e-6).all()
    assert (sign * values.delta >= -1e-9).all()
    assert (sign * values.delta <= 1.0 + 1e-6).all()
    assert (values.gamma >= -1e-7).all()


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_smooth_while_a_quote_walks_over_the_boundary(seed: int) -> None:
    """Tick by tick from deep in to the zone's far side: delta has no step, gamma one, on the boundary itself."""
    contract = american_row(np.random.default_rng(seed))
    deviation = float(contract.implied_vol[0] * np.sqrt(contract.years[0]))
    side = -1.0 if contract.is_call[0] else 1.0
    steps = np.arange(-100, 900) / 1000.0 * deviation + 1e-9
    spots = boundary_spot(contract) * np.exp(side * steps)
    values = along_spots(contract, spots)
    alive = steps > 0.0
    assert (values.gamma[~alive] == 0.0).all()
    gamma = values.gamma[alive]
    scale = gamma.max()
    assert np.abs(np.diff(gamma)).max() <= 0.05 * scale
    # what delta gains from tick to tick is gamma times the tick, on both sides and across
    slope = np.diff(values.delta) / np.diff(spots)
    middle = 0.5 * (values.gamma[1:] + values.gamma[:-1])
    across = np.flatnonzero(np.diff(alive.astype(int)))[0]
    tick = np.abs(np.diff(spots))
    step = np.abs(slope - middle) * tick
    step[across] = 0.0
    assert (step <= 2e-3 * scale * tick + 1e-6).all()
    assert abs(values.delta[across + 1] - values.delta[across]) <= 1.01 * scale * tick[across]
    # and price's gain is delta times the tick
    gain = np.diff(values.price) / np.diff(spots)
    assert (np.abs(gain - 0.5 * (values.delta[1:] + values.delta[:-1])) * tick <= 2e-5 * tick + 1e-6).all()


def test_greeks_are_the_differences_of_the_prices() -> None:
    """Vega and the rhos of the engine's own prices: the boundary's derivatives are right, not only the integrand's."""
    sample = book(np.random.default_rng(8), 400)
    c = sample.contracts
    engine = prepared(c)
    room = (
        np.where(c.is_call, -1.0, 1.0) * np.log(sample.spot / c.strike) - engine.profiles[engine.problem, LOG_BOUNDARY]
    )
    clear = (engine.kind == AMERICAN) & (room > 0.6 * c.implied_vol * np.sqrt(c.years))
    values = engine.value(sample.spot)
    for column, figure, step in (
        ("implied_vol", values.vega, 1e-4),
        ("risk_free_rate", values.rho, 1e-5),
        ("dividend_yield", values.dividend_rho, 1e-5),
    ):
        up, down = (
            prepared(replace(c, **{column: getattr(c, column) + x})).value(sample.spot).price for x in (step, -step)
        )
        use = clear & (getattr(c, column) > 10 * step)
        np.testing.assert_allclose(figure[use], ((up - down) / (2.0 * step))[use], atol=2e-2)


def solved(put: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Log-distances of the boundary's nodes under the strike, and their derivatives, of a scaled put."""
    samples = solver_samples()
    h = np.empty(BOUNDARY_NODES + 1)
    slopes = np.empty((3, BOUNDARY_NODES + 1))
    room = np.empty((SAMPLE_ROWS, samples.interpolation.shape[1])), np.empty((BOUNDARY_NODES, BOUNDARY_NODES + 4))
    grid = node_roots(), samples.root, samples.weight, samples.interpolation
    assert solve_boundary(*put, *grid, *room, h, slopes) <= SMALL_STEP  # type: ignore[call-arg]
    return h, slopes


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_the_polynomials_are_the_integral(seed: int) -> None:
    """The premium that a tick evaluates is Kim's integral with five times the samples, wherever the share is."""
    rng = np.random.default_rng(seed)
    put = scaled_puts(american_row(rng))[0]
    vol, rate, dividend_yield = put
    h, slopes = solved(put)
    profile = solve(put[None])[1][0]
    samples = premium_samples(240)
    curve, normals = np.empty((CURVE_ROWS, 240)), np.empty((NORMAL_ROWS, 240))
    fill_curve(vol, rate, dividend_yield, h, slopes, samples.root, samples.weight, samples.interpolation, curve)
    expected = np.empty(PREMIUM_FIGURES)
    for share in rng.uniform(0.03, 1.0, 40):
        x = profile[LOG_BOUNDARY] + share * profile[WIDTH]
        premium_at(x, vol, rate, dividend_yield, samples.root, 1.0 / samples.root, curve, normals, expected)
        tolerance = np.array([2e-8, 5e-7, 5e-5, 1e-5, 1e-4, 1e-4])
        assert (np.abs(np.array(premium_over_spot(x, profile)) - expected[:6]) <= tolerance).all()


@pytest.mark.parametrize(
    "put", [(0.2, 0.05, 0.02), (0.2, 0.02, 0.05), (0.5, 0.028, 0.0296), (0.3, 0.02, -0.03), (0.3, 0.001, 0.0163)]
)
def test_the_boundarys_derivatives_are_its_differences(put: tuple[float, float, float]) -> None:
    """In vol, rate and yield, at every node; also where yield is above rate and the boundary's limit moves."""
    slopes = solved(np.array(put))[1]
    for i in range(3):
        step = np.zeros(3)
        step[i] = 1e-3 * abs(put[i])
        up, down = solved(np.array(put) + step)[0], solved(np.array(put) - step)[0]
        np.testing.assert_allclose(slopes[i], (up - down) / (2.0 * step[i]), rtol=1e-3, atol=1e-3)


def test_far_out_of_the_money_is_worth_nothing() -> None:
    """Even where spot over strike is no number any more."""
    for is_call, spot, strike in ((False, 1e200, 1e-200), (True, 1e-200, 1e200)):
        contract = Contracts(*(np.array([x]) for x in (strike, 1.0, 0.3, 0.05, 0.02)), np.array([is_call]))  # type: ignore[call-arg]
        assert prepared(contract).kind[0] == AMERICAN
        assert (stacked(prepared(contract).value(np.array([spot]))) == 0.0).all()


FINITE = st.floats(allow_nan=False, allow_infinity=False)
USUAL = st.floats(-0.1, 0.3)


@settings(max_examples=400, deadline=None)
@given(
    spot=st.one_of(st.floats(1e-3, 1e6), st.floats(1e-200, 1e200)),
    strike=st.one_of(st.floats(1e-3, 1e6), FINITE),
    years=st.one_of(st.just(0.0), st.floats(0.0, 30.0), FINITE),
    vol=st.one_of(st.floats(0.0, 3.0), FINITE),
    rate=st.one_of(st.just(0.0), USUAL, FINITE),
    dividend_yield=st.one_of(st.just(0.0), USUAL, FINITE),
    is_call=st.booleans(),
)
def test_a_number_or_a_reason(
    spot: float, strike: float, years: float, vol: float, rate: float, dividend_yield: float, is_call: bool
) -> None:
    """Any finite contract is either refused in words or priced without NaN at any price of the share from 1e-200 to
    1e200; price and delta are then plausible, too."""
    contract = Contracts(*(np.array([x]) for x in (strike, years, vol, rate, dividend_yield)), np.array([is_call]))  # type: ignore[call-arg]
    engine = prepared(contract)
    values = stacked(engine.value(np.array([spot])))[:, 0]
    if engine.refused:
        assert engine.refused[0]
        assert np.isnan(values).all()
        return
    assert not np.isnan(values).any()
    if engine.kind[0] == AMERICAN:
        assert np.isfinite(values[:2]).all()
        assert values[0] >= 0.0
        assert abs(values[1]) <= 1.0 + 1e-5


@pytest.mark.parametrize(
    ("years", "vol", "rate", "dividend_yield", "is_call", "reason"),
    [
        (1.0, 0.2, -0.01, -0.03, False, "two exercise boundaries"),
        (1.0, 0.2, -0.03, -0.01, True, "two exercise boundaries"),
        (1.0, 0.0, 0.01, 0.0, False, "volatility of 0"),
        (1.0, 0.01, 0.05, 0.0, False, "times the volatility's square"),
        (20.0, 3.0, 0.05, 0.0, False, "outside"),
        (1e-9, 0.2, 0.05, 0.0, False, "outside"),
        (1.0, 0.2, 60.0, 61.0, True, "rate times"),
        (-1.0, 0.2, 0.05, 0.0, False, "maturity"),
        (1.0, np.nan, 0.05, 0.0, False, "volatility"),
    ],
)
def test_refused_with_a_reason(
    years: float, vol: float, rate: float, dividend_yield: float, is_call: bool, reason: str
) -> None:
    contract = Contracts(*(np.array([x]) for x in (100.0, years, vol, rate, dividend_yield)), np.array([is_call]))  # type: ignore[call-arg]
    engine = prepared(contract)
    assert reason in engine.refused[0]
    assert np.isnan(stacked(engine.value(np.array([100.0])))).all()


def test_a_refused_row_leaves_the_others_alone() -> None:
    sample = book(np.random.default_rng(5), 50)
    vol = sample.contracts.implied_vol.copy()
    whole = prepared(sample.contracts)
    alone = stacked(whole.value(sample.spot))
    bad = np.flatnonzero(whole.kind == AMERICAN)[[3, 17]]
    vol[bad] = 0.0, np.nan
    engine = prepared(replace(sample.contracts, implied_vol=vol))
    assert sorted(engine.refused) == list(bad)
    rest = np.setdiff1d(np.arange(50), bad)
    np.testing.assert_array_equal(stacked(engine.value(sample.spot))[:, rest], alone[:, rest])


def test_the_day_of_maturity_is_the_payoff() -> None:
    for is_call, spot, price, delta in ((True, 120.0, 20.0, 1.0), (True, 80.0, 0.0, 0.0), (False, 80.0, 20.0, -1.0)):
        contract = Contracts(*(np.array([x]) for x in (100.0, 0.0, 0.3, 0.05, 0.02)), np.array([is_call]))  # type: ignore[call-arg]
        values = stacked(prepared(contract).value(np.array([spot])))[:, 0]
        assert list(values) == [price, delta, 0.0, 0.0, 0.0, 0.0, 0.0]


def test_a_spot_that_is_no_price_has_no_value() -> None:
    contracts = book(np.random.default_rng(1), 4).contracts
    values = stacked(prepared(contracts).value(np.array([100.0, 0.0, -5.0, np.nan])))
    assert np.isfinite(values[:, 0]).all()
    assert np.isnan(values[:, 1:]).all()
    with pytest.raises(ValueError, match="4 contracts need"):
        prepared(contracts).value(np.array([100.0]))


def test_an_empty_book() -> None:
    nothing = book(np.random.default_rng(1), 3).contracts.take(np.zeros(0, np.int64))
    assert stacked(prepared(nothing).value(np.zeros(0))).shape == (7, 0)


def test_equal_contracts_share_a_boundary() -> None:
    """Whatever the strike: a boundary is proportional to it. And order and company do not change a value."""
    sample = book(np.random.default_rng(2), 40)
    c = sample.contracts
    rows = np.random.default_rng(3).integers(0, 40, 300)
    many = replace(c.take(rows), strike=np.random.default_rng(4).uniform(50.0, 200.0, 300))
    engine = prepared(many)
    assert len(engine.profiles) <= 40
    scale = many.strike / c.strike[rows]
    alone = stacked(prepared(c).value(sample.spot))[:, rows]
    together = stacked(engine.value(sample.spot[rows] * scale))
    np.testing.assert_allclose(together[0] / scale, alone[0], atol=1e-10)
    np.testing.assert_allclose(together[2] * scale, alone[2], atol=1e-10)


def test_distinct_rows() -> None:
    rows = np.array([[1.0, 2.0], [0.0, 1.0], [1.0, 2.0], [1.0, 0.0]])
    different, index = distinct_rows(rows)
    np.testing.assert_array_equal(different, [[1.0, 2.0], [0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_array_equal(different[index], rows)


def test_several_threads_at_once() -> None:
    warm_up()
    samples = [book(np.random.default_rng(seed), 100) for seed in range(12)]

    def work(sample: object) -> FloatArray:
        assert hasattr(sample, "contracts")
        return stacked(prepared(sample.contracts).value(sample.spot))  # type: ignore[attr-defined]

    alone = [work(sample) for sample in samples]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(work, samples))
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a, b)
