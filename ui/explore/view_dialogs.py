"""What is asked before a view is saved under a name, renamed or deleted, and the link to it."""

from enum import StrEnum
from urllib.parse import urlsplit, urlunsplit

import streamlit as st

from services.access.permissions import NotAllowed, User
from services.views.saved_views import (
    LONGEST_NAME,
    ViewConflict,
    ViewContent,
    ViewRefused,
    delete_view,
    rename_view,
    save_view,
    share_view,
)
from storage.people.saved_views import ListedView
from ui.explore.opened_view import IN_ADDRESS, none_open, now_open, say
from ui.page.plain_words import plain
from ui.page.store import store

_TAKEN, _ASKING = "view_name_taken", "view_dialog"
EXPLORE = "explore"
"""The address of the page that shows a view."""


class Dialog(StrEnum):
    """What can be asked."""

    SAVE_AS = "save as"
    RENAME = "rename"
    DELETE = "delete"
    LINK = "link"


def ask(user: User, what: Dialog, about: str) -> None:
    """Open a dialog, which stays while the page runs again. about: the id of the view; of SAVE_AS the name to begin
    with."""
    st.session_state.pop(_TAKEN, None)
    st.session_state[_ASKING] = (user.name, what, about)


def open_dialog(user: User, current: ViewContent, there: ListedView | None) -> None:
    """Draw the dialog that is open, if one is. there: the view that is open."""
    who, what, about = st.session_state.get(_ASKING, ("", None, ""))
    if who != user.name:
        _closed()
    elif what is Dialog.SAVE_AS:
        _save_as(user, current, about)
    elif there is None or there.view_id != about:
        _closed()
    elif what is Dialog.RENAME:
        _rename(user, there)
    elif what is Dialog.DELETE:
        _delete(user, there)
    else:
        _link(there)


def _closed() -> None:
    st.session_state.pop(_ASKING, None)


def _done(words: str) -> None:
    """Close the dialog, and say what came of it at the next run."""
    _closed()
    say(True, words)
    st.rerun()


@st.dialog("Save this view", icon=":material/save:", on_dismiss=_closed)
def _save_as(user: User, current: ViewContent, name: str) -> None:
    with st.form("view_save_as", border=False):
        said = st.text_input("Name", value=name, max_chars=LONGEST_NAME, key="view_name")
        shared = st.checkbox(
            "Share with everyone", key="view_share", help="Others can open and copy it, not change it."
        )
        if st.form_submit_button("Save", type="primary"):
            st.session_state.pop(_TAKEN, None)
            _save(user, said or "", current, shared)
    taken: ViewConflict | None = st.session_state.get(_TAKEN)
    if taken is not None:
        st.warning(plain(str(taken)), icon=":material/content_copy:")
        if st.button(f"Replace '{plain(taken.view.name)}'", key="view_replace"):
            _save(user, taken.view.name, current, shared, taken.view.version)


def _save(user: User, name: str, current: ViewContent, shared: bool, replace: int | None = None) -> None:
    try:
        view = save_view(store(), user, name, current, replace=replace)
        if shared:
            view = share_view(store(), user, view.view_id, True)
    except ViewConflict as taken:
        st.session_state[_TAKEN] = taken
        return
    except (ViewRefused, NotAllowed) as refused:
        st.error(plain(str(refused)))
        return
    now_open(user, view)
    _done(f"Saved as '{view.name}'{', shared with everyone' if view.is_shared else ''}.")


@st.dialog("Rename this view", icon=":material/edit:", on_dismiss=_closed)
def _rename(user: User, view: ListedView) -> None:
    """Ask for another name of a view."""
    with st.form("view_rename", border=False):
        said = st.text_input("Name", value=view.name, max_chars=LONGEST_NAME, key="view_new_name")
        if st.form_submit_button("Rename", type="primary"):
            try:
                renamed = rename_view(store(), user, view.view_id, said or "")
            except (ViewRefused, NotAllowed) as refused:
                st.error(plain(str(refused)))
            else:
                _done(f"It is called '{renamed.name}' now.")


@st.dialog("Delete this view?", icon=":material/delete:", on_dismiss=_closed)
def _delete(user: User, view: ListedView) -> None:
    """Ask once more before a view is deleted for good."""
    whose = "your view" if view.owner == user.name else f"the view of {view.owner},"
    others = " Others can open it: it goes from their start pages too." if view.is_shared else ""
    st.markdown(plain(f"This deletes {whose} '{view.name}' for good.{others}"))
    with st.container(horizontal=True):
        if st.button("Delete it", type="primary", key="view_delete"):
            try:
                delete_view(store(), user, view.view_id)
            except (ViewRefused, NotAllowed) as refused:
                st.error(plain(str(refused)))
            else:
                none_open()
                _done(f"'{view.name}' is deleted. What it showed is still here: save it to keep it.")
        if st.button("Keep it", key="view_keep"):
            _closed()
            st.rerun()


@st.dialog("Link to this view", icon=":material/link:", on_dismiss=_closed)
def _link(view: ListedView) -> None:
    """The address that opens a view, to be copied."""
    st.code(link_to(view.view_id), language=None, wrap_lines=True)
    if view.is_shared:
        st.caption("Whoever opens it sees the view as it is saved, and what was saved later too.")
    else:
        st.warning(f"Only {plain(view.owner)} can open it: share the view first.", icon=":material/lock:")


def link_to(view_id: str) -> str:
    """The whole address of a view, on the server that this page came from."""
    here = urlsplit(st.context.url or "")
    folder = here.path.rsplit("/", 1)[0]
    return urlunsplit((here.scheme, here.netloc, f"{folder}/{EXPLORE}", f"{IN_ADDRESS}={view_id}", ""))
