"""The lines of a day: what is not known is no zero in them."""

from datetime import UTC, date, datetime

from engine.measures import DAY_PNL
from engine.selection import TradeSelection
from services.day_history import DayHistories
from services.pricing_state import PricingState
from storage.database import Store
from storage.quotes import Quote
from tests.applying import apply_quotes

CLOSE, NEXT = date(2020, 3, 6), date(2020, 3, 9)
APPLE = TradeSelection(("Live",), (), (), "AAPL")


def test_without_a_previous_close_the_days_gain_is_not_known(demo_store: Store) -> None:
    frame = DayHistories(demo_store).of(CLOSE, APPLE).frame
    assert len(frame)
    assert frame[DAY_PNL.name].isna().all()
    assert frame["cash_delta"].notna().all()


def test_with_one_it_is(demo_store: Store) -> None:
    at = datetime(2020, 3, 9, 14, tzinfo=UTC)
    apply_quotes(demo_store, PricingState(), [Quote(NEXT, "AAPL", 66.0, at)], source="test")
    frame = DayHistories(demo_store).of(NEXT, APPLE).frame
    assert frame[DAY_PNL.name].notna().all()
    assert abs(frame[DAY_PNL.name].iloc[-1]) > 1
