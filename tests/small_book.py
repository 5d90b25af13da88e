"""A book small enough to check by hand: two underlyings, each kind of trade, and trades that cannot be priced."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.pricing_state import PricingState
from storage.database import Store
from storage.quotes import Quote
from tests.applying import apply_quotes, change_records

MONDAY = date(2020, 3, 9)
TUESDAY = date(2020, 3, 10)
OPEN = datetime(2020, 3, 9, 13, 30, tzinfo=UTC)


def trade(trade_id: str, **changes: Any) -> dict[str, Any]:
    """A European call on AAPL, with changes."""
    return {
        "trade_id": trade_id,
        "ticker": "AAPL",
        "book": "EQ_VOL_HED",
        "product": "EQ_Option",
        "quantity": 10.0,
        "strike": 70.0,
        "maturity": date(2020, 6, 19),
        "option_type": "call",
        "exercise_style": "European",
        "contract_multiplier": 100.0,
        "trade_status": "Live",
        **changes,
    }


def stock(trade_id: str, **changes: Any) -> dict[str, Any]:
    """Shares of AAPL, with changes."""
    none = {"strike": None, "maturity": None, "option_type": None, "exercise_style": None}
    return trade(trade_id, product="EQ_Stock", contract_multiplier=1.0, **{**none, **changes})


def quote(ticker: str, price: float, seconds: float = 0.0, day: date = MONDAY) -> Quote:
    """A quote some seconds after the open of a day."""
    at = OPEN + timedelta(days=(day - MONDAY).days, seconds=seconds)
    return Quote(day, ticker, price, at)


SMALL_BOOK = [
    trade("C1"),
    trade("P1", option_type="put", quantity=-5.0),
    trade("A1", option_type="put", exercise_style="American", strike=80.0),
    stock("S1", quantity=-300.0),
    trade("M1", ticker="MSFT", strike=150.0, book="EQ_OTHER"),
    trade("X1", maturity=date(2020, 3, 6)),
    trade("N1", ticker="OXY"),
    trade("T1", trade_status="Terminated"),
]
BOOKS = [
    {"book": "EQ_VOL_HED", "desk": "Vol hedging", "business_unit": "Equity derivatives", "region": "Americas"},
]
INSTRUMENTS = [
    {"ticker": t, "name": t.title(), "sector": "Technology", "region": "Americas", "currency": "USD"}
    for t in ("AAPL", "MSFT", "OXY")
]
PARAMETERS = [
    {"as_of_date": MONDAY, "ticker": "AAPL", "implied_vol": 0.4, "risk_free_rate": 0.006, "dividend_yield": 0.012},
]


def load_small_book(store: Store, state: PricingState) -> None:
    """Static data and trades, without a quote."""
    for kind, records in (
        ("books", BOOKS),
        ("instruments", INSTRUMENTS),
        ("parameters", PARAMETERS),
        ("trades", SMALL_BOOK),
    ):
        change_records(store, state, kind, records, source="test")


@pytest.fixture
def state() -> PricingState:
    return PricingState()


@pytest.fixture
def small_store(store: Store, state: PricingState) -> Store:
    """The small book, priced at quotes of AAPL and MSFT at Monday's open."""
    load_small_book(store, state)
    apply_quotes(store, state, [quote("AAPL", 68.0), quote("MSFT", 150.0)], source="test")
    return store
