"""Apply an upload: its rows, their prices, its batch and its audit entry in one transaction, or nothing."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from services.access.permissions import Permission, User, require
from services.pricing.prebuild import prebuild
from services.pricing.price_book import DeferredWork
from services.pricing.pricing_state import PricingState
from services.pricing.unit_of_work import UnitOfWork, unit_of_work
from services.records.how_many import grouped, how_many
from services.records.incoming import Incoming
from services.records.read_values import shown
from services.uploads.compare_upload import Compared, Comparison, compare, key_text, moved_rows, upload_source
from services.uploads.preview_upload import Progress, UploadPreview
from services.writes.apply_incoming import finish, write_incoming
from storage.core.database import Store
from storage.people.audit import AuditEntry, append_audit
from storage.people.uploads import UploadBatch, UploadedRow, write_batch

_EXAMPLES = 3
_LONGEST_SHEET = 50
_WRITE_SHARE, _PRICE_SHARE, _NOTE_SHARE = 0.1, 0.2, 0.85


class UploadMode(StrEnum):
    """Which rows of a file go in when some are bad."""

    ALL_OR_NOTHING = "all or nothing"
    GOOD_ROWS = "good rows"


class UploadRefused(Exception):
    """The file cannot be uploaded as it is; nothing was written. The message says what to do."""


class PreviewOutdated(UploadRefused):
    """The store has moved under the preview; nothing was written. A fresh preview shows what the file would do now."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What an upload did. batch_id and revision are None when the store had all of it already.

    pending: what must still be prepared or priced, for whoever can wait for it.
    """

    batch_id: int | None
    revision: int | None
    kind: str
    counts: dict[str, int]
    failed_rows: int
    pending: DeferredWork = field(default_factory=DeferredWork)


def apply_upload(
    store: Store,
    state: PricingState,
    user: User,
    preview: UploadPreview,
    mode: UploadMode = UploadMode.ALL_OR_NOTHING,
    *,
    wait_for_slow: bool = False,
    progress: Progress = lambda _done, _what: None,
) -> Uploaded:
    """Apply the good rows of a preview, as the user saw them.

    All or nothing: a file with a bad row is refused. Raises NotAllowed, UploadRefused, and PreviewOutdated when a row
    would do something else now than the preview says. What was refused for want of a permission is in the audit.
    """
    require(store, user, Permission.UPLOAD, f"upload {shown(preview.file_name)}")
    kind = preview.kind
    if kind is None or not preview.records:
        raise UploadRefused("The file has no good row: fix it first.")
    if preview.failed_rows and mode is UploadMode.ALL_OR_NOTHING:
        count = how_many(preview.failed_rows, "row")
        raise UploadRefused(f"{count} of the file cannot be taken: fix the file, or upload the good rows alone.")
    if not preview.effective_rows:
        return Uploaded(None, None, kind, dict(preview.counts), preview.failed_rows)
    incoming = Incoming()
    sheet = f"sheet {shown(preview.sheet, _LONGEST_SHEET)}, " if preview.sheet else ""
    for record, line in zip(preview.records, preview.lines, strict=True):
        incoming.add(kind, record, f"{sheet}{preview.place} {line}")
    progress(_WRITE_SHARE, "looking what its rows would do now")
    source = upload_source(preview.file_name, user.name)
    prebuild(store, state, incoming, incoming.quotes, wait_for_slow=wait_for_slow)
    with unit_of_work(store, state, source) as work:
        comparison = _as_it_is_now(work, preview, kind)
        moved = moved_rows(preview.compared, comparison, kind)
        if moved:
            raise PreviewOutdated(_moved_text(moved, preview.place))
        progress(_PRICE_SHARE, "writing and pricing")
        written = write_incoming(work, incoming, wait_for_slow=wait_for_slow)
        progress(_NOTE_SHARE, "noting what the rows were before")
        batch_id = _note_batch(work, user, preview, kind, mode, comparison)
    applied = finish(store, work, written, wait_for_slow=wait_for_slow)
    progress(1.0, "done")
    return Uploaded(batch_id, applied.revision, kind, comparison.counts, preview.failed_rows, applied.pending)


def _as_it_is_now(work: UnitOfWork, preview: UploadPreview, kind: str) -> Comparison:
    """The comparison again, under the lock, unless nothing of that kind was written since the preview."""
    seen, ticks = preview.revisions, kind in ("quotes", "sensitivities")
    if seen is not None and not ticks and seen.static_revision == work.unit.before.static_revision:
        return preview.compared
    return compare(work.unit.connection, kind, preview.records, preview.lines, work.change.source)


def _note_batch(
    work: UnitOfWork, user: User, preview: UploadPreview, kind: str, mode: UploadMode, comparison: Comparison
) -> int:
    """Write the batch with what its rows were before, and its audit entry."""
    counts = {**comparison.counts, "failed": preview.failed_rows}
    batch = UploadBatch(
        0,
        datetime.now(UTC),
        user.name,
        shown(preview.file_name, 200),
        preview.content_hash,
        kind,
        str(mode),
        counts,
        work.unit.revision,
        None,
        None,
    )
    rows = [UploadedRow(row.key, row.line, row.previous) for row in comparison.written()]
    batch_id = write_batch(work.unit, batch, rows)
    after = {"file": batch.file_name, "hash": batch.content_hash, "kind": kind, "mode": batch.mode, **counts}
    append_audit(work.unit, [AuditEntry(user.name, "uploaded", "upload", str(batch_id), None, after)])
    return batch_id


def _moved_text(moved: list[tuple[Compared, Compared]], place: str) -> str:
    """Which rows are no longer what the preview said."""
    examples = "; ".join(
        f"{place} {now.line} ({key_text(now.key)}) was {then.outcome} and is {now.outcome} now"
        if then.outcome is not now.outcome
        else f"{place} {now.line} ({key_text(now.key)}) would change other values now"
        for then, now in moved[:_EXAMPLES]
    )
    more = f"; and {grouped(len(moved) - _EXAMPLES)} more" if len(moved) > _EXAMPLES else ""
    return f"The store has changed since the preview: {examples}{more}. Nothing was written: look at a fresh preview."
