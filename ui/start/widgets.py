"""The widgets of a start page: each a saved view as a live pivot of its own, at its own pace."""

from collections import Counter
from collections.abc import Iterator, Sequence

import streamlit as st

from live.components.explore_panel import explore_panel
from services.views.saved_views import view_content
from services.views.start_page import PlacedWidget
from ui.board.view_state import LATEST, shown_by_default
from ui.explore.opened_view import IN_ADDRESS
from ui.page.page_files import EXPLORE_PAGE
from ui.page.plain_words import plain

Keyed = tuple[str, PlacedWidget]
"""A widget and its key, which stays when others are moved."""


def start_widgets(placed: Sequence[PlacedWidget]) -> None:
    """Draw the widgets in their order: a full one has a line of its own, two halves in a row share one."""
    defaults = list(shown_by_default())
    for line in _lines(list(_keyed(placed))):
        if line[0][1].widget.width == "full":
            _widget(*line[0], defaults)
            continue
        for column, (key, each) in zip(st.columns(2, gap="small"), line, strict=False):
            with column:
                _widget(key, each, defaults)


def _keyed(placed: Sequence[PlacedWidget]) -> Iterator[Keyed]:
    """Each widget with its key. The mode is part of it: a panel keeps, by its key, the mode that was chosen in it, and
    one that was given another mode begins with that."""
    seen: Counter[str] = Counter()
    for each in placed:
        widget = each.widget
        name = f"{widget.view_id}_{widget.mode}_{widget.seconds:g}".replace(".", "-")
        seen[name] += 1
        yield f"start_{name}_{seen[name]}", each


def _lines(widgets: Sequence[Keyed]) -> Iterator[list[Keyed]]:
    waiting: list[Keyed] = []
    for each in widgets:
        if each[1].widget.width == "full":
            if waiting:
                yield waiting
            waiting = []
            yield [each]
            continue
        waiting.append(each)
        if len(waiting) == 2:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _widget(key: str, placed: PlacedWidget, defaults: list[str]) -> None:
    """One widget: its name, which leads to it on the page Explore, and its pivot; or that its view is gone."""
    widget, view = placed.widget, placed.view
    with st.container(key=f"{key}_frame", gap="xxsmall"):
        if view is None:
            st.info(
                "The view that was here is deleted, or not shared with you any more. Take it away, or put another in "
                "its place, with Edit.",
                icon=":material/visibility_off:",
            )
            return
        st.page_link(
            EXPLORE_PAGE,
            label=plain(view.name),
            icon=":material/open_in_full:",
            help=f"Of {plain(view.owner)}. Open it on the page Explore.",
            query_params={IN_ADDRESS: view.view_id},
        )
        content = view_content(view.content)
        explore_panel(
            key=key,
            height=widget.height,
            as_of=content.as_of or LATEST,
            statuses=content.statuses or defaults,
            books=content.books,
            pivot=content.pivot,
            title=view.name,
            mode=widget.mode,
            seconds=widget.seconds,
        )
