"""Which saved view is open, as it was when it was opened: who saves it then is told what others saved meanwhile."""

import streamlit as st

from services.access.permissions import User
from services.views.saved_views import ViewContent, view_content
from storage.people.saved_views import SavedView
from ui.page.outcomes import keep_outcome

IN_ADDRESS = "view"
OUTCOME = "view_outcome"
"""The key of what came of the last change of a view."""
_OPENED, _ASKED = "opened_view", "view_asked"


def seen_view(user: User, opened: SavedView | None, current: ViewContent) -> SavedView | None:
    """The open view as this person last read or saved it. opened: as the page knows it, perhaps read anew."""
    if opened is None:
        st.session_state.pop(_OPENED, None)
        return None
    who, kept = st.session_state.get(_OPENED, ("", opened))
    if (who, kept.view_id) != (user.name, opened.view_id) or shows(opened, current):
        _keep(user, opened)
        return opened
    seen: SavedView = kept
    return seen


def is_open(view: SavedView) -> bool:
    """Whether this view is open in this session, by what people did and not by what the address says."""
    _, kept = st.session_state.get(_OPENED, ("", None))
    return kept is not None and kept.view_id == view.view_id


def shows(view: SavedView, current: ViewContent) -> bool:
    """Whether what is shown is what the view has."""
    return view_content(view.content) == current


def now_open(user: User, view: SavedView) -> None:
    """From now on this view is open, as it is here; the address names it."""
    _keep(user, view)
    st.query_params[IN_ADDRESS] = view.view_id


def none_open() -> None:
    """From now on no saved view is open; what is shown stays."""
    st.session_state.pop(_OPENED, None)
    st.query_params.pop(IN_ADDRESS, None)


def ask_for(view_id: str) -> None:
    """Have a view opened at the next run of Explore, which asks first where changes are not saved."""
    st.session_state[_ASKED] = view_id


def is_asked_for() -> bool:
    """Whether a view waits to be opened."""
    return _ASKED in st.session_state


def take_asked_for() -> str | None:
    """The id of the view that waits to be opened; it waits no more."""
    asked: str | None = st.session_state.pop(_ASKED, None)
    return asked


def say(done: bool, words: str) -> None:
    """Tell at the next run of the page what came of something."""
    keep_outcome(OUTCOME, done, words)


def _keep(user: User, view: SavedView) -> None:
    st.session_state[_OPENED] = (user.name, view)
