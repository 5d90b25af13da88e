"""Two threads value what one would, to the last bit, and only where that is worth their meeting."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import side_by_side
from engine.contracts import UNIT_ROWS, FloatArray, UnitValues
from engine.engines import ENGINES_BY_NAME
from engine.measures import MEASURES
from engine.preparation import Parameters, PreparedUnderlying, Valued, prepare_underlying
from engine.side_by_side import Asked, halves, value_side_by_side

TODAY = date(2020, 3, 9)
SPOT = 100.0


def underlying(seed: int, americans: int, europeans: int, shares: int = 0, vol: float = 0.3) -> PreparedUnderlying:
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
    return prepare_underlying(f"U{seed}", trades, Parameters(vol, 0.03, 0.02, "2020-03-09"), TODAY)


def asked(*prepared: PreparedUnderlying) -> list[Asked]:
    return [(one, SPOT + i, one.groups) for i, one in enumerate(prepared)]


def figures(valued: Valued) -> tuple[list[str], list[str], FloatArray]:
    return valued.trade_ids, valued.priced_by, np.vstack(list(valued.measures.values()))


@pytest.fixture
def meetings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one each time the other thread is asked for."""
    met: list[int] = []
    helper = side_by_side._helper

    def asked_for() -> Any:
        met.append(1)
        return helper()

    monkeypatch.setattr(side_by_side, "_helper", asked_for)
    return met


def test_the_same_numbers_in_the_same_order(meetings: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A mixed book of every engine, QdFp too: steep rates, which the live engine refuses."""
    steep = underlying(5, 3, 0, vol=0.02)
    assert steep.slow_groups
    book = asked(underlying(1, 300, 20, 3), underlying(2, 0, 400), steep, underlying(3, 900, 0, 1), underlying(4, 0, 9))
    monkeypatch.setattr(side_by_side, "WORTH_SHARING", 1.0)
    together = value_side_by_side(book)
    assert meetings == [1]
    for valued, (prepared, spot, groups) in zip(together, book, strict=True):
        ids, engines, numbers = figures(valued)
        expected_ids, expected_engines, expected = figures(prepared.value(spot, groups))
        assert (ids, engines) == (expected_ids, expected_engines)
        np.testing.assert_array_equal(numbers, expected)


def test_many_americans_are_shared(meetings: list[int]) -> None:
    value_side_by_side(asked(*(underlying(seed, 15_000, 0) for seed in range(4))))
    assert meetings == [1]


@pytest.mark.parametrize(
    "book", ["10,000 Europeans", "10,000 Americans", "one underlying", "few Americans", "QuantLib's", "nothing"]
)
def test_what_brings_nothing_stays_in_one_thread(meetings: list[int], book: str) -> None:
    books: dict[str, list[PreparedUnderlying]] = {
        "10,000 Europeans": [underlying(seed, 0, 500, 5) for seed in range(20)],
        "10,000 Americans": [underlying(seed, 500, 0) for seed in range(20)],
        "one underlying": [underlying(1, 60_000, 0)],
        "few Americans": [underlying(1, 100, 0), underlying(2, 100, 0), underlying(3, 0, 1000)],
        "QuantLib's": [underlying(1, 2, 0, vol=0.02), underlying(2, 2, 0, vol=0.02)],
        "nothing": [],
    }
    chosen = asked(*books[book])
    assert len(value_side_by_side(chosen)) == len(chosen)
    assert meetings == []


@given(st.lists(st.floats(0.0, 1e4), max_size=40))
def test_the_parts_cost_about_the_same(costs: list[float]) -> None:
    here, there = halves(costs)
    assert sorted(here + there) == list(range(len(costs)))
    heavier, lighter = (sum(costs[i] for i in part) for part in (here, there))
    assert -1e-9 <= heavier - lighter <= max(costs, default=0.0) + 1e-9


def test_an_american_costs_more_than_a_european() -> None:
    cost = {name: engine.microseconds for name, engine in ENGINES_BY_NAME.items()}
    assert 5.0 < cost["Boundary"] / cost["Black–Scholes"] < 50.0
    assert cost["QdFp"] == 0.0, "QuantLib keeps Python's lock"


def test_engines_fill_their_columns_and_no_others() -> None:
    """Every engine writes at any place of an array what it gives as arrays of its own; NaN without a price, too."""
    mixed = underlying(7, 40, 30, 3)
    steep = underlying(8, 3, 0, vol=0.02)
    groups = mixed.groups + steep.groups
    assert {group.engine.name for group in groups} == set(ENGINES_BY_NAME)
    for group in groups:
        count = len(group.rows)
        spots = np.full(count, SPOT)
        spots[0] = np.nan
        room = np.full((UNIT_ROWS, count + 12), -7.0)
        group.prepared.fill(spots, room, 5)
        alone = group.prepared.value(spots)
        np.testing.assert_array_equal(room[:, 5:-7], [getattr(alone, name) for name in UnitValues.__slots__])
        assert np.isnan(room[:, 5]).all()
        assert (room[:, :5] == -7.0).all()
        assert (room[:, -7:] == -7.0).all()


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
