"""Trades: search and select them, set their status with a reason, and undo it."""

import streamlit as st

from ui.identity.current_user import current_user
from ui.page.outcomes import show_outcome
from ui.trades.filters import read_words, trade_filters
from ui.trades.table import listed_trades, propose_expired, trade_table
from ui.trades.tag_form import OUTCOME, decide_conflicts, tag_form

st.subheader("Trades", anchor=False)
user = current_user()
show_outcome(OUTCOME)
decide_conflicts(user)
words = read_words()
listed = listed_trades(*trade_filters(words), words)
propose_expired(words)
with st.container(key="beside_list"):
    table, form = st.columns([0.74, 0.26], gap="small")
with table:
    selected = trade_table(listed)
with form:
    tag_form(user, selected, words.statuses)
