"""What one person is uploading: the file, what they said about it, its preview, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from services.access.permissions import NotAllowed, User
from services.access.reasons import NotPossible
from services.uploads.apply_upload import UploadRefused
from services.uploads.upload_worker import KeptPreview
from services.workers.worker_process import Job, WorkFailed
from ui.page.plain_words import plain
from ui.uploads.desk import follow, upload_desk

_KEY, _OUTCOME = "upload_session", "upload_outcome"


@dataclass(slots=True)
class UploadSession:
    """kind: as chosen, None: by the columns. mapping: as confirmed. turn: how many files there were.

    job: the preview that is being made; kept: the one that is shown; applying: the upload that runs. A run of the page
    that is broken off leaves them here for the next.
    """

    file_id: str = ""
    file_name: str = ""
    path: Path | None = None
    kind: str | None = None
    sheet: str | None = None
    mapping: dict[str, str] = field(default_factory=dict)
    kept: KeptPreview | None = None
    job: Job | None = None
    applying: Job | None = None
    turn: int = 0

    def take(self, file_id: str, file_name: str, content: memoryview, kind: str | None) -> None:
        """Begin with another file."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        self.file_id, self.file_name, self.kind = file_id, file_name, kind
        self.path, self.sheet, self.mapping = upload_desk().keep(content), None, {}

    def look(self, user: User) -> None:
        """Start a preview of the file as it is to be read now."""
        assert self.path is not None
        self.kept = None
        self.job = upload_desk().worker.preview(user, self.kind, self.file_name, self.path, self.mapping, self.sheet)

    def clear(self) -> None:
        """Begin anew, with an empty chooser of files."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        st.session_state[_KEY] = UploadSession(turn=self.turn + 1)


def upload_session() -> UploadSession:
    """The upload of this session of the page."""
    session: UploadSession = st.session_state.setdefault(_KEY, UploadSession())
    return session


def say(kind: str, words: str) -> None:
    """Keep what is to be shown at the top of the next run. kind: "done" or "refused"."""
    st.session_state[_OUTCOME] = (kind, words)


def show_outcome() -> None:
    """Say it, once."""
    outcome = st.session_state.pop(_OUTCOME, None)
    if outcome is not None:
        kind, words = outcome
        if kind == "done":
            st.success(plain(words), icon=":material/check:")
        else:
            st.error(plain(words), icon=":material/error:")


def carried_out(job: Job, words: Callable[[Any], str]) -> bool:
    """Follow a job to its end and keep what came of it for the next run; whether it worked."""
    try:
        result = follow(job)
    except (NotAllowed, NotPossible, UploadRefused, WorkFailed, ValueError) as error:
        say("refused", str(error))
        return False
    say("done", words(result))
    return True
