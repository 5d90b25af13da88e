"""Choose a file to upload, and say what it holds: its kind, its sheet, and which of its columns is which."""

import streamlit as st

from services.access.permissions import NotAllowed, Permission, User, why_not
from services.records.read_rows import heading_of
from services.records.record_kinds import RECORD_KINDS
from services.uploads.apply_upload import UploadRefused
from services.uploads.column_mapping import LEAVE_ASIDE, keep_mapping, saved_mappings
from services.uploads.preview_upload import UploadPreview
from services.workers.worker_process import WorkFailed
from storage.connection.settings import settings
from ui.page.number_text import count_text
from ui.page.plain_words import plain
from ui.page.store import store
from ui.uploads.desk import follow
from ui.uploads.preview import upload_preview, uploaded_text
from ui.uploads.session import UploadSession, carried_out, say, upload_session

_BY_COLUMNS = "By its columns"
_ASIDE = "(leave aside)"
_MOST_COLUMNS = 60
_BROWSER_MEGABYTES = 200
"""What a browser sends is in the web server's memory first."""


def upload_file(user: User) -> None:
    """The whole way of a file: choose, look, map, decide. Without the permission it is disabled, and says why."""
    may = user.may(Permission.UPLOAD)
    if not may:
        st.info(why_not(Permission.UPLOAD), icon=":material/lock:")
    session = upload_session()
    chooser, about = st.columns([0.66, 0.34], gap="medium")
    with chooser:
        known = settings()
        file = st.file_uploader(
            "File",
            key=f"upload_file_{session.turn}",
            disabled=not may,
            max_upload_size=max(1, min(int(known.file_megabytes), _BROWSER_MEGABYTES)),
            help=f"CSV, Excel or Parquet, at most {count_text(known.file_rows)} rows and "
            f"{count_text(known.file_columns)} columns.",
        )
    with about:
        kinds = [_BY_COLUMNS, *RECORD_KINDS]
        chosen = st.selectbox("What it holds", kinds, key=f"upload_kind_{session.turn}", disabled=not may)
    if not may:
        return
    if file is None:
        st.caption(
            ":material/upload_file: Choose a file. You see what it would change before anything is written. "
            "Templates and the meaning of each column are under *Columns*."
        )
        return
    kind = None if chosen == _BY_COLUMNS else chosen
    if file.file_id != session.file_id:
        session.take(file.file_id, file.name, file.getbuffer(), kind)
        session.look(user)
    elif kind != session.kind:
        session.kind, session.mapping = kind, {}
        session.look(user)
    _show(user, session)


def _show(user: User, session: UploadSession) -> None:
    """The preview when it is there, or the upload that goes on."""
    if session.applying is not None:
        done = carried_out(session.applying, uploaded_text)
        session.applying = None
        if done:
            session.clear()
        st.rerun()
    if session.job is not None:
        try:
            session.kept = follow(session.job)
        except (NotAllowed, UploadRefused, WorkFailed, ValueError) as error:
            st.error(plain(str(error)), icon=":material/error:")
            if st.button("Look again", key="upload_again"):
                session.look(user)
                st.rerun()
            return
        session.job = None
    if session.kept is None:
        session.look(user)
        st.rerun()
        return
    preview = session.kept.preview
    if preview.sheets[1:]:
        _choose_sheet(user, session, preview)
    if preview.kind is not None and preview.names and (preview.proposals or preview.left_aside or session.mapping):
        _map_columns(user, session, preview)
    if _is_unread(preview):
        return
    upload_preview(user, session, session.kept)


def _is_unread(preview: UploadPreview) -> bool:
    """Whether the columns must be confirmed before anything is read."""
    return bool(preview.proposals) and preview.revisions is None


def _choose_sheet(user: User, session: UploadSession, preview: UploadPreview) -> None:
    place = preview.sheets.index(preview.sheet) if preview.sheet in preview.sheets else 0
    picked = st.selectbox("Sheet", preview.sheets, index=place, key=f"upload_sheet_{session.file_id}")
    if picked != preview.sheet:
        session.sheet, session.mapping = picked, {}
        session.look(user)
        st.rerun()


def _map_columns(user: User, session: UploadSession, preview: UploadPreview) -> None:
    """Which column of the file is which of ours: proposed, to be confirmed, and kept under a name if wanted."""
    kind = RECORD_KINDS[preview.kind or ""]
    unread = _is_unread(preview)
    words = "Columns: confirm what they are" if unread else "Columns"
    with st.expander(words, expanded=unread, icon=":material/view_column:"):
        if unread:
            st.caption(f"This looks like {kind.name}, with other names of columns. Confirm which is which.")
            for failure in preview.failures[:1]:
                st.caption(f":material/error: {plain(failure.message)}")
        _saved(user, session, preview)
        proposed = {proposal.name: proposal for proposal in preview.proposals}
        had = {preview.names[place] for place, _ in heading_of(preview.names, kind).columns}
        open_names = [name for name in dict.fromkeys(preview.names) if name and (name not in had or name in proposed)]
        options = [_ASIDE, *(column.name for column in kind.columns)]
        picked: dict[str, str] = {}
        with st.form("upload_mapping", border=False):
            cells = st.columns(3)
            for place, name in enumerate(open_names[:_MOST_COLUMNS]):
                proposal = proposed.get(name)
                column = session.mapping.get(name) or (proposal.column if proposal else "")
                with cells[place % 3]:
                    picked[name] = st.selectbox(
                        plain(name),
                        options,
                        index=options.index(column) if column in options else 0,
                        key=f"map_{session.file_id}_{preview.kind}_{place}_{column}",
                        help=plain(proposal.why) if proposal else None,
                    )
            if st.form_submit_button("Confirm columns", type="primary" if unread else "secondary"):
                session.mapping = {
                    name: LEAVE_ASIDE if column == _ASIDE else column
                    for name, column in picked.items()
                    if column != _ASIDE or name in had or name in session.mapping
                }
                session.look(user)
                st.rerun()
    if session.mapping and not unread:
        _save(user, session, preview)


def _saved(user: User, session: UploadSession, preview: UploadPreview) -> None:
    """Take a mapping that somebody has saved."""
    kinds = RECORD_KINDS if session.kind is None else (session.kind,)
    known = saved_mappings(store(), preview.names)
    fitting = {mapping.mapping: mapping for mapping in known if mapping.kind in kinds}
    if not fitting:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Saved mapping", list(fitting), index=None, placeholder="Choose one", key="upload_saved")
        if st.button("Use it", key="upload_use", disabled=name is None) and name is not None:
            mapping = fitting[name]
            session.mapping = {column: ours for column, ours in mapping.columns.items() if column in preview.names}
            session.look(user)
            st.rerun()


def _save(user: User, session: UploadSession, preview: UploadPreview) -> None:
    """Keep the mapping that was confirmed, for the next file that has such columns."""
    with st.form("upload_save", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Save this mapping as", max_chars=80, placeholder="A name", width=320)
        if st.form_submit_button("Save mapping") and preview.kind is not None:
            try:
                keep_mapping(store(), user, name, preview.kind, session.mapping)
                say("done", f"The mapping {name} is saved.")
            except (NotAllowed, ValueError) as error:
                say("refused", str(error))
            st.rerun()
