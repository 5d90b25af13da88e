"""Links to the page of a trade, and from it to all trades."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

import numpy as np
import numpy.typing as npt
import streamlit as st

from ui.identity.current_user import PERSON
from ui.page.page_files import PAGES
from ui.page.plain_words import plain

TRADE_ID = "trade_id"
"""In the address."""

ObjectArray = npt.NDArray[np.object_]


def trade_addresses(trade_ids: Iterable[str | None]) -> ObjectArray:
    """The addresses of trades' pages, beside that of the page one is on; who one is goes along. None stays None."""
    who = st.query_params.get(PERSON)
    person = f"&{urlencode({PERSON: who})}" if who else ""
    found = [None if each is None else f"trade?{urlencode({TRADE_ID: each})}{person}" for each in trade_ids]
    return np.array(found, dtype=object)


def open_trade(trade_id: str, label: str | None = None) -> None:
    """A link to the page of a trade, in this tab."""
    st.page_link(PAGES / "trade.py", label=plain(label or f"Open {trade_id}"), query_params={TRADE_ID: trade_id})


def go_to_trade(trade_id: str) -> None:
    """Leave this page for that of a trade, at once."""
    st.switch_page(PAGES / "trade.py", query_params={TRADE_ID: trade_id})


def open_all_trades() -> None:
    """A link to the list."""
    st.page_link(PAGES / "trades.py", label="All trades", icon=":material/list:")


def link_column() -> Any:
    """How a table shows addresses of trades: a sign to click."""
    return st.column_config.LinkColumn(
        "Open", display_text=":material/open_in_new:", width="small", help="Everything about the trade"
    )
