"""The day of what is selected: three small lines, computed from the quotes of the day."""

from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from engine.measures import DAY_PNL
from engine.selection import TradeSelection
from services.day_history import DayHistory
from ui.store import day_histories
from ui.view_state import ViewState

_SHARED_SECONDS = 2.0
_HEIGHT = 140
_GAIN = "#2f9e6e"
_LINES: dict[str, tuple[str, str, str]] = {
    "quote": ("quote", "#8b95a5", ",.2f"),
    DAY_PNL.name: ("day P&L", "#e5484d", ",.0f"),
    "cash_delta": ("cash delta", "#3b82f6", ",.0f"),
    "vega_1pt": ("vega, 1 point", "#d29922", ",.0f"),
}


@st.cache_data(ttl=_SHARED_SECONDS, max_entries=64, show_spinner=False)
def _history(as_of: date, selection: TradeSelection) -> DayHistory:
    """Computed once for all who look at the same within a moment."""
    return day_histories().of(as_of, selection)


def day_charts(state: ViewState, as_of: date) -> None:
    """Quote (of one underlying) or vega, day P&L and cash delta of the selection over a date."""
    history = _history(as_of, state.trades)
    title = state.ticker or (state.path[-1] if state.path else "Total")
    if history.frame.empty:
        st.caption(f"{title}: no ticks on {as_of} yet.")
        return
    known_quote = history.frame["quote"].notna().all()
    names = ["quote", DAY_PNL.name, "cash_delta"] if known_quote else [DAY_PNL.name, "cash_delta", "vega_1pt"]
    for column, name in zip(st.columns(3, gap="small"), names, strict=True):
        if history.frame[name].isna().all():
            column.caption(f"{title} · {_LINES[name][0]}: not known, nothing selected has a previous close.")
            continue
        spec = _chart(history.frame, name, title)
        column.vega_lite_chart(spec, width="stretch", alt=f"{title}, {_LINES[name][0]}")
    if history.left_out:
        st.caption(f"{history.left_out:,} trades of an engine too slow for this are not in the lines.")


def _chart(frame: pd.DataFrame, name: str, title: str) -> dict[str, Any]:
    """A line as Vega-Lite has it. Altair would say the same and check it against its schema, three times a look."""
    label, colour, form = _LINES[name]
    if name == DAY_PNL.name and frame[name].iloc[-1] >= 0:
        colour = _GAIN
    last = format(frame[name].iloc[-1], form).replace("-", "\N{MINUS SIGN}")
    time = {
        "field": "observed_at",
        "type": "temporal",
        "title": None,
        "scale": {"type": "utc"},
        "axis": {"format": "%H:%M", "grid": False, "tickCount": 4, "labelFontSize": 11},
    }
    value = {
        "field": name,
        "type": "quantitative",
        "title": None,
        "scale": {"zero": False, "nice": False, "padding": 4},
        "axis": {"format": ".5~s", "grid": True, "tickCount": 3, "labelFontSize": 11},
    }
    tip = [
        {"field": "observed_at", "type": "temporal", "title": "UTC", "format": "%H:%M:%S"},
        {"field": name, "type": "quantitative", "title": label, "format": form},
    ]
    heading = {"text": f"{title} · {label} {last}", "fontSize": 12, "fontWeight": "normal", "anchor": "start"}
    return {
        "data": {"name": "day"},
        "datasets": {"day": frame[["observed_at", name]].dropna()},
        "title": {**heading, "offset": 6},
        "height": _HEIGHT,
        "mark": {"type": "line", "color": colour, "strokeWidth": 1.4},
        "encoding": {"x": time, "y": value, "tooltip": tip},
    }
