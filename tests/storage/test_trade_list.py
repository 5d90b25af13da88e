"""Searching trades: each filter, and texts that would be SQL are texts."""

from datetime import date
from typing import Any

import pytest

from services.pricing.pricing_state import PricingState
from storage.core.database import Store
from storage.read_models.trade_list import (
    TradeFilter,
    TradePage,
    count_past_maturity,
    list_trades,
    matching_trades,
    traded_tickers,
)
from tests.fixtures.applying import change_records
from tests.fixtures.small_book import MONDAY, SMALL_BOOK, trade

ALL = {each["trade_id"] for each in SMALL_BOOK}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, ALL),
        ({"statuses": ("Terminated",)}, {"T1"}),
        ({"statuses": ("Live", "Terminated"), "books": ("EQ_OTHER",)}, {"M1"}),
        ({"tickers": ("OXY", "MSFT")}, {"M1", "N1"}),
        ({"expired_at": MONDAY}, {"X1"}),
        ({"expired_at": date(2020, 3, 6)}, set()),
        ({"text": "aapl", "statuses": ("Terminated",)}, {"T1"}),
        ({"text": "other"}, {"M1"}),
        ({"text": "1"}, ALL),
        ({"text": "%"}, set()),
        ({"text": "1' OR '1'='1"}, set()),
        ({"books": ("x'; DROP TABLE trades; --",)}, set()),
    ],
)
def test_filters(small_store: Store, parts: dict[str, Any], expected: set[str]) -> None:
    with small_store.read() as connection:
        chosen = TradeFilter(**parts)
        assert set(matching_trades(connection, chosen)) == expected
        assert set(list_trades(connection, chosen, MONDAY, TradePage(100))["trade_id"]) == expected


def test_what_is_listed(small_store: Store) -> None:
    with small_store.read() as connection:
        frame = list_trades(connection, TradeFilter(), MONDAY, TradePage(3))
        assert list(frame["trade_id"]) == ["A1", "C1", "M1"], "the first by id"
        whole = list_trades(connection, TradeFilter(), MONDAY, TradePage(100)).set_index("trade_id")
        assert list_trades(connection, TradeFilter(), None, TradePage(100))["past_maturity"].sum() == 0
        assert traded_tickers(connection) == ["AAPL", "MSFT", "OXY"]
        assert matching_trades(connection, TradeFilter(text="C1")) == {"C1": "Live"}
    assert whole.loc["C1", "contract"] == "AAPL Jun 20 70 call"
    assert (whole.loc["S1", "contract"], whole.loc["S1", "maturity"]) == ("AAPL stock", None)
    assert list(whole.index[whole["past_maturity"].astype(bool)]) == ["X1"]
    assert (whole.loc["T1", "trade_status"], whole.loc["T1", "source"]) == ("Terminated", "test")


def test_past_maturity_counts_trades_that_are_still_priced(small_store: Store, state: PricingState) -> None:
    with small_store.read() as connection:
        assert count_past_maturity(connection, MONDAY) == 1
        assert count_past_maturity(connection, date(2020, 6, 20)) == 6, "all options but the terminated one"
    change_records(small_store, state, "trades", [trade("X1", trade_status="Terminated")], source="test")
    with small_store.read() as connection:
        assert count_past_maturity(connection, MONDAY) == 0
