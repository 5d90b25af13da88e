"""What every page shares: its settings, the navigation by what people do, and the few styles the theme cannot set."""

from pathlib import Path

import streamlit as st

from ui.page_style import apply_page_style
from ui.who import choose_identity

_SIDEBAR_PIXELS = 184
_PAGES = Path(__file__).resolve().parent.parent / "pages"

st.set_page_config(
    page_title="Deltaboard",
    page_icon="📈",
    layout="wide",
    initial_sidebar_state=_SIDEBAR_PIXELS,
    menu_items={"About": "Deltaboard, a live risk board for an equity-options book."},
)
apply_page_style()
page = st.navigation(
    {
        "": [
            st.Page(_PAGES / "risk_board.py", title="Risk board", default=True),
            st.Page(_PAGES / "trades.py", title="Trades"),
        ],
        "Data": [
            st.Page(_PAGES / "upload.py", title="Upload"),
            st.Page(_PAGES / "not_included.py", title="Not included", url_path="not-included"),
        ],
        "Control": [
            st.Page(_PAGES / "audit.py", title="Audit"),
            st.Page(_PAGES / "people.py", title="People"),
        ],
    }
)
if choose_identity():
    page.run()
