"""Uploads are read, compared and applied in a process of their own: nobody's live board waits for somebody's file."""

import gc
import pickle
import signal
import subprocess
import sys
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from engine.engines import value_contracts
from services.apply_slow_values import SlowResult, apply_slow_values
from services.apply_upload import PreviewOutdated, Uploaded, UploadMode, UploadRefused, apply_upload
from services.permissions import NotAllowed, User
from services.preview_upload import Progress, UploadPreview, preview_upload
from services.price_book import Pending
from services.price_unprepared import price_unprepared
from services.pricing_state import PricingState
from services.read_file import FileLimits
from services.reasons import NotPossible
from services.undo_upload import Undone, undo_upload
from storage.database import STORE_AWAY, Store
from storage.settings import ROOT, Settings

_ROWS_KEPT, _PREVIEWS_KEPT = 300_000, 16
_GONE = "This preview is no longer kept: look at the file once more."
_DIED = "The upload's process ended before it was done. An upload is whole or not there: look at the history first."
_FAILED = "The upload failed and nothing was written. Try again; the server's log says more."
_AWAY = "The store does not answer, and nothing was written. Try again in a moment."
_FOR_PEOPLE = (NotAllowed, NotPossible, UploadRefused, ValueError)

log = structlog.get_logger("upload")


class UploadFailed(Exception):
    """It did not work, and not because of the file; the message is for people."""


@dataclass(frozen=True, slots=True)
class KeptPreview:
    """A preview without its rows; the process keeps those under this number."""

    preview_id: str
    preview: UploadPreview


@dataclass(slots=True)
class Job:
    """Work that goes on in the process: how far it is, and in the end its result."""

    done: float = 0.0
    what: str = "waiting"
    outcome: Any = None
    error: Exception | None = None
    finished: threading.Event = field(default_factory=threading.Event)

    def result(self) -> Any:
        """Wait for the end; raises what went wrong."""
        self.finished.wait()
        if self.error is not None:
            raise self.error
        return self.outcome


