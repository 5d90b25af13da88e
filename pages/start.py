"""Start: one's own page of saved views, each a live pivot with its own pace."""

import streamlit as st

from services.views.start_page import start_page_of
from storage.people.saved_views import views_for
from ui.identity.current_user import current_user
from ui.page.page_files import EXPLORE_PAGE
from ui.page.store import store
from ui.start.edit import begin_editing, is_editing, start_edit, what_was_saved
from ui.start.widgets import start_widgets

user = current_user()
placed = start_page_of(store(), user)
editing = is_editing(user)
with st.container(horizontal=True, vertical_alignment="center"):
    st.subheader("Start", anchor=False, width="content")
    if placed and not editing and st.button("Edit", icon=":material/edit:", key="start_edit"):
        begin_editing(user, placed)
        st.rerun()
what_was_saved()
if editing:
    start_edit(user)
elif placed:
    start_widgets(placed)
else:
    with store().read() as connection:
        has_views = bool(views_for(connection, user.name))
    st.markdown(
        "Your dashboard: add saved views as live widgets, each at its own pace. "
        "Views are made and saved on the page Explore; shared views of others can be added too."
    )
    if not has_views:
        st.markdown("You have no saved views yet. Open Explore, arrange the pivot, and save it.")
    with st.container(horizontal=True, vertical_alignment="center"):
        if has_views and st.button("Add views", type="primary", icon=":material/add:", key="start_begin"):
            begin_editing(user, placed)
            st.rerun()
        st.page_link(EXPLORE_PAGE, label="Open Explore", icon=":material/pivot_table_chart:")
