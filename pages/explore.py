"""Explore: pivots of one's own over all trades, live; saved under a name, shared, sent as a link, downloaded."""

import streamlit as st

from live.components.explore_panel import explore_panel
from storage.read_models.read_models import as_of_dates, book_names
from ui.board.toolbar import as_of_control, books_control, status_control
from ui.board.view_state import LATEST, mirrored_view, view_state
from ui.explore.columns_help import columns_help
from ui.explore.saved_views import view_menu
from ui.explore.starters import STARTERS, starter_of
from ui.explore.state import current_content, explored, follow_address, start_with, take_pivot
from ui.identity.current_user import current_user
from ui.links.trade_links import go_to_trade
from ui.page.plain_words import plain
from ui.page.store import store
from ui.page.tab_title import tab_title

_LEAST_HEIGHT = 620


def open_trade(trade_id: str) -> None:
    """Go to a trade's page at the end of this run."""
    st.session_state["trade_to_open"] = trade_id


if "trade_to_open" in st.session_state:
    go_to_trade(st.session_state.pop("trade_to_open"))

user = current_user()
mirrored_view()
shown = explored(user)
state = view_state()
with store().read() as connection:
    dates, books = as_of_dates(connection), book_names(connection)
with st.container(key="explore_bar", horizontal=True, vertical_alignment="center"):
    view_column = st.container(key="view_column", width="content")
    start = st.menu_button("Start with", list(STARTERS), key="starters")
    as_of_control(dates)
    status_control()
    books_control(books)
    columns_help()
if start:
    start_with(start)
    st.rerun()
with view_column:
    content, too_much = current_content(shown)
    if content is None:
        st.caption(plain(too_much))
    elif view_menu(user, content, shown.opened) is not None:
        follow_address()
        st.rerun()
title = shown.opened.name if shown.opened else starter_of(shown.pivot)
tab_title(title, "Explore")
if shown.problem:
    st.warning(plain(shown.problem), icon=":material/link_off:")
explore_panel(
    key="explore",
    height=_LEAST_HEIGHT,
    fills_window=True,
    as_of=state.as_of.isoformat() if state.as_of else LATEST,
    statuses=state.statuses,
    books=state.books,
    pivot=shown.pivot,
    title=title or "Explore",
    editable=True,
    on_pivot_change=take_pivot,
    on_trade=open_trade,
)
