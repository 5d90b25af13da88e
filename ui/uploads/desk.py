"""The uploads of this web process: the process beside it that does them, and the files that wait for it."""

import time
import uuid
from pathlib import Path
from typing import Any

import streamlit as st

from services.uploads.upload_worker import UploadWorker
from services.workers.worker_process import Job
from storage.connection.settings import settings
from ui.page.plain_words import plain
from ui.uploads.folder import own_folder

_KEPT_SECONDS = 4 * 3600.0
_LOOK_SECONDS = 0.1


class UploadDesk:
    """One for all sessions."""

    def __init__(self) -> None:
        self.worker = UploadWorker(settings())
        self._folder = own_folder()

    def keep(self, content: bytes | memoryview) -> Path:
        """Put a file where the process beside finds it, under a name of ours; old ones that nobody took go."""
        folder = Path(self._folder.name)
        for path in folder.iterdir():
            if time.time() - path.stat().st_mtime > _KEPT_SECONDS:
                path.unlink(missing_ok=True)
        path = folder / uuid.uuid4().hex
        path.write_bytes(content)
        return path

    def leave(self) -> None:
        """Take the files away: the server ends. The process beside ends by itself with this one."""
        self._folder.cleanup()


@st.cache_resource(on_release=UploadDesk.leave)
def upload_desk() -> UploadDesk:
    """The desk, its process started: it is warm when the first file comes."""
    desk = UploadDesk()
    desk.worker.start()
    return desk


def follow(job: Job) -> Any:
    """Show how far a job is until it ends, and return its result; raises what went wrong.

    A run of the page that is broken off leaves the job alone.
    """
    place = st.empty()
    bar = place.progress(0.0, "waiting")
    while not job.finished.wait(_LOOK_SECONDS):
        bar.progress(min(max(job.done, 0.0), 1.0), plain(job.what))
    place.empty()
    return job.result()
