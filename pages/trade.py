"""One trade: what it is, what it is worth and why, where it came from, who changed it, and how its day went.

The numbers follow the store every few seconds where the newest date is looked at.
"""

from datetime import date

import streamlit as st

from services.exports.export_kinds import TradeAsked
from services.queries.trade_detail import TradeDetail, read_trade_detail
from storage.core.storable_text import LONGEST_ASKED, storable
from storage.read_models.one_trade import nearest_ids
from ui.links.export_menu import export_menu
from ui.links.trade_links import TRADE_ID, open_all_trades, open_trade
from ui.page.errors import or_away
from ui.page.plain_words import plain
from ui.page.store import store
from ui.page.tab_title import tab_title
from ui.trades.chart import day_of_trade
from ui.trades.sections import how_it_is_priced, measures, other_values, tags, versions, what_it_is

_LOOK_SECONDS = 3.0
_LATEST = "Latest"
_FIND = "find_trade"


def find() -> None:
    """Go to what was typed."""
    st.query_params[TRADE_ID] = st.session_state[_FIND].strip()


def read(trade_id: str, day: date | None) -> TradeDetail | None:
    """The detail as the store has it at this moment."""
    with store().read() as connection:
        return read_trade_detail(connection, trade_id, day)


def unknown(trade_id: str) -> None:
    """Say that there is no such trade, and which are like it."""
    with store().read() as connection:
        near = nearest_ids(connection, trade_id)
    if trade_id:
        st.warning(plain(f"There is no trade {trade_id}."), icon=":material/search_off:")
    if near:
        st.caption("Trades with ids like it:" if trade_id else "Type the id of a trade, or open one of these:")
        with st.container(horizontal=True):
            for each in near:
                open_trade(each, each)
    else:
        st.info("There are no trades yet.")
    open_all_trades()


@st.fragment(run_every=_LOOK_SECONDS)
@or_away
def everything(trade_id: str, day: date | None) -> None:
    """All sections, drawn anew every few seconds: what did not change stays as it is."""
    detail = read(trade_id, day)
    if detail is None:
        unknown(trade_id)
        return
    with st.container(key="beside_terms"):
        left, right = st.columns([0.66, 0.34], gap="medium")
    with left:
        measures(detail)
        other_values(detail)
        if detail.as_of is not None:
            day_of_trade(detail, detail.as_of)
    with right:
        what_it_is(detail)
        how_it_is_priced(detail)
    versions(detail)
    tags(detail)


asked = storable(st.query_params.get(TRADE_ID, ""))[:LONGEST_ASKED].strip()
found = read(asked, None) if asked else None
tab_title(asked, "Trade")
st.subheader(plain(f"Trade {asked} · {found.contract}") if found else "Trade", anchor=False)
st.session_state[_FIND] = asked
with st.container(key="filters_trade", horizontal=True, vertical_alignment="bottom"):
    st.text_input("Trade id", key=_FIND, on_change=find, width=200, max_chars=200)
    chosen = None
    if found is not None:
        dates = [_LATEST, *map(str, found.dates)]
        named = st.selectbox("As of", dates, key="day", bind="query-params", width=150)
        chosen = None if named == _LATEST else date.fromisoformat(str(named))
        open_all_trades()
        export_menu(TradeAsked(asked, chosen), "trade")
if found is None:
    unknown(asked)
else:
    with st.container(key="follows_trade"):
        everything(asked, chosen)
