"""The toolbar of saved views: open one, save what is shown, rename, copy, share, link to and delete the one that is
open."""

from collections.abc import Callable, Mapping

import streamlit as st

from services.access.permissions import NotAllowed, User
from services.views.saved_views import (
    ViewConflict,
    ViewContent,
    ViewRefused,
    copy_view,
    may_change,
    open_view,
    share_view,
    update_view,
    view_content,
)
from storage.people.saved_views import ListedView, SavedView, views_for
from ui.explore.opened_view import OUTCOME, ask_for, none_open, now_open, say, seen_view, shows, take_asked_for
from ui.explore.view_dialogs import Dialog, ask, open_dialog
from ui.page.outcomes import show_outcome
from ui.page.plain_words import plain
from ui.page.store import store

_PICKED, _UNSAVED, _CONFLICT = "view_picked", "view_unsaved", "view_conflict"
_RENAME, _COPY, _LINK, _DELETE = "Rename", "Copy to my views", "Link", "Delete"
_SHARE, _UNSHARE = "Share with everyone", "Share no more"


def view_menu(user: User, current: ViewContent, opened: SavedView | None) -> ViewContent | None:
    """Draw the toolbar. current: what is shown; opened: the view that the address names, None where it names none.

    Returns what the page is to show from now on when a view was opened, or saved over; else None. The address then
    names that view, as it does when one was saved under a new name: the page opens it from there.
    """
    show_outcome(OUTCOME, "short")
    seen = seen_view(user, opened, current)
    with store().read() as connection:
        listed = {view.view_id: view for view in views_for(connection, user.name)}
    there = None if seen is None else listed.get(seen.view_id)
    changed = seen is not None and not shows(seen, current)
    with st.container(horizontal=True, vertical_alignment="center", key="view_menu"):
        asked = _choose(user, listed, seen)
        saved = _buttons(user, current, seen, there, changed)
        st.caption(_state(user, seen, there, changed))
    open_dialog(user, current, there)
    if asked is not None and changed and seen is not None:
        st.session_state[_UNSAVED] = asked
        asked = None
    return saved or _decided(user, current, seen) or (None if asked is None else _opened(user, asked))


def _choose(user: User, listed: Mapping[str, ListedView], seen: SavedView | None) -> str | None:
    """The list of views: mine, then those that others share. Returns the one that was just picked."""

    def picked() -> None:
        if st.session_state[_PICKED] is None:
            none_open()
        else:
            ask_for(st.session_state[_PICKED])

    asked = take_asked_for()
    is_there = seen is not None and seen.view_id in listed
    st.session_state[_PICKED] = seen.view_id if seen is not None and is_there else None
    st.selectbox(
        "View",
        list(listed),
        index=None,
        format_func=lambda view_id: _listed_as(user, listed[view_id]),
        placeholder="Open a view" if listed else "No views yet",
        disabled=not listed,
        label_visibility="collapsed",
        key=_PICKED,
        on_change=picked,
        width=260,
    )
    return asked if asked in listed else None


def _listed_as(user: User, view: ListedView) -> str:
    """Plain text: a list renders no markup."""
    if view.owner != user.name:
        return f"{view.name}, of {view.owner}"
    return f"{view.name}, shared" if view.is_shared else view.name


def _buttons(
    user: User, current: ViewContent, seen: SavedView | None, there: ListedView | None, changed: bool
) -> ViewContent | None:
    """What can be done with what is shown, and with the view that is open. there: it as the store has it now.

    Returns what was saved over the view just now.
    """
    saved = None
    if seen is not None:
        mine = there is not None and may_change(user, there.owner)
        why = None if mine or there is None else f"Only {plain(there.owner)} or an admin may: save it as your own."
        if st.button(
            "Save", key="view_save", type="primary", icon=":material/save:", disabled=not (changed and mine), help=why
        ):
            saved = _save(user, seen, current, seen.version)
    st.button(
        "Save as",
        key="view_save_as",
        type="primary" if seen is None else "secondary",
        on_click=ask,  # not looked at here: a run that another one cuts short would forget the click
        args=(user, Dialog.SAVE_AS, seen.name if seen is not None and seen.owner != user.name else ""),
    )
    if there is not None:
        own = (_RENAME, _UNSHARE if there.is_shared else _SHARE) if may_change(user, there.owner) else ()
        last = (_DELETE,) if own else ()
        _act(user, there, st.menu_button("More", [*own, _COPY, _LINK, *last], key="view_more"))
    return saved


