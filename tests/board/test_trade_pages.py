"""The list of trades holds a page, however large the book is; the store filters, orders and selects."""

import pickle
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import streamlit as st
from sqlalchemy.engine.cursor import CursorFetchStrategy
from streamlit.testing.v1 import AppTest

import ui.page.store
from services.tagging.trade_selection import MatchingTrades
from storage.connection.settings import settings
from storage.core.database import Store
from storage.core.schema import trades
from storage.read_models.trade_list import ORDERS, TradeFilter, TradePage, list_trades
from tests.fixtures.databases import Templates
from tests.fixtures.small_book import MONDAY, SMALL_BOOK, trade
from ui.trades.table import PAGE_ROWS

BOOK = 100_000


def page() -> None:
    import streamlit

    from ui.trades.filters import read_words, trade_filters
    from ui.trades.table import listed_trades, trade_table

    words = read_words()
    listed = listed_trades(*trade_filters(words), words)
    streamlit.session_state["selection"] = trade_table(listed)


def fill(store: Store) -> None:
    """Trades by the hundred thousand, written as they lie: no price is needed here."""
    kept = {"source": "test", "revision": 1}
    rows = [
        trade(f"T{number:06}", quantity=float(-number), option_type="put" if number % 3 else "call", **kept)
        for number in range(BOOK)
    ]
    with store.write() as unit:
        unit.connection.execute(trades.insert(), rows)


@pytest.fixture
def shown(templates: Templates, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Shows the list of a large book."""
    monkeypatch.setenv("DATABASE_URL", templates.copy("sqlite", "large", fill, None))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # Streamlit leaves its script there
    settings.cache_clear()
    st.cache_resource.clear()
    yield lambda: AppTest.from_function(page, default_timeout=120).run()
    ui.page.store.store().close()
    settings.cache_clear()
    st.cache_resource.clear()


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each query has brought."""
    counts: list[int] = []
    fetch = CursorFetchStrategy.fetchall

    def counted(self: Any, *given: Any) -> Any:
        rows = fetch(self, *given)
        counts.append(len(rows))
        return rows

    monkeypatch.setattr(CursorFetchStrategy, "fetchall", counted)
    return counts


def test_a_session_holds_a_page_and_reads_no_more(shown: Any, fetched: list[int]) -> None:
    test = shown()
    assert not test.exception
    assert "100,000 match, 1 to 500 are listed" in test.caption[0].value
    assert max(fetched) <= PAGE_ROWS
    assert held(test) < 1_000_000
    fetched.clear()
    test.text_input[0].set_value("put aapl 99").run()
    found = sum("99" in f"T{number:06}" and number % 3 > 0 for number in range(BOOK))
    assert f"{found:,} match" in test.caption[0].value
    assert max(fetched) <= PAGE_ROWS
    test.button(key="select_all").click().run()
    assert f"all {found:,} selected" in test.caption[0].value
    assert max(fetched) <= PAGE_ROWS
    assert held(test) < 1_000_000
    selection = test.session_state["selection"]
    assert isinstance(selection, MatchingTrades)
    with ui.page.store.store().read() as connection:
        assert len(selection.seen(connection)) == found


def test_pages_are_turned_in_the_order_that_was_chosen(shown: Any) -> None:
    test = shown()
    assert listed(test)[0] == "T000000"
    test.button(key="page_Next").click().run()
    assert (listed(test)[0], len(listed(test))) == ("T000500", PAGE_ROWS)
    assert test.button(key="page_Prev").disabled is False
    test.selectbox(key="order").select("Quantity \u2191").run()
    assert listed(test)[0] == "T099999", "the first page of the new order"
    assert test.button(key="page_Prev").disabled
    test.text_input[0].set_value("T000007").run()
    assert listed(test) == ["T000007"]
    assert not [button for button in test.button if button.key == "page_Next"]


def listed(test: Any) -> list[str]:
    return list(test.session_state["listed_trades"].frame["trade_id"])


def held(test: Any) -> int:
    """The bytes of everything that the session holds."""
    widgets = ("trades_files",)  # of a panel of ours: it is made anew at every run
    return sum(len(pickle.dumps(test.session_state[name])) for name in test.session_state if name not in widgets)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("descending", [False, True])
def test_pages_make_up_the_list(small_store: Store, order: str, descending: bool) -> None:
    with small_store.read() as connection:
        parts = [
            list(list_trades(connection, TradeFilter(), MONDAY, TradePage(3, number, order, descending))["trade_id"])
            for number in range(4)
        ]
        values = list_trades(connection, TradeFilter(), MONDAY, TradePage(100, 0, order, descending))[order]
    assert [len(part) for part in parts] == [3, 3, 2, 0]
    assert sorted(trade_id for part in parts for trade_id in part) == sorted(each["trade_id"] for each in SMALL_BOOK)
    known = [value for value in values if value is not None]
    if order != "contract":
        assert known == sorted(known, reverse=descending)
    assert list(values)[: len(known)] == known, "what is not known comes last"
