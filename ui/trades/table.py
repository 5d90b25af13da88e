"""The list of trades that a page shows, as it was read at one moment, and which of them are selected.

What somebody selects and tags is what they saw: the list is not read again under their hands. When the store has
changed meanwhile and nothing is selected, it is read again by itself; else the page says so. The store filters, orders
and pages it: a session keeps the rows of one page, however large the book is.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from services.tagging.trade_selection import MatchingTrades, NamedTrades, Selection
from storage.read_models.trade_list import TradeFilter, TradePage, count_trades, list_trades
from ui.links.export_menu import export_menu
from ui.links.trade_links import link_column, open_trade, trade_addresses
from ui.page.errors import or_away
from ui.page.number_text import count_text, how_many_text
from ui.page.page_files import PAGES
from ui.page.plain_words import plain
from ui.page.store import store
from ui.page.table_size import ROW_PIXELS, table_height
from ui.trades.filters import TITLES, TradeWords, choose_past_maturity, clear_filters

PAGE_ROWS = 500
_LISTED, _ANEW, _ALL_NEXT, _PAGE_NEXT = "listed_trades", "list_anew", "all_that_will_match", "next_page"
_LOOK_SECONDS = 3.0
_MOST_PIXELS = 640


@dataclass(frozen=True, slots=True)
class ListedTrades:
    """chosen: what was asked for; meant: the same with the statuses that are shown where none was chosen. page: of
    the list, frame: its rows. count: of all that match. every: all that match are selected. number: of the reading."""

    chosen: TradeFilter
    meant: TradeFilter
    page: TradePage
    frame: pd.DataFrame
    count: int
    every: bool
    static_revision: int
    read_at: datetime
    number: int

    @property
    def key(self) -> str:
        """Of the table: another one for each reading, so that a click on an old row selects no new one."""
        return f"trades_{self.number}"

    @property
    def last_page(self) -> int:
        return max(self.count - 1, 0) // self.page.size


def listed_trades(chosen: TradeFilter, order: tuple[str, bool], words: TradeWords) -> ListedTrades:
    """The trades that pass, as they were when they were first asked for, or asked for anew. order: a column and
    whether the last comes first."""
    known: ListedTrades | None = st.session_state.get(_LISTED)
    is_same = known is not None and (known.chosen, known.page.order, known.page.descending) == (chosen, *order)
    if known is None or not is_same or st.session_state.pop(_ANEW, False):
        number = 0 if known is None else known.number + 1
        meant = replace(chosen, statuses=chosen.statuses or words.shown)
        wanted = int(st.session_state.pop(_PAGE_NEXT, 0 if known is None or not is_same else known.page.number))
        with store().read() as connection:
            count = count_trades(connection, meant)
            page = TradePage(PAGE_ROWS, min(wanted, max(count - 1, 0) // PAGE_ROWS), *order)
            known = ListedTrades(
                chosen,
                meant,
                page,
                list_trades(connection, meant, words.as_of, page),
                count,
                bool(st.session_state.pop(_ALL_NEXT, False)),
                store().revisions(connection).static_revision,
                datetime.now(UTC),
                number,
            )
        st.session_state[_LISTED] = known
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


def trade_table(listed: ListedTrades) -> Selection:
    """The list; returns what is selected in it."""
    if not listed.count:
        _no_match(listed)
        _follow(listed, selected=False)
        return NamedTrades({})
    rows_here = range(len(listed.frame))
    bar = st.container(key="selection", horizontal=True, vertical_alignment="center")
    picked = st.dataframe(
        _with_links(listed.frame),
        key=listed.key,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": list(rows_here) if listed.every else []}},
        hide_index=True,
        height=table_height(len(listed.frame), _MOST_PIXELS),
        row_height=ROW_PIXELS,
        placeholder="",
        column_config={
            "Maturity": st.column_config.DateColumn(format="YYYY-MM-DD"),
            "Quantity": st.column_config.NumberColumn(
                format="localized", help="Contracts, or shares of a stock position; short is negative."
            ),
            "Open": link_column(),
        },
        alt="The trades that match",
    )
    rows = picked["selection"]["rows"]
    every = listed.every and len(rows) == len(rows_here)  # whoever unticks a row means those that are ticked
    shown = listed.frame.iloc[rows]
    selection: Selection = NamedTrades(dict(zip(shown["trade_id"], shown["trade_status"], strict=True)))
    if every:
        selection = MatchingTrades(listed.meant, listed.static_revision, listed.count)
    with bar:
        st.caption(
            f"{count_text(listed.count)} match{_part(listed)} · "
            f"**{'all ' if every else ''}{count_text(selection.count)} selected**"
        )
        if selection.count:
            st.button("Clear", key="select_none", on_click=_select_all, args=(False,))
        if len(rows) == 1:
            open_trade(shown["trade_id"].iloc[0])
        export_menu(listed.meant, "trades")  # all that match, not only those that are listed
        if not every:
            st.button(f"Select all {count_text(listed.count)}", key="select_all", on_click=_select_all, args=(True,))
        if listed.last_page:
            _turn_pages(listed, every=every)
    _follow(listed, selected=bool(selection.count))
    return selection


def _no_match(listed: ListedTrades) -> None:
    with st.container(border=True, height=300, vertical_alignment="center", horizontal_alignment="center"):
        if listed.chosen == TradeFilter():
            st.markdown(
                plain(f"There are no trades with the status {', '.join(listed.meant.statuses)}."), width="content"
            )
            st.page_link(PAGES / "upload.py", label="Upload trades", icon=":material/upload_file:")
        else:
            st.markdown("No trade matches the filters.", width="content")
            st.button("Clear the filters", key="clear_filters", on_click=clear_filters)


def _part(listed: ListedTrades) -> str:
    """Which part of all is listed, where it is not all."""
    if not listed.last_page:
        return ""
    first = listed.page.number * listed.page.size
    return f", {count_text(first + 1)} to {count_text(first + len(listed.frame))} are listed"


def _turn_pages(listed: ListedTrades, *, every: bool) -> None:
    """To the pages before and after. Where all that match are selected they stay so."""
    number = listed.page.number
    for label, icon, there, is_end in (
        ("Previous page", ":material/chevron_left:", number - 1, number == 0),
        ("Next page", ":material/chevron_right:", number + 1, number == listed.last_page),
    ):
        st.button(label, icon=icon, key=f"page_{label[:4]}", on_click=_turn, args=(there, every), disabled=is_end)


def _turn(number: int, every: bool) -> None:
    list_again()
    st.session_state[_PAGE_NEXT], st.session_state[_ALL_NEXT] = number, every


def _with_links(frame: pd.DataFrame) -> pd.DataFrame:
    """The list under its titles, with the address of each trade's page behind its id."""
    titled = frame.rename(columns=TITLES)
    titled["Maturity"] = pd.to_datetime(titled["Maturity"], errors="coerce")  # shares have none, and their cells none
    titled["Past maturity"] = titled["Past maturity"].map({True: "Yes", False: ""})
    titled.insert(1, "Open", trade_addresses(frame["trade_id"]))
    return titled


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
