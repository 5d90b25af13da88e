"""The live American engine against QuantLib's QdFp, and against published values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import validate
from engine.contracts import Contracts, FloatArray, UnitValues
from engine.pricing.american.engine import BoundaryEngine
from engine.pricing.black_scholes import european_price
from engine.pricing.qdfp import UnitPricer

TARGETS = {"price": 2e-5, "delta": 1e-5, "gamma": 1e-5, "vega": 5e-3, "theta": 2e-3, "rho": 0.1, "dividend_rho": 0.1}
"""Largest errors of a strike of 100, for a book of listed options."""
BESIDE_BOUNDARY = {**TARGETS, "price": 1e-4, "delta": 1e-4, "gamma": 1e-4}


@pytest.fixture(scope="module")
def quick() -> UnitPricer:
    return validate.quick_pricer()


@pytest.fixture(scope="module")
def precise() -> UnitPricer:
    return validate.reference_pricer()


def one(strike: float, years: float, vol: float, rate: float, dividend_yield: float, is_call: bool) -> Contracts:
    def column(x: float) -> FloatArray:
        return np.array([x], dtype=np.float64)

    return Contracts(
        column(strike), column(years), column(vol), column(rate), column(dividend_yield), np.array([is_call])
    )


def value_one(spot: float, contract: Contracts) -> UnitValues:
    return BoundaryEngine().prepare(contract).value(np.array([spot]))


def assert_within(comparison: validate.Comparison, limits: dict[str, float]) -> None:
    assert not comparison.refused
    for figure, worst in zip(validate.FIGURES, comparison.errors.max(axis=0), strict=True):
        assert worst <= limits[figure], f"{comparison.region}: {figure} is off by {worst:.1e}"


def test_prices_of_the_precise_reference(precise: UnitPricer) -> None:
    """QdFp's high precision scheme, price only: it takes 20 ms each."""
    sample = validate.book(np.random.default_rng(11), 120)
    c = sample.contracts
    ours = BoundaryEngine().prepare(c).value(sample.spot).price
    for i, spot in enumerate(sample.spot):
        terms = (float(x[i]) for x in (c.years, c.implied_vol, c.risk_free_rate, c.dividend_yield))
        assert ours[i] == pytest.approx(precise.price(spot, *terms, 1.0 if c.is_call[i] else -1.0), abs=2e-5)  # type: ignore[call-arg]


def test_the_quick_reference_is_one(quick: UnitPricer, precise: UnitPricer) -> None:
    sample = validate.book(np.random.default_rng(12), 15)
    c = sample.contracts
    for i, spot in enumerate(sample.spot):
        terms = [float(x[i]) for x in (c.years, c.implied_vol, c.risk_free_rate, c.dividend_yield)]
        sign = 1.0 if c.is_call[i] else -1.0
        assert quick.price(spot, *terms, sign) == pytest.approx(precise.price(spot, *terms, sign), abs=2e-6)  # type: ignore[call-arg]


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_random_book(quick: UnitPricer, seed: int) -> None:
    sample = validate.book(np.random.default_rng(seed), 30)
    assert_within(validate.compare("book", sample, quick), TARGETS)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_beside_the_boundary(quick: UnitPricer, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sample = validate.near_boundary(rng, validate.book(rng, 30).contracts, 0.02, 0.8)
    limits = {
        **BESIDE_BOUNDARY,
        "rho": np.inf,
        "dividend_rho": np.inf,
    }  # differences in rates may reach across it there
    assert_within(validate.compare("beside the boundary", sample, quick), limits)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_one_to_five_days(quick: UnitPricer, seed: int) -> None:
    sample = validate.short_dated(np.random.default_rng(seed), 20)
    assert_within(validate.compare("short-dated", sample, quick), TARGETS)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_equal_rate_and_yield(quick: UnitPricer, seed: int) -> None:
    sample = validate.equal_rates(np.random.default_rng(seed), 20)
    assert_within(validate.compare("rate = yield", sample, quick), TARGETS)


def test_extreme_parameters(precise: UnitPricer) -> None:
    """The quick reference is off by 1e-4 itself here, so the precise one, on fewer contracts."""
    sample = validate.extreme(np.random.default_rng(3), 16)
    comparison = validate.compare("extreme", sample, precise)
    assert len(comparison.errors) >= 10
    assert (comparison.errors[:, :3].max(axis=0) <= 1e-4).all()


LONGSTAFF_SCHWARTZ = {
    (0.2, 1.0): (4.478, 3.250, 2.314, 1.617, 1.110),
    (0.2, 2.0): (4.840, 3.745, 2.885, 2.212, 1.690),
    (0.4, 1.0): (7.101, 6.148, 5.312, 4.582, 3.948),
    (0.4, 2.0): (8.508, 7.670, 6.920, 6.248, 5.647),
}


@pytest.mark.parametrize("terms", LONGSTAFF_SCHWARTZ)
def test_published_puts_of_longstaff_and_schwartz(terms: tuple[float, float]) -> None:
    """Longstaff and Schwartz, "Valuing American options by simulation", Review of Financial Studies 14 (2001), table 1:
    finite differences; strike 40, rate 6 %, spots 36 to 44. Exercise at 50 dates a year only, so up to 1e-2 lower."""
    for spot, published in zip((36.0, 38.0, 40.0, 42.0, 44.0), LONGSTAFF_SCHWARTZ[terms], strict=True):
        ours = value_one(spot, one(40.0, terms[1], terms[0], 0.06, 0.0, False)).price[0]
        assert published - 1e-3 <= ours <= published + 1e-2


def test_published_premium_of_andersen_lake_and_offengenden(precise: UnitPricer) -> None:
    """Andersen, Lake and Offengenden (2016), table 2: rate = yield = 5 %, volatility 25 %, one year, at the money."""
    published = 0.106952702747
    european = european_price(100.0, 100.0, 1.0, 0.25, 0.05, 0.05, -1.0)
    assert precise.price(100.0, 1.0, 0.25, 0.05, 0.05, -1.0) - european == pytest.approx(published, abs=1e-10)
    assert value_one(100.0, one(100.0, 1.0, 0.25, 0.05, 0.05, False)).price[0] - european == pytest.approx(
        published, abs=1e-7
    )


def test_the_command_prints_every_region(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["validate", "--trades", "5", "--seed", "2", "--quick"])
    validate.main()
    printed = capsys.readouterr().out
    for region in validate.regions(5, 2):
        assert region in printed
