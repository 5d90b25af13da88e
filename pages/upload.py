"""Upload: a file is looked at, mapped, decided about and applied; the history of uploads; what each column means."""

import streamlit as st

from ui.upload_columns import upload_columns
from ui.upload_file import upload_file
from ui.upload_history import upload_history
from ui.upload_mappings import upload_mappings
from ui.upload_session import what_was_said
from ui.who import current_user

_FILE, _HISTORY, _COLUMNS = "Upload a file", "History", "Columns"

st.subheader("Upload", anchor=False)
what_was_said()
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
