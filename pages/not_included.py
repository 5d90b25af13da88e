"""What the board does not include, and why: trades without a value, and what the feeds refused."""

import streamlit as st

from engine.measures import camel_case
from storage.quotes import newest_as_of
from storage.read_models import failures_frame, rejections_frame
from ui.store import store
from ui.view_state import view_state

st.subheader("Not included")
with store().read() as connection:
    as_of = view_state().as_of or newest_as_of(connection)
    failures = failures_frame(connection, as_of) if as_of else None
    rejections = rejections_frame(connection)

if failures is None:
    st.info("There are no quotes yet, so nothing is priced. Load a quotes file or start a feed.")
elif failures.empty:
    st.success(f"Every trade has a value as of {as_of}.")
else:
    st.caption(f"{len(failures):,} trades have no value as of {as_of}. They are in no total of the board.")
    st.dataframe(
        failures.rename(columns=camel_case),
        hide_index=True,
        width="stretch",
        alt="Trades without a value, with reasons",
    )

st.subheader("Refused by the store")
if rejections.empty:
    st.caption("Nothing that a feed brought was refused.")
else:
    st.dataframe(rejections.rename(columns=camel_case), hide_index=True, width="stretch", alt="Refused rows")
