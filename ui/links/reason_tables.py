"""Tables that say why: what is not included, was refused or is questioned, with links to trades."""

import pandas as pd
import streamlit as st

from ui.links.trade_links import link_column
from ui.page.table_size import ROW_PIXELS, table_height

_UTC = "YYYY-MM-DD HH:mm:ss"
_TIMES = {
    "Received": st.column_config.DatetimeColumn("Received (UTC)", format=_UTC),
    "When": st.column_config.DatetimeColumn("When (UTC)", format=_UTC),
}
_TITLES = {"trade_id": "Trade", "received_at": "Received", "column_name": "Column"}


def table(frame: pd.DataFrame, alt: str, most: int = 420) -> None:
    """A table of the page, at most so many pixels high."""
    st.dataframe(
        frame,
        hide_index=True,
        width="stretch",
        height=table_height(len(frame), most),
        row_height=ROW_PIXELS,
        placeholder="",
        column_config={"Open": link_column(), **_TIMES},
        alt=alt,
    )


def title(name: str) -> str:
    """How a column of the store is called on the page."""
    return _TITLES.get(name, name.replace("_", " ").capitalize())


def listed(heading: str, frame: pd.DataFrame, none: str, some: str) -> None:
    """A part of the page that is there without rows, too: its heading, what it says, and its table."""
    st.subheader(heading, anchor=False)
    st.caption(none if frame.empty else some)
    if not frame.empty:
        table(frame, f"{heading}, with reasons")
