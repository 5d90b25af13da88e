"""What the board does not include, and why: trades without a value, and what the feeds brought that was not taken."""

from functools import partial

import streamlit as st

from engine.measures import camel_case
from services.export_worker import as_given
from storage.quotes import newest_as_of
from storage.read_models import as_of_dates, rejections_frame
from ui.export_menu import export_menu
from ui.not_included import messages_set_aside, refused_files, trades_without_value
from ui.number_text import count_text
from ui.store import store
from ui.trade_links import link_column, trade_addresses
from ui.view_state import mirrored_view

_UTC = "YYYY-MM-DD HH:mm:ss"
_TIMES = {
    "Received": st.column_config.DatetimeColumn("Received (UTC)", format=_UTC),
    "ReceivedAt": st.column_config.DatetimeColumn("Received (UTC)", format=_UTC),
    "When": st.column_config.DatetimeColumn("When (UTC)", format=_UTC),
}

st.subheader("Not included")
with store().read() as connection:
    as_of = mirrored_view().as_of or newest_as_of(connection) or next(iter(as_of_dates(connection)), None)
    without = trades_without_value(connection, as_of) if as_of else None
    letters = messages_set_aside(connection)
    files = refused_files(connection)
    rejections = rejections_frame(connection)

if without is None:
    st.info("There are no quotes yet, so nothing is priced. Load a quotes file or start a feed.")
elif without.empty:
    st.success(f"Every trade has a value as of {as_of}.")
else:
    listed = without.rename(columns=camel_case)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{count_text(len(without))} trades have no value as of {as_of}. They are in no total of the board.")
        export_menu(partial(as_given, frame=listed), "Not included", "without", about={"As of": f"{as_of}"})
    st.dataframe(
        listed.assign(Open=trade_addresses(listed["TradeId"])),
        hide_index=True,
        width="stretch",
        alt="Trades without a value, with reasons",
        column_config={"Open": link_column()},
        column_order=["TradeId", "Open", *(name for name in listed.columns if name != "TradeId")],
    )

st.subheader("Messages set aside")
if letters.empty:
    st.caption("Every message of a feed was taken.")
else:
    st.caption(
        "These messages could not be taken; their feed has gone on. `python -m ingestion dead-letters show ID` shows "
        "one. When its cause is mended, `python -m ingestion dead-letters retry ID` takes it; with `--all` it takes "
        "all that wait. `python -m ingestion dead-letters list` has this list."
    )
    st.dataframe(
        letters, hide_index=True, width="stretch", column_config=_TIMES, alt="Messages set aside, with reasons"
    )

st.subheader("Files refused")
if files.empty:
    st.caption("No watched file was refused.")
else:
    st.caption("Nothing of these files was loaded. Correct a file and save it: it is read again.")
    st.dataframe(files, hide_index=True, width="stretch", column_config=_TIMES, alt="Files refused, with reasons")

st.subheader("Refused by the store")
if rejections.empty:
    st.caption("Nothing that a feed brought was refused.")
else:
    refused = rejections.rename(columns=camel_case)
    st.dataframe(refused, hide_index=True, width="stretch", column_config=_TIMES, alt="Refused rows")
