"""Make one's own start page: add widgets, order them, set how wide and high each is and how it follows the feed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar, get_args

import streamlit as st

from services.access.permissions import NotAllowed, User
from services.views.saved_views import ViewRefused
from services.views.start_page import (
    LEAST_HEIGHT,
    LEAST_SECONDS,
    MOST_HEIGHT,
    MOST_SECONDS,
    MOST_WIDGETS,
    Mode,
    PlacedWidget,
    Widget,
    Width,
    save_start_page,
)
from storage.people.saved_views import ListedView, views_for
from ui.page.plain_words import plain
from ui.page.store import store

_DRAFT = "start_draft"
_OUTCOME = "start_outcome"
_Word = TypeVar("_Word", bound=str)
_WORDS = {"live": "Live", "periodic": "Every", "paused": "Paused", "half": "Half", "full": "Full"}


@dataclass
class _Draft:
    """A start page as somebody makes it: its widgets, each with a number for the keys of its controls."""

    user_name: str
    rows: list[tuple[int, Widget]] = field(default_factory=list)
    given: int = 0

    def add(self, widget: Widget) -> None:
        self.given += 1
        self.rows.append((self.given, widget))

    def move(self, place: int, to: int) -> None:
        self.rows[place], self.rows[to] = self.rows[to], self.rows[place]


def is_editing(user: User) -> bool:
    """Whether this person is making their start page at this moment."""
    return _draft(user) is not None


def begin_editing(user: User, placed: Sequence[PlacedWidget]) -> None:
    """Make the page from what it is now."""
    draft = st.session_state[_DRAFT] = _Draft(user.name)
    for each in placed:
        draft.add(each.widget)


def what_was_saved() -> None:
    """Say, once, that the page was saved."""
    if st.session_state.pop(_OUTCOME, False):
        st.toast("Your start page is saved.", icon=":material/check:")


def start_edit(user: User) -> None:
    """The list of the widgets with their controls. Nothing holds before Save."""
    draft = _draft(user)
    if draft is None:
        return
    with store().read() as connection:
        views = {view.view_id: view for view in views_for(connection, user.name)}
    _add(user, draft, views)
    for place in range(len(draft.rows)):
        _row(user, draft, place, views)
    if not draft.rows:
        st.caption("No widgets yet.")
    with st.container(horizontal=True):
        if st.button("Save start page", type="primary", key="start_save"):
            _save(user, draft)
        if st.button("Cancel", key="start_cancel"):
            del st.session_state[_DRAFT]
            st.rerun()


def _draft(user: User) -> _Draft | None:
    draft: _Draft | None = st.session_state.get(_DRAFT)
    return draft if draft is not None and draft.user_name == user.name else None


def _add(user: User, draft: _Draft, views: dict[str, ListedView]) -> None:
    full = len(draft.rows) >= MOST_WIDGETS
    if full:
        st.info(f"A start page has at most {MOST_WIDGETS} widgets.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Saved view",
            list(views),
            index=None,
            format_func=lambda view_id: _called(user, views.get(view_id)),
            placeholder="Choose one" if views else "There is none: save one on the page Explore",
            disabled=full or not views,
            key="start_add_view",
            width=320,
        )
        if st.button("Add", key="start_add", icon=":material/add:", disabled=full or chosen is None) and chosen:
            draft.add(Widget(chosen))
            st.rerun()


def _row(user: User, draft: _Draft, place: int, views: dict[str, ListedView]) -> None:
    """A widget of the draft and its controls."""
    number, widget = draft.rows[place]
    name = _called(user, views.get(widget.view_id))
    with st.container(
        border=True, horizontal=True, vertical_alignment="bottom", gap="small", key=f"start_row_{number}"
    ):
        with st.container(width=300, height="stretch", vertical_alignment="center"):
            st.markdown(f"{place + 1}\\. **{plain(name)}**")
        width: Width = _choice("Width", get_args(Width), widget.width, number)
        mode: Mode = _choice("Updates", get_args(Mode), widget.mode, number)
        seconds = st.number_input(
            "Seconds",
            LEAST_SECONDS,
            MOST_SECONDS,
            widget.seconds,
            step=1.0,
            format="%g",
            disabled=mode != "periodic",
            key=f"start_seconds_{number}",
            width=130,
        )
        height = st.number_input(
            "Height, pixels",
            LEAST_HEIGHT,
            MOST_HEIGHT,
            widget.height,
            step=50,
            key=f"start_height_{number}",
            width=130,
        )
        with st.container(horizontal=True, width="content", gap="xsmall", key=f"start_moves_{number}"):
            up = _button("Up", "arrow_upward", f"Move '{name}' up", number, disabled=place == 0)
            down = _button(
                "Down", "arrow_downward", f"Move '{name}' down", number, disabled=place == len(draft.rows) - 1
            )
            away = _button("Take away", "close", f"Take '{name}' away", number)
    draft.rows[place] = number, Widget(widget.view_id, width, mode, seconds, height)
    if up or down:
        draft.move(place, place - 1 if up else place + 1)
    elif away:
        del draft.rows[place]
    if up or down or away:
        st.rerun()


def _choice(what: str, options: tuple[_Word, ...], value: _Word, number: int) -> _Word:
    """One of a few words, which are always shown."""
    return st.segmented_control(
        what, options, default=value, format_func=_WORDS.__getitem__, required=True, key=f"start_{what}_{number}"
    )


def _button(what: str, icon: str, help_text: str, number: int, *, disabled: bool = False) -> bool:
    return st.button(
        what, icon=f":material/{icon}:", help=plain(help_text), key=f"start_{icon}_{number}", disabled=disabled
    )


def _called(user: User, view: ListedView | None) -> str:
    if view is None:
        return "A view that is deleted or not shared any more"
    return view.name if view.owner == user.name else f"{view.name}, of {view.owner}"


def _save(user: User, draft: _Draft) -> None:
    try:
        save_start_page(store(), user, [widget for _, widget in draft.rows])
    except (ViewRefused, NotAllowed) as refused:
        st.error(plain(str(refused)))
        return
    del st.session_state[_DRAFT]
    st.session_state[_OUTCOME] = True
    st.rerun()
