"""The decay to the next close is the step that theta, a rate, is not; and it is not known where it cannot be."""

import math
from datetime import date, timedelta
from typing import Any

import pytest
import QuantLib as ql  # noqa: N813

from engine.measures import DECAY_TO_CLOSE
from services.exports.trade_frame import detail_frame
from services.pricing.pricing_state import PricingState
from services.queries.trade_detail import TradeDetail, read_trade_detail
from services.records.incoming import Incoming
from services.writes.apply_incoming import apply_incoming
from storage.core.database import Store
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.small_book import MONDAY, TUESDAY, quote, stock, trade
from tests.services.writes.test_apply_incoming import report, reported

FRIDAY = MONDAY + timedelta(days=4)
VOL, SIZE = 0.3, 10.0 * 100.0
FLAT = {"implied_vol": VOL, "risk_free_rate": 0.0, "dividend_yield": 0.0}

pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
"""What is stored is read by a query that others test on both databases."""


def detail_of(
    store: Store, terms: dict[str, Any], day: date = MONDAY, spot: float = 100.0, **parameters: float
) -> TradeDetail:
    """A trade at a spot on a day, priced with these parameters."""
    own = {"as_of_date": MONDAY, "ticker": "AAPL", **FLAT, **parameters}
    change_records(store, PricingState(), "parameters", [own], source="test")
    change_records(store, PricingState(), "trades", [terms], source="test")
    apply_quotes(store, PricingState(), [quote("AAPL", spot, day=day)], source="test", wait_for_slow=True)
    with store.read() as connection:
        found = read_trade_detail(connection, terms["trade_id"])
    assert found is not None
    return found


def black(days: int, spot: float = 100.0, strike: float = 100.0) -> float:
    """A call without rates by QuantLib."""
    return float(ql.blackFormula(ql.Option.Call, strike, spot, VOL * math.sqrt(days / 365.0)))


@pytest.mark.parametrize(
    ("day", "days", "left"),
    [
        (MONDAY, 1, 0),  # the last day takes all of it
        (MONDAY, 30, 29),
        (FRIDAY, 10, 7),  # a weekend takes three days
        (FRIDAY, 2, 0),  # matures before the next close
        (MONDAY, 0, 0),
        (date(2020, 4, 9), 30, 26),  # Good Friday and a weekend
    ],
)
def test_it_is_the_value_at_the_next_close_less_that_of_now(store: Store, day: date, days: int, left: int) -> None:
    maturity = day + timedelta(days=days)
    detail = detail_of(store, trade("T", strike=100.0, maturity=maturity), day)
    assert detail.decay_to_close == pytest.approx((black(left) - black(days)) * SIZE, rel=1e-9, abs=1e-9)


def test_at_the_money_with_a_day_left_theta_is_half_of_it(store: Store) -> None:
    detail = detail_of(store, trade("T", strike=100.0, maturity=TUESDAY))
    assert detail.own is not None
    assert detail.own.measures["theta_1d"] == pytest.approx(-0.31322 * SIZE, abs=0.05)
    assert detail.decay_to_close == pytest.approx(-0.62644 * SIZE, abs=0.01)


@pytest.mark.parametrize(
    ("changes", "parameters", "engine"),
    [
        ({"exercise_style": "American", "option_type": "put"}, {"risk_free_rate": 0.05}, "Boundary"),
        ({"exercise_style": "American", "option_type": "put"}, {"risk_free_rate": 0.05, "implied_vol": 0.02}, "QdFp"),
        (
            {"exercise_style": "American", "option_type": "put"},
            {"risk_free_rate": -0.005, "dividend_yield": -0.05},
            "DoubleBoundary",
        ),
    ],
)
def test_every_engine_has_one(store: Store, changes: dict[str, Any], parameters: dict[str, float], engine: str) -> None:
    detail = detail_of(store, trade("T", strike=100.0, **changes), spot=101.0, **parameters)
    assert detail.own is not None
    assert detail.own.priced_by == engine
    theta = detail.own.measures["theta_1d"] or 0.0
    assert detail.decay_to_close == pytest.approx(theta, rel=0.05), "a hundred days before maturity a day is theta"


def test_a_share_has_none_and_the_export_says_so(store: Store) -> None:
    detail = detail_of(store, stock("S"))
    assert detail.decay_to_close == 0.0
    exported = detail_frame(detail)
    row = exported[exported["What"] == DECAY_TO_CLOSE.csv_name]
    assert row[["Section", "Value", "Unit"]].to_numpy().tolist() == [["Measures", 0.0, "currency"]]


class TestNotKnown:
    def test_without_a_value(self, store: Store) -> None:
        assert detail_of(store, trade("T", maturity=date(2020, 3, 6))).decay_to_close is None

    def test_of_a_value_that_others_computed(self, store: Store) -> None:
        detail_of(store, trade("C1"))
        report(store, PricingState(), reported("C1", "AAPL", 99.0))
        with store.read() as connection:
            detail = read_trade_detail(connection, "C1")
        assert detail is not None
        assert detail.own is not None
        assert detail.decay_to_close is None

    def test_of_a_close_with_other_terms(self, store: Store) -> None:
        detail_of(store, trade("T"))
        batch = Incoming({"trades": [trade("T", quantity=20.0)]}, [quote("AAPL", 101.0, day=TUESDAY)])
        apply_incoming(store, PricingState(), batch, source="test")
        with store.read() as connection:
            close, now = (read_trade_detail(connection, "T", day) for day in (MONDAY, TUESDAY))
        assert close is not None
        assert now is not None
        assert (close.decay_to_close, now.decay_to_close is not None) == (None, True)
