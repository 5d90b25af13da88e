"""The few styles that Streamlit's theme does not reach."""

import streamlit as st

from live.components.panels import ASSETS_FOLDER, PAGE_STYLE

_STYLE = f"<style>\n{(ASSETS_FOLDER / PAGE_STYLE).read_text(encoding='utf-8')}</style>"


def apply_page_style() -> None:
    """Put the styles into the page: that of a visitor whom the gate has not let pass has no other way to them.

    A table's own download is hidden: a text in it may be a formula. The export menu gives files without any.
    """
    st.html(_STYLE)
