"""An underlying at a quote: every engine fills its own columns, and every measure is its formula."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from engine.contracts import UNIT_ROWS, FloatArray, UnitValues
from engine.measures import MEASURES
from engine.model import NotPriced
from engine.pricing.engines import ENGINES_BY_NAME
from engine.snapshot.parameters import Parameters
from engine.valuation.underlying_pricer import UnderlyingPricer, Valued, prepare_underlying

TODAY = date(2020, 3, 9)
SPOT = 100.0


def underlying(
    seed: int,
    americans: int,
    europeans: int,
    shares: int = 0,
    vol: float = 0.3,
    rates: tuple[float, float] = (0.03, 0.02),
) -> UnderlyingPricer:
    rng = np.random.default_rng(seed)
    n = americans + europeans + shares
    trades = pd.DataFrame(
        {
            "trade_id": [f"T{seed}-{i}" for i in range(n)],
            "product": ["EQ_Option"] * (americans + europeans) + ["EQ_Stock"] * shares,
            "quantity": rng.normal(size=n),
            "strike": rng.uniform(60.0, 140.0, n),
            "maturity": pd.to_datetime([TODAY] * n) + pd.to_timedelta(rng.integers(5, 700, n), unit="D"),
            "option_type": rng.choice(["call", "put"], n).astype(object),
            "exercise_style": ["American"] * americans + ["European"] * (europeans + shares),
            "contract_multiplier": 100.0,
        }
    )
    return prepare_underlying(f"U{seed}", trades, Parameters(vol, *rates, "2020-03-09"), TODAY)


def figures(valued: Valued) -> tuple[list[str], list[str], FloatArray]:
    return valued.trade_ids, valued.priced_by, np.vstack(list(valued.measures.values()))


def test_engines_fill_their_columns_and_no_others() -> None:
    """Every engine writes at any place of an array what it gives as arrays of its own; NaN without a price, too."""
    mixed = underlying(7, 40, 30, 3)
    steep = underlying(8, 3, 0, vol=0.02)
    negative = underlying(10, 4, 0, rates=(-0.01, -0.03))
    groups = mixed.groups + steep.groups + negative.groups
    assert {group.engine.name for group in groups} == set(ENGINES_BY_NAME)
    for group in groups:
        count = len(group.rows)
        spots = np.vstack([np.full(count, SPOT * factor) for factor in (1.0, 0.5, 1e-3, 2.0)])
        spots[:, 0] = np.nan
        room = np.full((len(spots), UNIT_ROWS, count + 12), -7.0)
        group.prepared.fill(spots, room, 5)
        for scenario, alone in enumerate(map(group.prepared.value, spots)):
            expected = [getattr(alone, name) for name in UnitValues.__slots__]
            np.testing.assert_array_equal(room[scenario, :, 5:-7], expected)
        assert np.isnan(room[:, :, 5]).all()
        assert (room[:, :, :5] == -7.0).all()
        assert (room[:, :, -7:] == -7.0).all()


def test_scenarios_are_valued_as_ticks_at_their_spots() -> None:
    """To the last bit: each row is computed alike, however many scenarios there are."""
    prepared = underlying(11, 40, 30)
    spots = SPOT * np.array([1.0, 0.8, 1.2, 0.01, 100.0])
    measures = prepared.measures_at(spots)
    for scenario, spot in enumerate(spots):
        tick = prepared.value(spot, prepared.live_groups)
        assert tick.trade_ids == prepared.priced_trade_ids
        np.testing.assert_array_equal(measures[scenario], np.vstack(list(tick.measures.values())))


def test_values_that_are_known_are_measured_alike() -> None:
    """What a worker computed and what is computed here: the same figures in the same order."""
    prepared = underlying(9, 20, 30, 2)
    known = [group.prepared.value(np.full(len(group.rows), SPOT)) for group in prepared.groups]
    for ours, theirs in zip(
        figures(prepared.measured(SPOT, prepared.groups, known)), figures(prepared.value(SPOT)), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_every_measure_is_its_formula() -> None:
    """The words of ``MEASURES`` and the kernel: V unit price, S spot, Q quantity, M multiplier."""
    prepared = underlying(6, 60, 0)
    (group,) = prepared.groups
    unit = group.prepared.value(np.full(60, SPOT))
    names = {
        "V": unit.price,
        "delta": unit.delta,
        "gamma": unit.gamma,
        "vega": unit.vega,
        "theta": unit.theta,
        "dividend_rho": unit.dividend_rho,
        "rho": unit.rho,
        "Q": prepared.quantity,
        "M": prepared.multiplier,
        "S": SPOT,
    }
    valued = prepared.value(SPOT)
    assert list(valued.measures) == [measure.name for measure in MEASURES]
    for measure in MEASURES:
        formula = measure.formula.replace("dividend rho", "dividend_rho").replace("S²", "S * S")
        expected = eval(formula.replace("×", "*").replace("÷", "/"), {}, names)
        np.testing.assert_allclose(valued.measures[measure.name], expected, rtol=1e-14, err_msg=measure.name)


@pytest.mark.parametrize("product", ["EQ_Option", "EQ_Stock"])
@pytest.mark.parametrize(("quantity", "multiplier"), [(1e300, 1e20), (-1e300, 1e20), (1e308, 1.0)])
def test_a_size_that_overflows_is_named_as_one(product: str, quantity: float, multiplier: float) -> None:
    """The engine has a value for a unit, so it is not to blame."""
    trades = pd.DataFrame(
        {
            "trade_id": ["HUGE", "USUAL"],
            "product": [product] * 2,
            "quantity": [quantity, 1.0],
            "strike": [100.0] * 2,
            "maturity": pd.to_datetime(["2020-09-18"] * 2),
            "option_type": ["call"] * 2,
            "exercise_style": ["European"] * 2,
            "contract_multiplier": [multiplier, 1.0],
        }
    )
    valued = prepare_underlying("U", trades, Parameters(0.3, 0.03, 0.02, "2020-03-09"), TODAY).value(SPOT)
    (failure,) = valued.failures
    assert (failure.trade_id, failure.reason) == ("HUGE", NotPriced.TOO_LARGE)
    assert f"quantity {quantity:g} times multiplier {multiplier:g}" in failure.detail
    assert valued.trade_ids == ["USUAL"]
