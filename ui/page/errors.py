"""What a page shows when something went wrong: what happened, and what to do. The whole story is in the log."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st
import structlog

from storage.connection.faults import REMEDIES, Fault, StoreFault, StoreUnavailable, in_words
from ui.page.store import store

_LOOK_SECONDS = 2.0
_Given = ParamSpec("_Given")

log = structlog.get_logger("web")


def store_is_away(error: StoreFault) -> None:
    """Say what is wrong with the database, and show the page again when it is over."""
    log.error("page_failed", error=in_words(error))
    _say(error)
    _look_again()


@st.fragment(run_every=_LOOK_SECONDS)
def _look_again() -> None:
    try:
        with store().read() as connection:
            store().revisions(connection)
    except StoreFault:
        return
    st.rerun()


def or_away(draw: Callable[_Given, None]) -> Callable[_Given, None]:
    """For a part of a page that is drawn again and again: while the store is away it says so, and then goes on."""

    @wraps(draw)
    def guarded(*given: _Given.args, **named: _Given.kwargs) -> None:
        try:
            draw(*given, **named)
        except StoreUnavailable as error:
            log.warning("page_part_waits", error=in_words(error))
            _say(error)

    return guarded


def _say(error: StoreFault) -> None:
    what, how = REMEDIES[error.fault]
    comes_back = "" if error.fault == Fault.CORRUPT else " This page comes back by itself after that."
    st.error(
        f"{what} How to fix: {how}{comes_back} If you do not run Deltaboard yourself, tell whoever does.",
        title="Store unreachable" if error.fault == Fault.UNREACHABLE else "Store fault",
        icon=":material/database_off:",
    )


def show_script_error(error: Exception) -> bool:
    """Show an error of a page to its user; True: Streamlit need not show its own."""
    if isinstance(error, StoreFault):  # in a part of a page that is drawn anew by itself
        log.error("page_part_failed", error=in_words(error))
        _say(error)
    else:
        log.error("page_failed", exc_info=error)
        st.error(
            "This page could not be shown. Reload it; if it happens again, tell whoever runs Deltaboard: the log says "
            "more.",
            title="Something went wrong",
            icon=":material/error:",
        )
    return True
