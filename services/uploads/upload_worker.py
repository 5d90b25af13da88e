"""Uploads are read, compared and applied in a process of their own: nobody's live board waits for somebody's file."""

import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.access.permissions import NotAllowed, User
from services.access.reasons import NotPossible
from services.files.file_limits import FileLimits
from services.pricing.deferred_work import price_deferred_work
from services.pricing.price_book import DeferredWork
from services.pricing.pricing_state import PricingState
from services.records.plausibility import PlausibleBounds
from services.uploads.apply_upload import PreviewOutdated, Uploaded, UploadMode, UploadRefused, apply_upload
from services.uploads.preview_upload import Progress, UploadPreview, preview_upload
from services.uploads.undo_upload import Undone, undo_upload
from services.workers.worker_process import Job, WorkerProcess, serve
from storage.connection.settings import Settings
from storage.core.database import Store

_ROWS_KEPT, _PREVIEWS_KEPT = 300_000, 16
_GONE = "This preview is no longer kept: look at the file once more."
_DIED = "The upload's process ended before it was done. An upload is whole or not there: look at the history first."
_FAILED = "The upload failed and nothing was written. Try again; the server's log says more."
_FOR_PEOPLE = (NotAllowed, NotPossible, UploadRefused, ValueError)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class KeptPreview:
    """A preview without its rows; the process keeps those under this number."""

    preview_id: str
    preview: UploadPreview


class UploadWorker:
    """The process of the uploads. It does one job after the other."""

    def __init__(self, settings: Settings) -> None:
        self._process = WorkerProcess("services.uploads.upload_worker", settings, failed=_FAILED, died=_DIED)
        self.start, self.close = self._process.start, self._process.close

    def preview(
        self, user: User, kind: str | None, file_name: str, path: Path, mapping: Mapping[str, str], sheet: str | None
    ) -> Job:
        """Preview a file that lies at a path of ours; results in a ``KeptPreview``."""
        return self._process.submit("preview", user, kind, file_name, path, dict(mapping), sheet)

    def apply(self, user: User, preview_id: str, mode: UploadMode) -> Job:
        """Apply a kept preview; results in ``Uploaded``."""
        return self._process.submit("apply", user, preview_id, mode)

    def undo(self, user: User, batch_id: int) -> Job:
        """Take an upload back; results in ``Undone``."""
        return self._process.submit("undo", user, batch_id)

    @property
    def process_id(self) -> int | None:
        return self._process.process_id


class _Desk:
    """The process's side: its own connection, its own memory of the store, the previews that may yet be applied."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = Store.of(settings)
        self._state = PricingState.of(settings)
        self._previews: OrderedDict[str, UploadPreview] = OrderedDict()
        self._pending = DeferredWork()

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
            limits=FileLimits.of(self._settings).in_worker(),
            future_tolerance_seconds=self._settings.future_tolerance_seconds,
            bounds=PlausibleBounds.of(self._settings),
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

    def price_deferred_work(self) -> None:
        """Price what an upload did not wait for."""
        pending, self._pending = self._pending, DeferredWork()
        price_deferred_work(self._store, self._state, pending, source="upload")


if __name__ == "__main__":
    from services.uploads.upload_worker import _Desk as Desk  # what is pickled must be of this module by its name

    serve(Desk, _FOR_PEOPLE, Desk.price_deferred_work)
