"""Mounts the live pivot in a page: all trades with all their measures, which the viewer arranges in the browser.

The pivot's engine is Perspective's, run in the browser from the files that its Python package brings. It gets its rows
over the websocket of this server, and says which configuration it shows and which trade somebody wants to see.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import streamlit as st

from live.components.panels import PANEL
from live.components.pivot_engine import engine_address
from live.tables.explore_columns import NUMBER_COLUMNS, ROW

Mode = Literal["live", "periodic", "paused"]
Pivot = dict[str, Any]
"""A configuration of the pivot, as its engine saves it: group_by, columns, filter, sort, aggregates, plugin."""

_DRILL_COLUMNS = (
    "Trade",
    "Contract",
    "Book",
    "Status",
    "Quantity",
    "Spot",
    "Unit price",
    "Market value",
    "Cash delta",
    "Gamma 1 %",
    "Vega 1 pt",
    "Theta 1 d",
    "Day P&L",
)


def explore_panel(
    *,
    key: str,
    height: int,
    as_of: str = "latest",
    statuses: Sequence[str] = (),
    books: Sequence[str] = (),
    pivot: Pivot | None = None,
    title: str = "Pivot",
    mode: Mode = "live",
    seconds: float = 5.0,
    editable: bool = False,
    fills_window: bool = False,
    on_pivot_change: Callable[[Pivot], None] | None = None,
    on_trade: Callable[[str], None] | None = None,
) -> None:
    """A pivot of the given height in pixels; one that fills the window is higher where that has room.

    statuses, books: which trades it has; empty means all. mode, seconds: how it follows the feed until the viewer says
    otherwise. ``on_pivot_change`` is called, before the page runs again, with what an editable pivot shows by then;
    ``on_trade`` with the id of a trade that somebody wants to see whole.
    """

    def changed() -> None:
        shown = st.session_state[key].get("pivot")
        if on_pivot_change is not None and isinstance(shown, Mapping):
            on_pivot_change(dict(shown))

    def asked() -> None:
        trade_id = st.session_state[key].get("trade")
        if on_trade is not None and trade_id:
            on_trade(str(trade_id))

    PANEL(
        key=key,
        data={
            "panel": "explore",
            "key": key,
            "height": height,
            "fills_window": fills_window,
            "title": title,
            "as_of": as_of,
            "filters": {"statuses": list(statuses), "books": list(books)},
            "pivot": pivot or {},
            "mode": mode,
            "seconds": seconds,
            "editable": editable,
            "index": ROW,
            "engine": engine_address(""),
            "columns": [asdict(column) for column in NUMBER_COLUMNS],
            "drill_columns": list(_DRILL_COLUMNS),
        },
        height="content" if fills_window else height,
        on_pivot_change=changed,
        on_trade_change=asked,
    )
