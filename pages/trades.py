"""Trades: search and select them, set their status with a reason, and undo it."""

import streamlit as st

from ui.tag_form import decide_conflicts, tag_form, what_was_done
from ui.trade_filters import read_words, trade_filters
from ui.trade_table import listed_trades, propose_expired, trade_table
from ui.who import current_user

st.subheader("Trades", anchor=False)
user = current_user()
what_was_done()
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
