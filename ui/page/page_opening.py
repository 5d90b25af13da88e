"""How one came to a page: whether its address, or what the session has, has the last word about its filters.

Filters that are bound to the address by Streamlit (``bind="query-params"``) need nothing of this: Streamlit keeps their
values at a change of page and puts them back into the address. Written into the session by hand, they would not be.
"""

import streamlit as st

from live.components.streamlit_internals import came_by_history

_PAGE, _JUST_OPENED = "page", "page_just_opened"


def note_page(name: str) -> None:
    """To be called before a page runs."""
    if st.session_state.get(_PAGE) != name:
        st.session_state[_PAGE] = name
        st.session_state[_JUST_OPENED] = True


def just_opened() -> bool:
    """Whether the page was opened and nobody has asked this yet: its address is what somebody asked for."""
    return bool(st.session_state.pop(_JUST_OPENED, False))


def went_back() -> bool:
    """Whether the browser's back or forward led here: the address is then what was seen, even where it says nothing."""
    return came_by_history()
