"""Apply an upload: its rows, their prices, its batch and its audit entry in one transaction, or nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from services.access.permissions import Permission, User, require
from services.pricing.price_book import DeferredWork
from services.pricing.pricing_state import PricingState
from services.records.how_many import grouped, how_many
from services.records.incoming import Incoming
from services.records.read_values import shown
from services.uploads.compare_upload import Compared, Comparison, compare, key_text, moved_rows, upload_source
from services.uploads.preview_upload import Progress, UploadPreview
from services.writes.apply_incoming import apply_incoming
from storage.core.database import Store, WriteUnit
from storage.people.audit import AuditEntry, append_audit
from storage.people.uploads import UploadBatch, UploadedRow, write_batch

_EXAMPLES = 3
_LONGEST_SHEET = 50
_WRITE_SHARE, _NOTE_SHARE = 0.1, 0.85


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
        raise UploadRefused("The file has no good row: mend it first.")
    if preview.failed_rows and mode is UploadMode.ALL_OR_NOTHING:
        count = how_many(preview.failed_rows, "row")
        raise UploadRefused(f"{count} of the file cannot be taken: mend the file, or upload the good rows alone.")
    if not preview.effective_rows:
        return Uploaded(None, None, kind, dict(preview.counts), preview.failed_rows)
    incoming = Incoming()
    sheet = f"sheet {shown(preview.sheet, _LONGEST_SHEET)}, " if preview.sheet else ""
    for record, line in zip(preview.records, preview.lines, strict=True):
        incoming.add(kind, record, f"{sheet}{preview.place} {line}")
    progress(_WRITE_SHARE, "writing and pricing")
    position = _UploadPosition(store, user, preview, kind, mode, progress)
    source = upload_source(preview.file_name, user.name)
    applied = apply_incoming(store, state, incoming, source=source, position=position, wait_for_slow=wait_for_slow)
    progress(1.0, "done")
    counts = position.comparison.counts
    return Uploaded(position.batch_id, applied.revision, kind, counts, preview.failed_rows, applied.pending)


@dataclass(slots=True)
class _UploadPosition:
    """Writes the batch in the transaction of its rows, after a last look whether they still do what was shown.

    Every writer waits for this transaction, so a reader beside it sees the store as it was right before.
    """

    store: Store
    user: User
    preview: UploadPreview
    kind: str
    mode: UploadMode
    progress: Callable[[float, str], None]
    comparison: Comparison = field(default_factory=Comparison)
    batch_id: int | None = None

    def move(self, unit: WriteUnit, late: int, rejected: int) -> None:  # noqa: ARG002
        self.progress(_NOTE_SHARE, "noting what the rows were before")
        self.comparison = self._as_it_is_now(unit)
        moved = moved_rows(self.preview.compared, self.comparison, self.kind)
        if moved:
            raise PreviewOutdated(_moved_text(moved, self.preview.place))
        counts = {**self.comparison.counts, "failed": self.preview.failed_rows}
        batch = UploadBatch(
            0,
            datetime.now(UTC),
            self.user.name,
            shown(self.preview.file_name, 200),
            self.preview.content_hash,
            self.kind,
            str(self.mode),
            counts,
            unit.revision,
            None,
            None,
        )
        rows = [UploadedRow(row.key, row.line, row.previous) for row in self.comparison.written()]
        self.batch_id = write_batch(unit, batch, rows)
        after = {
            "file": batch.file_name,
            "hash": batch.content_hash,
            "kind": self.kind,
            "mode": batch.mode,
            **counts,
        }
        append_audit(unit, [AuditEntry(self.user.name, "uploaded", "upload", str(self.batch_id), None, after)])

    def _as_it_is_now(self, unit: WriteUnit) -> Comparison:
        """The comparison again, unless nothing of that kind was written since the preview."""
        preview, seen = self.preview, self.preview.revisions
        ticks = self.kind in ("quotes", "sensitivities")
        if seen is not None and not ticks and seen.static_revision == unit.before.static_revision:
            return preview.compared
        source = upload_source(preview.file_name, self.user.name)
        with self.store.read() as before:
            return compare(before, self.kind, preview.records, preview.lines, source)


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
