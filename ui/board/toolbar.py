"""The controls above the board: the as-of date, the filters, and the replay."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import streamlit as st

from services.access.permissions import NotAllowed, Permission, User, why_not
from services.writes.control_feed import UnknownFeed, pause_feed, restart_feed, resume_feed, set_feed_speed
from storage.book.trade_statuses import read_statuses
from storage.connection.settings import settings
from storage.feeds.feeds import REPLAY, Feed, FeedState
from ui.board.view_state import LATEST, change_view, shown_by_default, view_state
from ui.identity.current_user import current_user
from ui.page.errors import or_away
from ui.page.number_text import count_text, regrouped_text
from ui.page.plain_words import plain
from ui.page.store import store

_STATUSES_SECONDS = 3.0
_SPEEDS: dict[str, float | None] = {"1×": 1, "10×": 10, "100×": 100, "500×": 500, "max": None}


def as_of_control(dates: list[date]) -> None:
    """Follow the newest as-of date, or look at an earlier one."""
    chosen = view_state().as_of
    shown = chosen.isoformat() if chosen else LATEST
    with st.popover(f"As of: {shown}", key="as_of_popover"):
        options = [LATEST, *(day.isoformat() for day in dates)]
        picked = st.radio(
            "As-of date",
            options,
            index=options.index(shown) if shown in options else 0,
            help="The latest follows the feed; an earlier day shows its close.",
        )
        if picked != shown and picked is not None:
            change_view(as_of=None if picked == LATEST else date.fromisoformat(picked))
            st.rerun()


def status_control() -> None:
    """Which trade statuses count."""
    state = view_state()
    with store().read() as connection:
        statuses = [defined.status for defined in read_statuses(connection)]
    label = "all" if len(state.statuses) == len(statuses) else ", ".join(state.statuses)
    with st.popover(plain(f"Status: {label}"), key="status_popover"):
        picked = st.pills(
            "Trade status",
            statuses,
            selection_mode="multi",
            format_func=plain,
            default=[status for status in state.statuses if status in statuses],
            help="A terminated trade has no more risk. None chosen: the statuses that are shown by default.",
        )
        if set(picked) != set(state.statuses) and (picked or set(state.statuses) != set(shown_by_default())):
            change_view(statuses=tuple(picked))
            st.rerun()
    _follow_statuses(shown_by_default())


@st.fragment(run_every=_STATUSES_SECONDS)
@or_away
def _follow_statuses(drawn: tuple[str, ...]) -> None:
    """Draw the page anew when an admin has changed what is shown by default."""
    if shown_by_default() != drawn:
        st.rerun()


def books_control(books: list[str]) -> None:
    """Which books count; none chosen: all."""
    state = view_state()
    label = (
        "All books"
        if not state.books
        else f"{count_text(len(state.books))} books"
        if state.books[1:]
        else state.books[0]
    )
    with st.popover(plain(label), key="books_popover"):
        picked = st.multiselect("Books", books, default=[b for b in state.books if b in books], placeholder="All books")
        if tuple(picked) != state.books:
            change_view(books=tuple(picked))
            st.rerun()


def replay_control(feed: Feed | None) -> None:
    """Pause, resume, speed up or restart the replay, for whoever may: it is the same for everyone."""
    alive = feed is not None and feed.alive(datetime.now(UTC), settings().sidecar_silence_seconds)
    with st.popover(f"Replay: {_replay_label(feed, alive)}", key="replay_popover"):
        if feed is None or not alive:
            st.info("No sidecar plays the replay. Start one: `python -m ingestion replay FILE`.")
            return
        st.caption(plain(f"{regrouped_text(feed.detail)}, {feed.state}"))
        user = current_user()
        may = user.may(Permission.STEER)
        if not may:
            st.info(why_not(Permission.STEER), icon=":material/lock:")
        with st.container(horizontal=True):
            paused = feed.wanted_state == FeedState.PAUSED
            over = feed.state == FeedState.ENDED
            if st.button("Resume" if paused else "Pause", disabled=over or not may, key="replay_pause"):
                _steer(lambda: (resume_feed if paused else pause_feed)(store(), user, REPLAY))
            if st.button(
                "Restart replay for everyone…",
                key="replay_restart",
                type="primary" if over else "secondary",
                disabled=not may,
                help="Takes the replayed days off the store and plays them from the first tick.",
            ):
                _confirm_restart(user)
        label = next((name for name, speed in _SPEEDS.items() if speed == feed.wanted_speed), None)
        picked = st.segmented_control("Speed", list(_SPEEDS), default=label, key="replay_speed", disabled=not may)
        if picked is not None and picked != label:
            _steer(lambda: set_feed_speed(store(), user, REPLAY, _SPEEDS[picked]))


@st.dialog("Restart replay for everyone?", icon=":material/restart_alt:")
def _confirm_restart(user: User) -> None:
    """Ask once more before days are taken off everybody's board."""
    st.markdown(
        "The replayed days are removed from the store, with their quotes, values and history, and played from the "
        "first tick: for everyone who looks at the board. Trades and static data stay."
    )
    with st.container(horizontal=True):
        if st.button("Restart for everyone", type="primary", key="replay_restart_confirm"):
            _steer(lambda: restart_feed(store(), user, REPLAY))
        if st.button("Cancel", key="replay_restart_cancel"):
            st.rerun()


def _steer(act: Callable[[], None]) -> None:
    """Do it and draw the page anew; say why where it is refused."""
    try:
        act()
    except (NotAllowed, UnknownFeed) as refused:
        st.error(plain(str(refused)), icon=":material/error:")
    else:
        st.rerun()


def _replay_label(feed: Feed | None, alive: bool) -> str:
    if feed is None or not alive:
        return "not running"
    if feed.state == FeedState.ENDED:
        return "over"
    if feed.wanted_state == FeedState.PAUSED:
        return "paused"
    return "max" if feed.wanted_speed is None else f"{feed.wanted_speed:g}×"
