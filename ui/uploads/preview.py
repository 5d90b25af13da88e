"""What a file would do: counts, the values that change, the rows that are wrong, and the decision."""

from datetime import date, datetime
from typing import Any

import pandas as pd
import streamlit as st

from services.access.permissions import User
from services.exports.export_kinds import FailuresAsked
from services.records.read_rows import left_aside_text
from services.records.record_kinds import RECORD_KINDS
from services.uploads.apply_upload import Uploaded, UploadMode
from services.uploads.preview_upload import UploadPreview
from services.uploads.upload_failures import KEPT_FAILURES, reason_and_remediation
from services.uploads.upload_worker import KeptPreview
from ui.links.export_menu import export_menu
from ui.page.number_text import count_text, how_many_text, size_text
from ui.page.plain_words import plain
from ui.page.table_size import ROW_PIXELS, table_height
from ui.uploads.desk import upload_desk
from ui.uploads.session import UploadSession

_HEIGHT = 390
_SHOWN = 1_000
_CHANGES, _BAD = "What changes", "What is wrong"
_MODES = {
    UploadMode.ALL_OR_NOTHING: "All or nothing",
    UploadMode.GOOD_ROWS: "The good rows alone",
}


def upload_preview(user: User, session: UploadSession, kept: KeptPreview) -> None:
    """Show a preview and let the analyst decide."""
    preview = kept.preview
    for known in preview.known[:3]:
        undone = ", taken back since" if known.undone else ""
        when = f"{known.when:%Y-%m-%d %H:%M} UTC"
        st.info(
            plain(f"The same content came before: {known.file_name}, by {known.who}, {when}{undone}."),
            icon=":material/history:",
        )
    _counts(preview)
    if preview.kind is not None and (aside := left_aside_text(preview.left_aside, RECORD_KINDS[preview.kind])):
        st.caption(plain(f"Columns {aside}."))
    if preview.warnings:
        listed = "\n".join(f"- {plain(warning)}" for warning in preview.warnings)
        st.warning(f"Look at these before you upload:\n\n{listed}", icon=":material/warning:")
    views = [view for view, there in ((_BAD, preview.failures), (_CHANGES, preview.changes)) if there]
    if views:
        view = views[0]
        if views[1:]:
            view = st.segmented_control("Show", views, default=views[0], key="upload_view") or views[0]
        if view == _BAD:
            _failures(user, kept)
        else:
            _changes(preview)
    _decide(user, session, kept)


def _counts(preview: UploadPreview) -> None:
    words = {"new": "New", "changed": "Changed", "unchanged": "Unchanged", "late": "Late"}
    shown = [(words[name], count) for name, count in preview.counts.items() if name != "late" or count]
    with st.container(horizontal=True, key="upload_counts"):
        st.metric("Kind", preview.kind or "unknown", border=True, width=170)
        for word, count in shown:
            st.metric(word, count_text(count), border=True, width=130)
        st.metric("Bad rows", count_text(preview.failed_rows), border=True, width=130)


def _failures(user: User, shown: KeptPreview) -> None:
    preview = shown.preview
    rows = [
        {
            "Line": failure.line,
            "Column": failure.column or "whole row",
            "Value": failure.value,
            "Reason": reason_and_remediation(failure)[0],
            "How to fix it": reason_and_remediation(failure)[1],
        }
        for failure in preview.failures[:_SHOWN]
    ]
    _by_line(rows, preview, "Rows that cannot be taken, and how to fix them")
    kept = len(preview.failures)
    more = kept - _SHOWN
    with st.container(horizontal=True, vertical_alignment="center"):
        KEPT_FAILURES.keep(user.name, shown)
        label = f"Download {how_many_text(kept, 'failure')} with the rows"
        export_menu(FailuresAsked(shown.preview_id), "failures", label=label)
        if more > 0 or preview.more_failures:
            listed = how_many_text(max(more, 0), "more is", "more are")
            st.caption(f"{listed} in the file, and {count_text(preview.more_failures)} beyond it.")


def _changes(preview: UploadPreview) -> None:
    rows = [
        {"Line": c.line, "Row": c.key, "Column": c.column, "Stored now": _text(c.old), "In the file": _text(c.new)}
        for c in preview.changes
    ]
    _by_line(rows, preview, "Values that change, stored and in the file")
    if preview.more_changed_rows:
        st.caption(f"{how_many_text(preview.more_changed_rows, 'more row changes', 'more rows change')}.")


def _by_line(rows: list[dict[str, Any]], preview: UploadPreview, alt: str) -> None:
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        width="stretch",
        height=table_height(len(rows), _HEIGHT),
        row_height=ROW_PIXELS,
        column_config={"Line": st.column_config.NumberColumn(preview.place.capitalize(), width="small")},
        alt=alt,
    )


def _decide(user: User, session: UploadSession, kept: KeptPreview) -> None:
    preview = kept.preview
    mode = UploadMode.ALL_OR_NOTHING
    if preview.failed_rows and preview.good_rows:
        mode = st.radio(
            "Some rows are bad. What is to go in?",
            list(_MODES),
            format_func=_MODES.__getitem__,
            captions=[
                "Nothing goes in until every row is fixed.",
                f"{how_many_text(preview.good_rows, 'row goes', 'rows go')} in, the others do not.",
            ],
            horizontal=True,
            key=f"upload_mode_{session.file_id}",
        )
    held_back = bool(preview.failed_rows) and mode is UploadMode.ALL_OR_NOTHING
    count = preview.effective_rows
    words = f"Upload {how_many_text(count, 'row')}"
    if held_back:
        words = "Fix the file first"
    elif not count:
        words = "Nothing to upload"
    with st.container(horizontal=True, key="upload_decide"):
        go = st.button(words, type="primary", disabled=held_back or not count, key="upload_apply")
        if st.button("Look again", key="upload_look", help="Compare the file with the store as it is now."):
            session.look(user)
            st.rerun()
        if st.button("Choose another file", key="upload_clear"):
            session.clear()
            st.rerun()
    if count == 0 and preview.good_rows and not preview.failed_rows:
        st.caption("The store has all of it already.")
    if go:
        session.applying = upload_desk().worker.apply(user, kept.preview_id, mode)
        st.rerun()


def uploaded_text(done: Uploaded) -> str:
    """What an upload did, for people."""
    if done.batch_id is None:
        return "The store had all of it already: nothing was written."
    parts = ", ".join(f"{count_text(count)} {name}" for name, count in done.counts.items() if count)
    bad = how_many_text(done.failed_rows, "bad row was", "bad rows were")
    left = f" {bad} left out." if done.failed_rows else ""
    return f"Upload {done.batch_id} of {done.kind} is in: {parts}.{left} It can be taken back under History."


def _text(value: Any) -> str:
    """A value as both columns of a comparison show it."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return value.isoformat()
    return size_text(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
