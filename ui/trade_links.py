"""Links to the page of a trade, and from it to all trades."""

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import numpy.typing as npt
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from ui.plain_words import plain

_PAGES = Path(__file__).resolve().parent.parent / "pages"
TRADE_ID = "trade_id"
"""In the address."""

ObjectArray = npt.NDArray[np.object_]


def trade_addresses(trade_ids: Iterable[str | None]) -> ObjectArray:
    """The addresses of trades' pages, beside that of the page one is on; who one is goes along. None stays None."""
    who = st.query_params.get("person")
    person = f"&{urlencode({'person': who})}" if who else ""
    found = [None if each is None else f"trade?{urlencode({TRADE_ID: each})}{person}" for each in trade_ids]
    return np.array(found, dtype=object)


def open_trade(trade_id: str, label: str | None = None) -> None:
    """A link to the page of a trade, in this tab."""
    st.page_link(_PAGES / "trade.py", label=plain(label or f"Open {trade_id}"), query_params={TRADE_ID: trade_id})


def open_all_trades() -> None:
    """A link to the list."""
    st.page_link(_PAGES / "trades.py", label="All trades", icon=":material/list:")


def link_column() -> ColumnConfig:
    """How a table shows addresses of trades: a sign to click."""
    return st.column_config.LinkColumn(
        "Open", display_text=":material/open_in_new:", width="small", help="Everything about the trade"
    )
