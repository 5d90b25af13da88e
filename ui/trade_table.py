"""The list of trades that a page shows, as it was read at one moment, and which of them are selected.

What somebody selects and tags is what they saw: the list is not read again under their hands. When the store has
changed meanwhile and nothing is selected, it is read again by itself; else the page says so.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from storage.trade_list import TradeFilter, list_trades, matching_trades
from ui.errors import or_away
from ui.export_menu import export_menu
from ui.number_text import count_text, how_many_text
from ui.page_files import PAGES
from ui.plain_words import plain
from ui.store import store
from ui.table_size import ROW_PIXELS, table_height
from ui.trade_filters import TradeWords, choose_past_maturity, clear_filters
from ui.trade_links import link_column, open_trade, trade_addresses

_LISTED, _ANEW, _ALL, _ALL_NEXT = "listed_trades", "list_anew", "all_that_match", "all_that_will_match"
_MOST_ROWS = 5_000
_LOOK_SECONDS = 3.0
_MOST_PIXELS = 640


@dataclass(frozen=True, slots=True)
class ListedTrades:
    """chosen: what was asked for; meant: the same with the statuses that are shown where none was chosen. frame: the
    first rows. matching: id -> status of all. number: of the reading."""

    chosen: TradeFilter
    meant: TradeFilter
    frame: pd.DataFrame
    matching: dict[str, str]
    static_revision: int
    read_at: datetime
    number: int

    @property
    def key(self) -> str:
        """Of the table: another one for each reading, so that a click on an old row selects no new one."""
        return f"trades_{self.number}"


def listed_trades(chosen: TradeFilter, words: TradeWords) -> ListedTrades:
    """The trades that pass, as they were when they were first asked for, or asked for anew."""
    known: ListedTrades | None = st.session_state.get(_LISTED)
    if known is None or known.chosen != chosen or st.session_state.pop(_ANEW, False):
        number = 0 if known is None else known.number + 1
        meant = replace(chosen, statuses=chosen.statuses or words.shown)
        with store().read() as connection:
            known = ListedTrades(
                chosen,
                meant,
                list_trades(connection, meant, words.as_of, _MOST_ROWS),
                matching_trades(connection, meant),
                store().revisions(connection).static_revision,
                datetime.now(UTC),
                number,
            )
        st.session_state[_LISTED] = known
        st.session_state[_ALL] = st.session_state.pop(_ALL_NEXT, False)
        st.session_state[_ANEW] = False
    return known


def list_again() -> None:
    """Read the list anew at the next run; nothing is selected then."""
    st.session_state[_ANEW] = True


def propose_expired(words: TradeWords) -> None:
    """Say how many trades are past maturity, and select them at a click: nobody tags them but a person."""
    if not words.past_maturity:
        return
    one = words.past_maturity == 1
    with st.container(key="proposal", horizontal=True, vertical_alignment="center"):
        st.caption(
            f":orange[:material/event_busy:] {how_many_text(words.past_maturity, 'trade is', 'trades are')} "
            f"past maturity as of {words.as_of} and not terminated."
        )
        st.button("Select it" if one else "Select them", key="select_expired", on_click=_select_expired)


def trade_table(listed: ListedTrades) -> dict[str, str]:
    """The list; returns what is selected in it, id -> status as it is shown."""
    count = len(listed.matching)
    if not count:
        with st.container(border=True, height=300, vertical_alignment="center", horizontal_alignment="center"):
            if listed.chosen == TradeFilter():
                st.markdown(
                    plain(f"There are no trades with the status {', '.join(listed.meant.statuses)}."), width="content"
                )
                st.page_link(PAGES / "upload.py", label="Upload trades", icon=":material/upload_file:")
            else:
                st.markdown("No trade matches the filters.", width="content")
                st.button("Clear the filters", key="clear_filters", on_click=clear_filters)
        _follow(listed, selected=False)
        return {}
    every = st.session_state.get(_ALL, False)
    bar = st.container(key="selection", horizontal=True, vertical_alignment="center")
    picked = st.dataframe(
        _with_links(listed.frame),
        key=listed.key,
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
        height=table_height(len(listed.frame), _MOST_PIXELS),
        row_height=ROW_PIXELS,
        column_config={
            "Maturity": st.column_config.DateColumn(format="YYYY-MM-DD"),
            "Quantity": st.column_config.NumberColumn(
                format="localized", help="Contracts, or shares of a stock position; short is negative."
            ),
            "Past maturity": st.column_config.CheckboxColumn(),
            "Open": link_column(),
        },
        alt="The trades that match",
    )
    rows = picked["selection"]["rows"]
    every = every and not rows  # whoever ticks single rows after all means those
    shown = listed.frame.iloc[rows]
    selected = dict(listed.matching) if every else dict(zip(shown["trade_id"], shown["trade_status"], strict=True))
    with bar:
        more = f", the first {count_text(_MOST_ROWS)} are listed" if count > _MOST_ROWS else ""
        st.caption(
            f"{count_text(count)} match{more} · **{'all ' if every else ''}{count_text(len(selected))} selected**"
        )
        if selected:
            st.button("Clear", key="select_none", on_click=_select_all, args=(False,))
        if len(selected) == 1:
            open_trade(next(iter(selected)))
        export_menu(listed.meant, "trades")  # all that match, not only those that are listed
        if not every:
            st.button(f"Select all {count_text(count)}", key="select_all", on_click=_select_all, args=(True,))
    _follow(listed, selected=bool(selected))
    return selected


def _with_links(frame: pd.DataFrame) -> pd.DataFrame:
    """The list under its titles, with the address of each trade's page behind its id."""
    titled = frame.rename(columns=_TITLES)
    titled.insert(1, "Open", trade_addresses(frame["trade_id"]))
    return titled


_TITLES = {
    "trade_id": "Trade",
    "contract": "Contract",
    "book": "Book",
    "quantity": "Quantity",
    "maturity": "Maturity",
    "past_maturity": "Past maturity",
    "trade_status": "Status",
    "source": "Last changed by",
}


@st.fragment(run_every=_LOOK_SECONDS)
@or_away
def _follow(listed: ListedTrades, *, selected: bool) -> None:
    """Look from time to time whether trades have changed since the list was read."""
    with store().read() as connection:
        if store().revisions(connection).static_revision == listed.static_revision:
            return
    if not selected:
        list_again()
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f":material/history: Trades have changed since this was read at {listed.read_at:%H:%M:%S} UTC.")
        if st.button("Read again", key="list_again", help="Your selection is cleared."):
            list_again()
            st.rerun()


def _select_all(every: bool) -> None:
    list_again()
    st.session_state[_ALL_NEXT] = every


def _select_expired() -> None:
    choose_past_maturity()
    list_again()
    st.session_state[_ALL_NEXT] = True