class UploadWorker:
    """The process, started when it is first needed and again when it has died. It does one job after the other."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._jobs: dict[int, Job] = {}
        self._next = 0
        self._lock = threading.Lock()

    def preview(
        self, user: User, kind: str | None, file_name: str, path: Path, mapping: Mapping[str, str], sheet: str | None
    ) -> Job:
        """Preview a file that lies at a path of ours; results in a ``KeptPreview``."""
        return self._submit("preview", (user, kind, file_name, path, dict(mapping), sheet))

    def apply(self, user: User, preview_id: str, mode: UploadMode) -> Job:
        """Apply a kept preview; results in ``Uploaded``."""
        return self._submit("apply", (user, preview_id, mode))

    def undo(self, user: User, batch_id: int) -> Job:
        """Take an upload back; results in ``Undone``."""
        return self._submit("undo", (user, batch_id))

    def start(self) -> None:
        """Start the process already: it takes a moment."""
        with self._lock:
            self._running()

    def close(self) -> None:
        """End the process, after the transaction that runs."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            process.wait()

    @property
    def process_id(self) -> int | None:
        return None if self._process is None else self._process.pid

    def _submit(self, what: str, arguments: tuple[Any, ...]) -> Job:
        job = Job()
        with self._lock:
            process = self._running()
            self._next += 1
            self._jobs[self._next] = job
            try:
                assert process.stdin is not None
                pickle.dump((self._next, what, arguments), process.stdin)
                process.stdin.flush()
            except OSError:
                self._jobs.pop(self._next)
                _end(job, UploadFailed(_FAILED))
        return job

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        command = [sys.executable, "-m", "services.upload_worker"]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        pickle.dump(self._settings, process.stdin)
        process.stdin.flush()
        self._process = process
        threading.Thread(target=self._listen, args=(process,), name="deltaboard-upload", daemon=True).start()
        return process

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Take what the process says until it ends; jobs that it leaves behind have failed."""
        assert process.stdout is not None
        with process.stdout:
            while True:
                try:
                    number, word, content = pickle.load(process.stdout)
                except (EOFError, OSError, pickle.UnpicklingError):
                    break
                job = self._jobs.get(number)
                if job is None:
                    continue
                if word == "progress":
                    job.done, job.what = content
                    continue
                self._jobs.pop(number, None)
                if word == "failed":
                    _end(job, content)
                else:
                    job.outcome = content
                    _end(job, None)
        process.wait()
        with self._lock:
            if self._process in (process, None):
                self._process = None
                left, self._jobs = self._jobs, {}
                for job in left.values():
                    _end(job, UploadFailed(_DIED))


def _end(job: Job, error: Exception | None) -> None:
    job.error = error
    job.finished.set()


class _Desk:
    """The process's side: its own connection, its own memory of the store, the previews that may yet be applied."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = Store(settings.database_url)
        self._state = PricingState.of(settings)
        self._previews: OrderedDict[str, UploadPreview] = OrderedDict()
        self._pending = Pending()

    def preview(
        self,
        progress: Progress,
        user: User,
        kind: str | None,
        file_name: str,
        path: Path,
        mapping: Mapping[str, str],
        sheet: str | None,
    ) -> KeptPreview:
        preview = preview_upload(
            self._store,
            user,
            kind,
            file_name,
            path,
            mapping,
            sheet=sheet,
            limits=FileLimits.of(self._settings),
            future_tolerance_seconds=self._settings.future_tolerance_seconds,
            progress=progress,
        )
        preview_id = uuid.uuid4().hex
        self._previews[preview_id] = preview
        while len(self._previews) > 1 and (
            len(self._previews) > _PREVIEWS_KEPT or sum(len(p.records) for p in self._previews.values()) > _ROWS_KEPT
        ):
            self._previews.popitem(last=False)
        return KeptPreview(preview_id, preview.summary())

    def apply(self, progress: Progress, user: User, preview_id: str, mode: UploadMode) -> Uploaded:
        preview = self._previews.get(preview_id)
        if preview is None:
            raise PreviewOutdated(_GONE)
        done = apply_upload(self._store, self._state, user, preview, mode, progress=progress)
        self._previews.pop(preview_id, None)
        self._pending.add(done.pending)
        return Uploaded(done.batch_id, done.revision, done.kind, done.counts, done.failed_rows)

    def undo(self, progress: Progress, user: User, batch_id: int) -> Undone:
        done = undo_upload(self._store, self._state, user, batch_id, progress=progress)
        self._pending.add(done.pending)
        return Undone(done.batch_id, done.revision, done.restored, done.removed)

    def price_pending(self) -> None:
        """Price what an upload did not wait for, underlying by underlying, each in its own transaction."""
        pending, self._pending = self._pending, Pending()
        while pending.unprepared:
            key = pending.unprepared.pop()
            self._state.ready(*key)
            pending.add(price_unprepared(self._store, self._state, [key], source="upload"))
        for item in pending.slow_work:
            values = [
                value_contracts(group.engine.name, group.contracts, np.full(len(group.rows), item.quote.quote))
                for group in item.prepared.slow_groups
            ]
            apply_slow_values(self._store, self._state, [SlowResult(item, values)], source="upload")


def main() -> None:
    """Serve jobs from standard input until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the web server, which then closes the pipe
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    desk = _Desk(pickle.load(requests))
    gc.disable()  # a job makes objects by the million and hardly a cycle; to look for some meanwhile is dear

    def say(number: int, word: str, content: Any) -> None:
        pickle.dump((number, word, content), replies)
        replies.flush()

    while True:
        try:
            number, what, arguments = pickle.load(requests)
        except EOFError:
            return
        try:
            call: Callable[..., Any] = getattr(desk, what)
            say(number, "done", call(lambda done, words, n=number: say(n, "progress", (done, words)), *arguments))
            desk.price_pending()
        except _FOR_PEOPLE as error:
            say(number, "failed", error)
        except STORE_AWAY as error:
            log.warning("the store does not answer an upload", error=str(error))
            say(number, "failed", UploadFailed(_AWAY))
        except BrokenPipeError:
            return
        except Exception:
            log.exception("an upload failed")
            say(number, "failed", UploadFailed(_FAILED))
        gc.collect()


if __name__ == "__main__":
    from services.upload_worker import main as serve  # what is pickled must be of this module by its name

    serve()
