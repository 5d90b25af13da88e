"""What every page shares: its settings, the navigation by what people do, and the few styles the theme cannot set."""

import streamlit as st

from storage.connection.faults import StoreFault
from ui.explore.my_views import my_views
from ui.identity.current_user import choose_identity, current_user, is_known
from ui.page.errors import store_is_away
from ui.page.page_files import EXPLORE_PAGE, FIRST_PAGE, PAGES, page_address
from ui.page.page_opening import note_page
from ui.page.page_style import apply_page_style
from ui.page.tab_title import tab_title

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
                st.Page(FIRST_PAGE, title="Risk board", default=True),
                st.Page(PAGES / "start.py", title="Start"),
                st.Page(EXPLORE_PAGE, title="Explore"),
                st.Page(PAGES / "trades.py", title="Trades"),
                st.Page(PAGES / "trade.py", title="Trade", visibility="hidden"),
            ],
            "Data": [
                st.Page(PAGES / "upload.py", title="Upload"),
                st.Page(
                    PAGES / "not_included.py", title="Not included", url_path=page_address(PAGES / "not_included.py")
                ),
            ],
            "Control": [
                st.Page(PAGES / "audit.py", title="Audit"),
                st.Page(PAGES / "people.py", title="People"),
            ],
        },
        position="sidebar" if is_known() else "hidden",
    )
    above_identity = st.sidebar.container(key="my_views", gap=None)
    if not choose_identity():
        st.stop()  # with a run that ends by itself Streamlit takes the filters that are not drawn out of the address
    with above_identity:
        my_views(current_user(), page.url_path)
    note_page(page.url_path)
    tab_title(page.title)
    page.run()


try:
    show_page()
except StoreFault as away:
    store_is_away(away)
