"""Which trades a page lists: a search and filters, which the address of the page mirrors."""

from dataclasses import dataclass
from datetime import date

import streamlit as st

from storage.book.trade_statuses import DefinedStatus, read_statuses
from storage.core.database import StoreRevisions
from storage.core.storable_text import LONGEST_ASKED, storable
from storage.market.quotes import newest_as_of
from storage.read_models.read_models import book_names
from storage.read_models.trade_list import ORDERS, TradeFilter, count_past_maturity, traded_tickers
from ui.page.store import store

FIND, STATUS, BOOK, UNDERLYING, PAST = "find", "trade_status", "trade_book", "underlying", "past_maturity"
TITLES = {
    "trade_id": "Trade",
    "contract": "Contract",
    "book": "Book",
    "quantity": "Quantity",
    "maturity": "Maturity",
    "past_maturity": "Past maturity",
    "trade_status": "Status",
    "source": "Last changed by",
}
"""Column of the list -> how the page calls it."""
_UP, _DOWN = "\u2191", "\u2193"
_ORDERS = {f"{TITLES[name]} {sign}": (name, sign == _DOWN) for name in ORDERS for sign in (_UP, _DOWN)}
_EMPTY: dict[str, object] = {FIND: "", STATUS: [], BOOK: [], UNDERLYING: [], PAST: False}


@dataclass(frozen=True, slots=True)
class TradeWords:
    """What can be chosen from, as the store is now."""

    statuses: list[DefinedStatus]
    books: list[str]
    tickers: list[str]
    as_of: date | None
    past_maturity: int
    revisions: StoreRevisions

    @property
    def shown(self) -> tuple[str, ...]:
        return tuple(defined.status for defined in self.statuses if defined.is_shown)


def read_words() -> TradeWords:
    """Read them."""
    with store().read() as connection:
        as_of = newest_as_of(connection)
        return TradeWords(
            read_statuses(connection),
            book_names(connection),
            traded_tickers(connection),
            as_of,
            0 if as_of is None else count_past_maturity(connection, as_of),
            store().revisions(connection),
        )


def trade_filters(words: TradeWords) -> tuple[TradeFilter, tuple[str, bool]]:
    """The controls, and what they say: the filter, and the column to order by with whether the last comes first.

    No status where none is chosen: then those count that are shown by default.
    """
    names = [defined.status for defined in words.statuses]
    with st.container(key="filters_trades"):
        widths = [0.2, 0.19, 0.17, 0.17, 0.13, 0.14]
        find, status, book, underlying, order, past = st.columns(widths, vertical_alignment="bottom")
    text = find.text_input(
        "Search",
        key=FIND,
        bind="query-params",
        placeholder="Words, such as AAPL put",
        max_chars=100,
        help="Finds the trades that have every word somewhere in what is listed, in any order.",
    )
    statuses = status.multiselect(
        "Status",
        names,
        key=STATUS,
        bind="query-params",
        placeholder=", ".join(words.shown),
        help="None chosen: the statuses that views show by default.",
    )
    books = book.multiselect("Book", words.books, key=BOOK, bind="query-params", placeholder="All books")
    tickers = underlying.multiselect(
        "Underlying", words.tickers, key=UNDERLYING, bind="query-params", placeholder="All underlyings"
    )
    expired = past.toggle(
        "Past maturity",
        key=PAST,
        bind="query-params",
        disabled=words.as_of is None,
        help="Expired: the maturity is before the newest as-of date. Nobody sets that, it follows from the dates.",
    )
    ordered = order.selectbox("Order by", list(_ORDERS), key="order", bind="query-params")
    chosen = TradeFilter(
        storable(text or "")[:LONGEST_ASKED].strip(),
        tuple(statuses),
        tuple(books),
        tuple(tickers),
        words.as_of if expired else None,
    )
    return chosen, _ORDERS[ordered]


def choose_past_maturity() -> None:
    """Set the controls to all trades that are past maturity: to be called before they are drawn."""
    st.session_state.update({**_EMPTY, PAST: True})


def clear_filters() -> None:
    """Set the controls to nothing: to be called before they are drawn."""
    st.session_state.update(_EMPTY)
