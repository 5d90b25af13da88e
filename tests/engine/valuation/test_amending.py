"""An amended underlying is what preparing all of its trades anew would give, to the last bit."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from numpy.random import Generator, default_rng

from engine.snapshot.parameters import Parameters
from engine.valuation.amending import amend_underlying
from engine.valuation.underlying_pricer import UnderlyingPricer, prepare_underlying

TODAY = date(2020, 6, 22)
PARAMETERS = Parameters(0.4, 0.006, 0.012, "2020-06-22")


def trades(rng: Generator, first: int, count: int) -> pd.DataFrame:
    """Trades of every kind on one underlying; some have expired, some no engine knows."""
    days = rng.integers(-5, 400, count)
    return pd.DataFrame(
        {
            "trade_id": [f"T{first + i}" for i in range(count)],
            "ticker": "AAPL",
            "book": "VOL",
            "product": rng.choice(["EQ_Option"] * 8 + ["EQ_Stock", "EQ_Swap"], count).astype(object),
            "quantity": rng.normal(size=count),
            "strike": rng.uniform(40.0, 120.0, count),
            "maturity": pd.to_datetime([TODAY] * count) + pd.to_timedelta(days, unit="D"),
            "option_type": rng.choice(["call", "put"], count).astype(object),
            "exercise_style": rng.choice(["American", "European"], count).astype(object),
            "contract_multiplier": 100.0,
            "trade_status": "Live",
        }
    )


def prepared(frame: pd.DataFrame) -> UnderlyingPricer:
    return prepare_underlying("AAPL", frame, PARAMETERS, TODAY)


def values(underlying: UnderlyingPricer) -> dict[str, tuple[object, ...]]:
    """Trade -> engine and all measures at a spot."""
    valued = underlying.value(71.3)
    columns = list(valued.measures.values())
    return {
        underlying.trade_ids[row]: (valued.priced_by[i], *(column[i] for column in columns))
        for i, row in enumerate(valued.rows)
    }


@pytest.mark.parametrize("seed", range(5))
def test_trades_that_came_changed_and_went(seed: int) -> None:
    rng = default_rng(seed)
    book = trades(rng, 0, 150)
    amended = prepared(book)
    for step in range(1, 6):
        gone = set(rng.choice(book["trade_id"], 12, replace=False))
        changed = book[book["trade_id"].isin(sorted(gone)[:7])].assign(quantity=rng.normal(), strike=66.0)
        fresh = pd.concat([changed, trades(rng, 1000 * step, 9)], ignore_index=True)
        amended = amend_underlying(amended, gone, prepared(fresh))
        book = pd.concat([book[~book["trade_id"].isin(gone)], fresh], ignore_index=True)
        anew = prepared(book)
        assert values(amended) == values(anew)
        assert sorted(amended.failures, key=str) == sorted(anew.failures, key=str)
        assert amended.trade_ids == anew.trade_ids


def test_all_may_go_and_others_come() -> None:
    rng = default_rng(7)
    book = trades(rng, 0, 20)
    empty = amend_underlying(prepared(book), set(book["trade_id"]), prepared(book.iloc[:0]))
    assert (values(empty), empty.failures) == ({}, ())
    other = trades(rng, 100, 20)
    assert values(amend_underlying(empty, (), prepared(other))) == values(prepared(other))


def test_boundaries_that_nobody_needs_are_dropped() -> None:
    """A trade that changes every second must not grow its underlying."""
    book = trades(default_rng(3), 0, 30).assign(product="EQ_Option", exercise_style="American")
    book["maturity"] = pd.Timestamp("2020-12-18")
    amended = prepared(book)
    for day in range(40):
        change = book.iloc[:1].assign(maturity=pd.Timestamp("2021-01-15") + pd.Timedelta(days=day))
        amended = amend_underlying(amended, {"T0"}, prepared(change))
    (group,) = amended.groups
    assert np.shape(group.prepared.profiles)[0] <= 3  # type: ignore[attr-defined]
