"""The saved views beside every page: one's own, then those that others share; a click opens one on Explore."""

import streamlit as st

from services.access.permissions import User
from storage.people.saved_views import ListedView, views_for
from ui.explore.opened_view import IN_ADDRESS, ask_for, is_asked_for
from ui.page.number_text import count_text
from ui.page.page_files import EXPLORE_PAGE, page_address
from ui.page.plain_words import plain
from ui.page.store import store

MOST_SHOWN = 8
"""More would push who one is out of sight; the list on Explore has them all."""


def my_views(user: User, page: str) -> None:
    """Draw them, nothing where there is no view yet. page: the address of the page that one is on.

    Buttons and no links: a link would take the place of changes that are not saved before Explore could ask.
    """
    with store().read() as connection:
        views = views_for(connection, user.name)
    if views:
        st.caption("My views")
    for view in views[:MOST_SHOWN]:
        is_open = st.query_params.get(IN_ADDRESS) == view.view_id
        name = _listed_as(user, view)
        label = f"**{name}**" if is_open else name
        st.button(
            label,
            key=f"my_view_{view.view_id}",
            type="tertiary",
            width="stretch",
            on_click=ask_for,
            args=(view.view_id,),
        )
    if len(views) > MOST_SHOWN:
        st.page_link(EXPLORE_PAGE, label=f"{count_text(len(views) - MOST_SHOWN)} more on Explore")
    if is_asked_for() and page != page_address(EXPLORE_PAGE):
        st.switch_page(EXPLORE_PAGE)


def _listed_as(user: User, view: ListedView) -> str:
    return plain(view.name) + ("" if view.owner == user.name else f", of {plain(view.owner)}")
