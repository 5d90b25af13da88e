"""The risk board: the market at the left, the risk tree and the day of what is selected at the right, the trades below.

The panels are live by themselves; this page only places them, and draws the day's lines.
"""

import streamlit as st

from live.components.panels import Filters, PanelKind, live_panel
from storage.feeds.feeds import REPLAY, read_feed
from storage.market.quotes import newest_as_of
from storage.read_models.read_models import as_of_dates, book_names
from ui.board.day_charts import day_charts
from ui.board.toolbar import as_of_control, books_control, replay_control, status_control
from ui.board.view_state import LATEST, mirrored_view, select, view_state
from ui.page.errors import or_away
from ui.page.store import store

_DAY_SECONDS = 3.0
_TOP_HEIGHT = 600
_CHARTS_HEIGHT = 168
_TRADES_HEIGHT = 300

state = mirrored_view()
with store().read() as connection:
    dates, books, replay = as_of_dates(connection), book_names(connection), read_feed(connection, REPLAY)
filters: Filters = {"statuses": list(state.statuses), "books": list(state.books)}


def panel(kind: PanelKind, height: int) -> None:
    """A live panel of this page."""
    live_panel(
        kind,
        key=f"panel_{kind}",
        height=height,
        as_of=state.as_of.isoformat() if state.as_of else LATEST,
        filters=filters,
        selection=state.selection,
        not_included_url="not-included",
        on_selection_change=select,
    )


@st.fragment(run_every=_DAY_SECONDS if state.as_of is None else None)
@or_away
def day() -> None:
    """The day of the selection, drawn anew every few seconds."""
    with store().read() as fragment_connection:
        newest = state.as_of or newest_as_of(fragment_connection) or next(iter(as_of_dates(fragment_connection)), None)
    if newest is None:
        st.caption("There are no quotes yet, so no day to draw.")
    else:
        day_charts(view_state(), newest)


with st.container(key="board"):
    line, controls = st.columns([0.6, 0.4], vertical_alignment="center")
    with line:
        panel("status", 28)
    with controls, st.container(key="toolbar", horizontal=True, horizontal_alignment="right", wrap=False):
        as_of_control(dates)
        status_control()
        books_control(books)
        replay_control(replay)
    panel("figures", 74)
    market, risk = st.columns([0.26, 0.74], gap="small")
    with market:
        panel("market", _TOP_HEIGHT)
    with risk:
        panel("summary", _TOP_HEIGHT - _CHARTS_HEIGHT)
        lines = st.container(key="day", height=_CHARTS_HEIGHT - 9, border=True)
    panel("trades", _TRADES_HEIGHT)
    with lines:  # last, because it is computed while the panels are live already
        day()
