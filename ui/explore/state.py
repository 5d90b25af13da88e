"""Which pivot somebody is looking at, and which saved view it came from: kept for the session, told by the address."""

import base64
import binascii
import json
import zlib
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import streamlit as st

from services.access.permissions import User
from services.views.saved_views import ViewRefused, open_view
from services.views.view_content import ViewContent, view_content
from storage.people.saved_views import SavedView, read_view
from ui.board.view_state import ViewState, change_view, chosen_statuses, known_part, view_state
from ui.explore.opened_view import IN_ADDRESS as VIEW
from ui.explore.opened_view import is_open, none_open
from ui.explore.starters import STARTERS
from ui.page.store import store

PIVOT = "pivot"
"""In the address: a pivot that is not saved."""
_KEY, _OPENED_FROM = "explored", "explored_address"
_MOST_LETTERS, _MOST_BYTES = 60_000, 256_000


@dataclass(slots=True)
class Explored:
    """pivot: its configuration. opened: the saved view that it is of. problem: why what was asked for is not shown."""

    pivot: dict[str, Any]
    opened: SavedView | None = None
    problem: str = ""


def explored(user: User) -> Explored:
    """What is explored; what the address asks for, where it asks for something else than is shown."""
    known: Explored | None = st.session_state.get(_KEY)
    asked = {name: st.query_params[name] for name in (VIEW, PIVOT) if name in st.query_params}
    if known is None or (asked and asked != st.session_state.get(_OPENED_FROM)):
        known = st.session_state[_KEY] = _asked_for(user, asked)
    elif known.opened is not None and VIEW not in asked and not is_open(known.opened):
        known.opened = None  # it was deleted; at a mere change of page the address is empty and the view stays open
    if known.opened is not None:
        with store().read() as connection:
            now = read_view(connection, known.opened.view_id)
        if now is not None:
            known.opened = replace(known.opened, name=now.name)
    _tell_address(known)
    return known


def follow_address() -> None:
    """Show the saved view that the address now names, as it was saved."""
    st.query_params.pop(PIVOT, None)
    st.session_state.pop(_KEY, None)


def start_with(name: str) -> None:
    """Show one of the pivots that everyone can begin with."""
    none_open()
    st.session_state[_KEY] = Explored(STARTERS[name])
    _tell_address(st.session_state[_KEY])


def take_pivot(pivot: dict[str, Any]) -> None:
    """The viewer has arranged the pivot anew."""
    known: Explored | None = st.session_state.get(_KEY)
    if known is not None:
        known.pivot = pivot
        _tell_address(known)


def current_content(shown: Explored) -> tuple[ViewContent | None, str]:
    """What would be saved now, the pivot and the filters beside it; None, and why, where that cannot be saved."""
    state = view_state()
    document = {
        "pivot": shown.pivot,
        "statuses": list(chosen_statuses()),
        "books": list(state.books),
        "as_of": state.as_of.isoformat() if state.as_of else None,
    }
    try:
        return view_content(document), ""
    except ValueError as error:
        return None, str(error)


def encoded(pivot: dict[str, Any]) -> str:
    """A pivot as a text for an address."""
    text = json.dumps(pivot, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")


def decoded(text: str) -> dict[str, Any]:
    """The pivot of an address. Raises ValueError for what is none."""
    if len(text) > _MOST_LETTERS:
        raise ValueError("the pivot in the address is too long")
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        unpacking = zlib.decompressobj()
        plain = unpacking.decompress(packed, _MOST_BYTES)
        if unpacking.unconsumed_tail or not unpacking.eof:
            raise ValueError("the pivot in the address is too long, or cut off")
        document = json.loads(plain)
    except (binascii.Error, zlib.error, UnicodeError, RecursionError) as error:
        raise ValueError("the pivot in the address is damaged") from error
    return dict(view_content({"pivot": document, "statuses": [], "books": [], "as_of": None}).pivot)


def _asked_for(user: User, asked: dict[str, str]) -> Explored:
    st.session_state[_OPENED_FROM] = asked
    shown = Explored(next(iter(STARTERS.values())))
    if VIEW in asked:
        try:
            shown.opened = open_view(store(), user, asked[VIEW])
            content = view_content(shown.opened.content)
            shown.pivot = dict(content.pivot)
            if PIVOT not in asked:
                _filter_as(content)
        except (ViewRefused, ValueError) as error:
            shown.problem = str(error)
    if PIVOT in asked:
        try:
            shown.pivot = decoded(asked[PIVOT])
        except ValueError:
            shown.problem = "The pivot in this address cannot be read; it may have been cut off when it was copied."
    return shown


def _filter_as(content: ViewContent) -> None:
    as_of = date.fromisoformat(content.as_of) if content.as_of else None
    known = known_part(ViewState(as_of, tuple(content.statuses), tuple(content.books)))
    change_view(statuses=known.statuses, books=known.books, as_of=known.as_of)


def _tell_address(shown: Explored) -> None:
    """By hand at every run: at a change of page Streamlit drops what it does not bind itself."""
    wanted: dict[str, str] = {}
    if shown.opened is not None:
        wanted[VIEW] = shown.opened.view_id
    saved = None if shown.opened is None else dict(view_content(shown.opened.content).pivot)
    if shown.pivot not in (saved, next(iter(STARTERS.values())) if saved is None else saved):
        wanted[PIVOT] = encoded(shown.pivot)
    for name in (VIEW, PIVOT):
        if name in wanted:
            if st.query_params.get(name) != wanted[name]:
                st.query_params[name] = wanted[name]
        elif name in st.query_params:
            del st.query_params[name]
    st.session_state[_OPENED_FROM] = wanted
