"""What every page shares: its settings, the navigation by what people do, and the few styles the theme cannot set."""

import streamlit as st
from sqlalchemy.exc import DBAPIError

from ui.errors import store_is_away
from ui.page_files import PAGES
from ui.page_opening import note_page
from ui.page_style import apply_page_style
from ui.who import choose_identity, is_known

_SIDEBAR_PIXELS = 184

st.set_page_config(
    page_title="Deltaboard",
    page_icon="📈",
    layout="wide",
    initial_sidebar_state=_SIDEBAR_PIXELS,
    menu_items={"About": "Deltaboard, a live risk board for an equity-options book."},
)
apply_page_style()


def show_page() -> None:
    """The navigation, and the page that was chosen from it, for who may see it."""
    page = st.navigation(
        {
            "": [
                st.Page(PAGES / "risk_board.py", title="Risk board", default=True),
                st.Page(PAGES / "start.py", title="Start"),
                st.Page(PAGES / "explore.py", title="Explore"),
                st.Page(PAGES / "trades.py", title="Trades"),
                st.Page(PAGES / "trade.py", title="Trade", visibility="hidden"),
            ],
            "Data": [
                st.Page(PAGES / "upload.py", title="Upload"),
                st.Page(PAGES / "not_included.py", title="Not included", url_path="not-included"),
            ],
            "Control": [
                st.Page(PAGES / "audit.py", title="Audit"),
                st.Page(PAGES / "people.py", title="People"),
            ],
        },
        position="sidebar" if is_known() else "hidden",
    )
    if choose_identity():
        note_page(page.url_path)
        page.run()


try:
    show_page()
except DBAPIError as away:
    store_is_away(away)
