"""The day of what is selected: three small lines, computed from the quotes of the day."""

from datetime import date

import altair as alt
import pandas as pd
import streamlit as st

from engine.measures import DAY_PNL, MEASURES
from engine.selection import TradeSelection
from services.queries.day_history import DayHistory
from ui.board.view_state import ViewState
from ui.page.day_line import day_line, without_midnight
from ui.page.number_text import fixed_text, how_many_text
from ui.page.plain_words import plain
from ui.page.store import day_histories

_SHARED_SECONDS = 2.0
_HEIGHT = 150
_GAIN = "#2f9e6e"
_COLOURS = {"quote": "#8b95a5", DAY_PNL.name: "#e5484d", "cash_delta": "#3b82f6", "vega_1pt": "#d29922"}
_LABELS = {"quote": "Quote", **{measure.name: measure.label for measure in (*MEASURES, DAY_PNL)}}


@st.cache_data(ttl=_SHARED_SECONDS, max_entries=64, show_spinner=False)
def _history(as_of: date, selection: TradeSelection) -> DayHistory:
    """Computed once for all who look at the same within a moment."""
    return day_histories().of(as_of, selection)


def day_charts(state: ViewState, as_of: date) -> None:
    """Quote (of one underlying) or vega, day P&L and cash delta of the selection over a date."""
    history = _history(as_of, state.trades)
    frame = without_midnight(history.frame)
    title = state.ticker or (state.path[-1] if state.path else "Total")
    if frame.empty:
        st.caption(plain(f"{title}: no ticks on {as_of}, so there is no line to draw."))
        return
    if len(history.currencies) > 1:
        st.caption(plain(f"{title}: no lines, for {' and '.join(history.currencies)} are different currencies."))
        return
    known_quote = frame["quote"].notna().all()
    names = ["quote", DAY_PNL.name, "cash_delta"] if known_quote else [DAY_PNL.name, "cash_delta", "vega_1pt"]
    for column, name in zip(st.columns(3, gap="small"), names, strict=True):
        if frame[name].isna().all():
            column.caption(plain(f"{title} · {_LABELS[name]}: not known, nothing selected has a previous close."))
            continue
        column.altair_chart(_chart(frame, name, title), width="stretch", alt=f"{title}, {_LABELS[name]}")
    if history.left_out:
        left_out = how_many_text(history.left_out, "trade whose engine is", "trades whose engines are")
        st.caption(f"Not in the lines: {left_out} too slow for this.")


def _chart(frame: pd.DataFrame, name: str, title: str) -> alt.LayerChart:
    label, colour, decimals = _LABELS[name], _COLOURS[name], 2 if name == "quote" else 0
    if name == DAY_PNL.name and frame[name].iloc[-1] >= 0:
        colour = _GAIN
    last = fixed_text(float(frame[name].iloc[-1]), decimals)
    heading = f"{title} · {label} {last}"
    return day_line(frame, name, title=heading, label=label, colour=colour, decimals=decimals, height=_HEIGHT, ticks=4)
