"""Upload: a file is looked at, mapped, decided about and applied; the history of uploads; what each column means."""

import streamlit as st

from ui.identity.current_user import current_user
from ui.uploads.columns import upload_columns
from ui.uploads.file import upload_file
from ui.uploads.history import upload_history
from ui.uploads.mappings import upload_mappings
from ui.uploads.session import show_outcome

_FILE, _HISTORY, _COLUMNS = "Upload a file", "History", "Columns"

st.subheader("Upload", anchor=False)
show_outcome()
user = current_user()
view = st.segmented_control(
    "View", [_FILE, _HISTORY, _COLUMNS], default=_FILE, key="view", label_visibility="collapsed", bind="query-params"
)
if view == _HISTORY:
    upload_history(user)
elif view == _COLUMNS:
    upload_columns()
    upload_mappings(user)
else:
    upload_file(user)
