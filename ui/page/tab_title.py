"""What the tab of the browser is called: what is open, then the page, then the board."""

import streamlit as st

_BOARD = "Deltaboard"


def tab_title(*parts: str) -> None:
    """Name the tab. parts: the most particular first; empty ones are left out."""
    st.set_page_config(page_title=" · ".join([*filter(None, parts), _BOARD]))
