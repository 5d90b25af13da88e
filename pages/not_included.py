"""What the board does not include, and why: trades without a value, and what the feeds brought that was not taken."""

import pandas as pd
import streamlit as st

from services.exports.export_kinds import WithoutValueAsked
from services.pricing.fallback_parameters import DEFAULTS_IN_WORDS, fallback_parameters_table
from services.queries.without_value import trades_without_value
from storage.market.quotes import newest_as_of
from storage.read_models.read_models import as_of_dates, rejections_frame
from ui.board.not_included import messages_set_aside, refused_files
from ui.board.toolbar import as_of_control
from ui.board.view_state import mirrored_view
from ui.links.export_menu import export_menu
from ui.links.trade_links import link_column, trade_addresses
from ui.page.number_text import how_many_text
from ui.page.store import store
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


asked = mirrored_view().as_of
with store().read() as connection:
    dates = as_of_dates(connection)
    as_of = asked or newest_as_of(connection) or next(iter(dates), None)
    without = trades_without_value(connection, as_of) if as_of else None
    by_default = fallback_parameters_table(connection, as_of) if as_of else None
    letters = messages_set_aside(connection)
    files = refused_files(connection)
    rejections = rejections_frame(connection)

with st.container(horizontal=True, vertical_alignment="center"):
    st.subheader("Not included", anchor=False, width="content")
    if dates:
        as_of_control(dates)
if as_of is None or without is None:
    st.info("There are no quotes yet, so nothing is priced. Upload quotes or start a feed.")
elif without.empty:
    st.success(f"Every trade has a value as of {as_of}.")
else:
    with st.container(horizontal=True, vertical_alignment="center"):
        some = how_many_text(len(without), "trade", "trades")
        they = "It is" if len(without) == 1 else "They are"
        st.caption(f"{some} could not be valued as of {as_of}. {they} excluded from all totals.")
        export_menu(WithoutValueAsked(as_of), "without")
    shown = without.rename(columns=title)
    shown.insert(1, "Open", trade_addresses(shown["Trade"]))
    table(shown, "Trades without a value, with reasons", 620)

if by_default is not None and not by_default.empty:
    st.subheader("Default parameters", anchor=False)
    some = how_many_text(len(by_default), "trade is", "trades are")
    st.caption(f"{some} priced with {DEFAULTS_IN_WORDS}, because the ticker had no parameters on {as_of}.")
    shown = by_default.rename(columns=title)
    shown.insert(1, "Open", trade_addresses(shown["Trade"]))
    table(shown, "Trades with default parameters, with how to fix it")

st.subheader("Messages set aside", anchor=False)
if letters.empty:
    st.caption("Every message of a feed was taken.")
else:
    st.caption(
        "These messages could not be taken; their feed has gone on. `python -m ingestion dead-letters show ID` shows "
        "one. When its cause is fixed, `python -m ingestion dead-letters retry ID` takes it; with `--all` it takes "
        "all that wait. `python -m ingestion dead-letters list` has this list."
    )
    table(letters, "Messages set aside, with reasons")

st.subheader("Files refused", anchor=False)
if files.empty:
    st.caption("No watched file was refused.")
else:
    st.caption("Nothing of these files was loaded. Correct a file and save it: it is read again.")
    table(files, "Files refused, with reasons")

st.subheader("Refused by the store", anchor=False)
if rejections.empty:
    st.caption("Nothing that a feed brought was refused.")
else:
    st.caption("These rows of feeds were not taken. Correct them where they come from, and send them again.")
    table(rejections.rename(columns=title), "Refused rows")
