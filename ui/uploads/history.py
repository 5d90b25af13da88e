"""Every upload: who, when, which file, what it did, and taking one back."""

import pandas as pd
import streamlit as st

from services.access.permissions import Permission, User, why_not
from services.uploads.undo_upload import Undone
from storage.people.uploads import UploadBatch, read_batches
from ui.page.number_text import count_text, how_many_text
from ui.page.store import store
from ui.page.table_size import ROW_PIXELS, table_height
from ui.uploads.desk import upload_desk
from ui.uploads.session import carried_out

_HASH_SHOWN = 12
_COUNTED = ("new", "changed", "unchanged", "failed")


def upload_history(user: User) -> None:
    """The uploads, the newest first, and the undo of one."""
    with store().read() as connection:
        batches = read_batches(connection)
    if not batches:
        st.info("Nobody has uploaded anything yet. Under *Upload a file* you see what a file would change, and decide.")
        return
    st.dataframe(
        pd.DataFrame([_row(batch) for batch in batches]),
        hide_index=True,
        width="stretch",
        height=table_height(len(batches), 460),
        row_height=ROW_PIXELS,
        column_config={
            "When (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss"),
            **{word.capitalize(): st.column_config.NumberColumn(format="localized") for word in _COUNTED},
        },
        alt="All uploads",
    )
    may = user.may(Permission.UPLOAD)
    if not may:
        st.info(why_not(Permission.UPLOAD), icon=":material/lock:")
    open_batches = {_label(batch): batch for batch in batches if batch.undone_at is None}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox(
            "Take an upload back",
            list(open_batches),
            index=None,
            placeholder="Choose one",
            disabled=not may or not open_batches,
            help="Its rows are what they were before, if nobody has touched them since.",
            key="upload_undo_choice",
        )
        if st.button("Undo", disabled=not may or label is None, icon=":material/undo:", key="upload_undo") and label:
            carried_out(upload_desk().worker.undo(user, open_batches[label].batch_id), _undone_text)
            st.rerun()


def _row(batch: UploadBatch) -> dict[str, object]:
    return {
        "No.": batch.batch_id,
        "When (UTC)": batch.uploaded_at,
        "Who": batch.user_name,
        "File": batch.file_name,
        "Kind": batch.kind,
        **{word.capitalize(): batch.counts.get(word, 0) for word in _COUNTED},
        "Mode": batch.mode,
        "Undone": f"by {batch.undone_by}, {batch.undone_at:%Y-%m-%d %H:%M} UTC" if batch.undone_at else "",
        "SHA-256": batch.content_hash[:_HASH_SHOWN],
    }


def _label(batch: UploadBatch) -> str:
    return f"{batch.batch_id}: {batch.file_name}, {batch.kind}, by {batch.user_name}"


def _undone_text(done: Undone) -> str:
    rows = f"{how_many_text(done.restored, 'row')} restored, {count_text(done.removed)} removed"
    return f"Upload {done.batch_id} was taken back: {rows}."
