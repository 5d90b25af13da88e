"""What a viewer looks at, in one typed state that the address of the page mirrors."""

from dataclasses import dataclass, replace
from datetime import date

import streamlit as st

from engine.selection import TradeSelection
from live.components.panels import Selection
from storage.book.trade_statuses import read_statuses, shown_statuses
from storage.read_models.read_models import as_of_dates, book_names
from ui.page.page_opening import just_opened, went_back
from ui.page.plain_words import plain
from ui.page.store import store

_KEY = "view_state"
_LEVEL_SEPARATOR = "\x1f"
LATEST = "latest"


@dataclass(frozen=True, slots=True)
class ViewState:
    """as_of None: the newest date, following it. path and ticker: what is selected, one of them at most.

    statuses: those that count; where nobody chose any, those that are shown by default at this moment.
    """

    as_of: date | None = None
    statuses: tuple[str, ...] = ()
    books: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    ticker: str = ""

    @property
    def selection(self) -> Selection | None:
        """What is selected, in the panels' words."""
        if self.path:
            return {"path": list(self.path)}
        return {"ticker": self.ticker} if self.ticker else None

    @property
    def trades(self) -> TradeSelection:
        """The trades that are looked at."""
        return TradeSelection(self.statuses, self.books, self.path, self.ticker)


def view_state() -> ViewState:
    """The state of this session; at the first run, what the address says."""
    state = _chosen()
    return state if state.statuses else replace(state, statuses=shown_by_default())


def mirrored_view() -> ViewState:
    """The state, for a page that begins: its address says the same from now on.

    What a link asked for when the page was opened, and what the browser's back or forward leads to, goes before what
    the session had. Else the session goes before: at a mere change of page Streamlit empties the address.
    """
    asked, opened = _from_address(), just_opened()
    if went_back() or (opened and asked != ViewState()):
        st.session_state[_KEY] = known_part(asked)
    change_view()
    return view_state()


def known_part(asked: ViewState) -> ViewState:
    """The view without a date, statuses and books that the store does not have, and with one selection at most.

    Numbers of another day or of more books than somebody asked for must not be taken for theirs: the page says so.
    """
    with store().read() as connection:
        dates, books = as_of_dates(connection), book_names(connection)
        statuses = [defined.status for defined in read_statuses(connection)]
    said = []
    if asked.as_of is not None and asked.as_of not in dates:
        said.append(f"There is nothing of {asked.as_of}: the newest date is shown.")
    for what, wanted, there, default in (
        ("status", asked.statuses, statuses, "those that are shown by default are"),
        ("book", asked.books, books, "all books are"),
    ):
        missing = [name for name in wanted if name not in there]
        if missing:
            rest = "the others are" if len(missing) < len(wanted) else default
            said.append(f"There is no {what} {', '.join(missing)}: {rest} shown.")
    if said:
        st.toast(plain(" ".join(said)), icon=":material/link_off:", duration="infinite")
    return replace(
        asked,
        as_of=asked.as_of if asked.as_of in dates else None,
        statuses=tuple(name for name in asked.statuses if name in statuses),
        books=tuple(name for name in asked.books if name in books),
        ticker="" if asked.path else asked.ticker,
    )


def chosen_statuses() -> tuple[str, ...]:
    """The statuses that somebody chose to count; empty where those count that are shown by default."""
    return _chosen().statuses


def change_view(**changes: object) -> None:
    """Change parts of the state, and the address with it."""
    state = replace(_chosen(), **changes)  # type: ignore[arg-type]
    if set(state.statuses) == set(shown_by_default()):
        state = replace(state, statuses=())  # a status that is defined later is then shown too
    st.session_state[_KEY] = state
    wanted = {
        "as_of": state.as_of.isoformat() if state.as_of else None,
        "status": list(state.statuses) or None,
        "book": list(state.books) or None,
        "path": _LEVEL_SEPARATOR.join(state.path) or None,
        "ticker": state.ticker or None,
    }
    for name, value in wanted.items():  # one by one: what else is in the address is not this view's
        if value is not None:
            if st.query_params.get_all(name) != ([value] if isinstance(value, str) else value):
                st.query_params[name] = value
        elif name in st.query_params:
            del st.query_params[name]


def shown_by_default() -> tuple[str, ...]:
    """The statuses that views show which do not choose any."""
    with store().read() as connection:
        return shown_statuses(connection)


def select(selection: Selection | None) -> None:
    """Take what a panel says is selected now."""
    chosen = selection or {}
    change_view(path=tuple(chosen.get("path", ())), ticker=chosen.get("ticker", ""))


def _chosen() -> ViewState:
    """What was chosen in this session or in its address."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = _from_address()
    state: ViewState = st.session_state[_KEY]
    return state


def _from_address() -> ViewState:
    query = st.query_params
    try:
        as_of = date.fromisoformat(query["as_of"]) if "as_of" in query else None
    except ValueError:
        as_of = None
    path = query.get("path", "")
    return ViewState(
        as_of,
        tuple(query.get_all("status")),
        tuple(query.get_all("book")),
        tuple(path.split(_LEVEL_SEPARATOR)) if path else (),
        query.get("ticker", ""),
    )