def _act(user: User, view: ListedView, what: str | None) -> None:
    """Do what was chosen from the menu."""
    if what == _RENAME:
        ask(user, Dialog.RENAME, view.view_id)
    elif what == _LINK:
        ask(user, Dialog.LINK, view.view_id)
    elif what == _DELETE:
        ask(user, Dialog.DELETE, view.view_id)
    elif what == _COPY:
        _do(lambda: now_open(user, copy_view(store(), user, view.view_id)), f"'{view.name}' is copied to your views.")
    elif what in (_SHARE, _UNSHARE):
        shared = what == _SHARE
        words = f"{'Everyone' if shared else f'Only {view.owner}'} can open '{view.name}' now."
        _do(lambda: share_view(store(), user, view.view_id, shared), words)


def _do(act: Callable[[], object], words: str) -> None:
    """Do it, and say what came of it at the next run."""
    try:
        act()
    except (ViewRefused, NotAllowed) as refused:
        say(False, str(refused))
    else:
        say(True, words)
    st.rerun()


def _save(user: User, seen: SavedView, current: ViewContent, version: int) -> ViewContent | None:
    """Save what is shown over the open view; returns it. version: the one that may be replaced."""
    st.session_state.pop(_CONFLICT, None)
    try:
        saved = update_view(store(), user, seen.view_id, current, version)
    except ViewConflict as conflict:
        st.session_state[_CONFLICT] = (user.name, conflict)
        return None
    except (ViewRefused, NotAllowed) as refused:
        say(False, str(refused))
        st.rerun()
    now_open(user, saved)
    say(True, f"'{saved.name}' is saved.")
    return view_content(saved.content)


def _state(user: User, seen: SavedView | None, there: ListedView | None, changed: bool) -> str:
    """How what is shown stands to what is saved."""
    if seen is None:
        return "Not saved"
    if there is None:
        return ":orange[Deleted, or not shared with you any more]"
    whose = "Yours" if there.owner == user.name else f"Of {plain(there.owner)}"
    shared = ", shared" if there.is_shared and there.owner == user.name else ""
    if there.version != seen.version:
        return f"{whose}{shared}. :orange[Saved by somebody since you opened it]"
    return f"{whose}{shared}. {':orange[Changed since it was saved]' if changed else 'As it was saved'}"


def _decided(user: User, current: ViewContent, seen: SavedView | None) -> ViewContent | None:
    """Ask what shall become of changes: of two people's to one view, and of one's own before another is opened."""
    who, conflict = st.session_state.get(_CONFLICT, ("", None))
    if conflict is not None and seen is not None and (who, conflict.view.view_id) == (user.name, seen.view_id):
        return _decide_conflict(user, current, seen, conflict)
    st.session_state.pop(_CONFLICT, None)  # of a view that was left since
    asked = st.session_state.get(_UNSAVED)
    if asked is None:
        return None
    if seen is None or asked == seen.view_id:
        del st.session_state[_UNSAVED]
        return None
    with st.container(border=True, key="view_unsaved"):
        st.warning(f"'{plain(seen.name)}' has changes that are not saved.", icon=":material/edit:")
        with st.container(horizontal=True):
            go = st.button("Open the other without saving", key="view_drop")
            if st.button("Stay here", key="view_stay"):
                del st.session_state[_UNSAVED]
                st.rerun()
    if not go:
        return None
    del st.session_state[_UNSAVED]
    return _opened(user, asked)


def _decide_conflict(user: User, current: ViewContent, seen: SavedView, conflict: ViewConflict) -> ViewContent | None:
    saved, theirs = None, False
    with st.container(border=True, key="view_conflict"):
        st.warning(plain(str(conflict)), icon=":material/group:")
        with st.container(horizontal=True):
            if st.button("Save mine over it", key="view_over"):
                saved = _save(user, seen, current, conflict.view.version)
                if saved is None:
                    st.rerun()
            if st.button("Save mine under another name", key="view_other_name"):
                del st.session_state[_CONFLICT]
                ask(user, Dialog.SAVE_AS, "")
                st.rerun()
            theirs = st.button("Open theirs", key="view_theirs")
            if st.button("Leave it", key="view_leave"):
                del st.session_state[_CONFLICT]
                st.rerun()
    if not theirs:
        return saved
    del st.session_state[_CONFLICT]
    return _opened(user, conflict.view.view_id)


def _opened(user: User, view_id: str) -> ViewContent | None:
    """What a view shows, which is open from now on; None, with words, when it cannot be opened."""
    try:
        view = open_view(store(), user, view_id)
    except (ViewRefused, NotAllowed) as refused:
        none_open()
        say(False, str(refused))
        st.rerun()
    now_open(user, view)
    return view_content(view.content)
