"""The mappings of columns that people have saved, and the deleting of one."""

import pandas as pd
import streamlit as st

from services.access.permissions import NotAllowed, Permission, User, why_not
from services.uploads.column_mapping import LEAVE_ASIDE, drop_mapping, saved_mappings
from storage.people.uploads import SavedMapping
from ui.page.store import store
from ui.page.table_size import ROW_PIXELS
from ui.uploads.session import say


def upload_mappings(user: User) -> None:
    """Every saved mapping; one is chosen and deleted by whoever may upload."""
    st.markdown("**Saved mappings**")
    known = saved_mappings(store())
    if not known:
        st.caption("Nobody has saved a mapping yet. One is saved when a file's columns are confirmed.")
        return
    st.dataframe(
        pd.DataFrame([_row(mapping) for mapping in known]),
        hide_index=True,
        width="stretch",
        height="content",
        row_height=ROW_PIXELS,
        column_config={
            "Saved (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss"),
            "Columns": st.column_config.TextColumn(width="large", help="The file's name of a column, and ours."),
        },
        alt="Saved mappings of columns",
    )
    may = user.may(Permission.UPLOAD)
    if not may:
        st.info(why_not(Permission.UPLOAD), icon=":material/lock:")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Delete a mapping",
            [mapping.mapping for mapping in known],
            index=None,
            placeholder="Choose one",
            disabled=not may,
            help="What was uploaded with it stays as it is.",
            key="upload_mapping_choice",
            width=320,
        )
        if st.button("Delete", disabled=not may or name is None, icon=":material/delete:", key="upload_drop") and name:
            try:
                drop_mapping(store(), user, name)
                say("done", f"The mapping {name} is deleted.")
            except NotAllowed as error:
                say("refused", str(error))
            st.rerun()


def _row(mapping: SavedMapping) -> dict[str, object]:
    return {
        "Mapping": mapping.mapping,
        "Kind": mapping.kind,
        "Columns": ", ".join(
            f"{theirs} left aside" if ours == LEAVE_ASIDE else f"{theirs} → {ours}"
            for theirs, ours in mapping.columns.items()
        ),
        "Saved by": mapping.saved_by,
        "Saved (UTC)": mapping.saved_at,
    }
