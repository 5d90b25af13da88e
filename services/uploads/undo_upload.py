"""Take an upload back: its rows are what they were before, in one transaction, as long as nobody touched them since."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from services.access.permissions import Permission, User, require
from services.access.reasons import NotPossible
from services.pricing.deferred_work import price_deferred_work
from services.pricing.prebuild import prebuild
from services.pricing.price_book import DeferredWork
from services.pricing.pricing_state import PricingState
from services.pricing.repricing_scope import RepricingScope, price_moved
from services.pricing.unit_of_work import unit_of_work
from services.records.how_many import grouped, how_many
from services.records.incoming import Incoming
from services.uploads.compare_upload import key_text
from services.uploads.preview_upload import Progress
from services.writes.take_back import take_back_quotes, take_back_records, take_back_sensitivities
from storage.book.records import RECORD_TABLES
from storage.core.database import Store, WriteUnit
from storage.core.known_at import withdraw_revision
from storage.market.quote_history import stored_observations
from storage.people.audit import AuditEntry, append_audit
from storage.people.uploads import (
    UPLOAD_TABLES,
    Key,
    Row,
    UploadBatch,
    UploadedRow,
    mark_undone,
    read_batch,
    read_uploaded_rows,
    stored_rows,
    who_wrote,
)

_EXAMPLES = 3


class UndoRefused(NotPossible):
    """The upload cannot be taken back; nothing was written. The message says what is in the way."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did: how many rows have their former values again, and how many are gone."""

    batch_id: int
    revision: int
    restored: int
    removed: int
    pending: DeferredWork = field(default_factory=DeferredWork)


def undo_upload(
    store: Store,
    state: PricingState,
    user: User,
    batch_id: int,
    *,
    wait_for_slow: bool = False,
    progress: Progress = lambda _done, _what: None,
) -> Undone:
    """Take an upload back, and price what that changes.

    Rows that it changed have their former values, source and revision again; rows that were new are gone with their
    values. Raises NotAllowed, and UndoRefused when there is no such upload, when it was taken back already, and when
    somebody has changed one of its rows since.
    """
    require(store, user, Permission.UPLOAD, f"undo upload {batch_id}")
    progress(0.1, "looking who touched its rows since")
    _prepare(store, state, batch_id, wait_for_slow=wait_for_slow)
    with unit_of_work(store, state, f"undo of upload {batch_id} by {user.name}") as work:
        unit, change = work.unit, work.change
        batch = read_batch(unit.connection, batch_id)
        if batch is None:
            raise UndoRefused(f"There is no upload {batch_id}.")
        if batch.undone_at is not None:
            raise UndoRefused(f"Upload {batch_id} was taken back by {batch.undone_by} already.")
        rows = read_uploaded_rows(unit.connection, batch_id)
        stored = stored_rows(unit.connection, UPLOAD_TABLES[batch.kind], _stored_keys(batch, rows))
        touched = _touched(unit, batch, rows, stored)
        if touched:
            raise UndoRefused(_touched_text(unit, batch, touched))
        progress(0.4, "putting back what was there")
        moved = RepricingScope()
        change.reload = True
        withdraw_revision(unit, batch.revision, change.source)
        if batch.kind == "quotes":
            held = take_back_quotes(work, {row.key[:2] for row in rows}, moved)
            _refuse_forgotten(batch_id, rows, held)
        elif batch.kind == "sensitivities":
            take_back_sensitivities(work, rows, moved)
        else:
            take_back_records(work, batch.kind, stored, moved)
        progress(0.7, "pricing")
        pending = price_moved(work, moved, wait_for_slow=wait_for_slow)
        mark_undone(unit, batch_id, user.name)
        restored = sum(_was_there(batch.kind, row) for row in rows)
        before = {"file": batch.file_name, "kind": batch.kind, "uploaded by": batch.user_name}
        after = {"restored": restored, "removed": len(rows) - restored}
        append_audit(unit, [AuditEntry(user.name, "undone", "upload", str(batch_id), before, after)])
    if wait_for_slow:
        price_deferred_work(store, state, pending, source="upload")
        pending = DeferredWork()
    progress(1.0, "done")
    return Undone(batch_id, unit.revision, restored, len(rows) - restored, pending)


def _prepare(store: Store, state: PricingState, batch_id: int, *, wait_for_slow: bool) -> None:
    """Prepare, before the transaction, what the former records will need."""
    with store.read() as connection:
        batch = read_batch(connection, batch_id)
        former: list[Row] = []
        if batch is not None and batch.kind in RECORD_TABLES:
            former = [row.previous for row in read_uploaded_rows(connection, batch_id) if row.previous is not None]
    if batch is not None and former:
        prebuild(store, state, Incoming({batch.kind: former}), (), wait_for_slow=wait_for_slow)


def _was_there(kind: str, row: UploadedRow) -> bool:
    if row.previous is None:
        return False
    return kind != "sensitivities" or row.previous["row"] is not None


def _stored_keys(batch: UploadBatch, rows: Sequence[UploadedRow]) -> Collection[Key]:
    """The keys of the rows in the kind's own table: of quotes without the instant."""
    return {row.key[:2] for row in rows} if batch.kind == "quotes" else [row.key for row in rows]


def _refuse_forgotten(batch_id: int, rows: Sequence[UploadedRow], held: Collection[Key]) -> None:
    """Raises UndoRefused where what an upload of quotes took the place of is kept no more."""
    lost = [row for row in rows if (row.previous or {}).get("newest") is not None and row.key[:2] not in held]
    if lost:
        count = how_many(len(lost), "quote that it replaced is", "quotes that it replaced are")
        raise UndoRefused(
            f"Upload {batch_id} cannot be taken back: {count} kept no more (DELTABOARD_QUOTE_DAYS), as of "
            f"{_row_text(lost[0].key)}. Upload a file with the values that you want."
        )


def _touched(
    unit: WriteUnit, batch: UploadBatch, rows: Sequence[UploadedRow], stored: Mapping[Key, Row]
) -> list[tuple[UploadedRow, Row | None]]:
    """The rows that are not as the upload left them, with what is there now (None: nothing)."""
    if batch.kind != "quotes":
        found = ((row, stored.get(row.key)) for row in rows)
        return [(row, now) for row, now in found if now is None or now["revision"] != batch.revision]
    observed = stored_observations(unit.connection, [(day, name, at) for day, name, at in (row.key for row in rows)])
    touched: list[tuple[UploadedRow, Row | None]] = []
    for row in rows:
        observation, quote = observed.get((row.key[0], row.key[1], row.key[2])), stored.get(row.key[:2])
        if observation is None or observation["revision"] != batch.revision:
            touched.append((row, observation))
        elif quote is None or (quote["revision"] != batch.revision and _was_newest(row)):
            touched.append((row, quote))
    return touched


def _was_newest(row: UploadedRow) -> bool:
    """Whether the quote was no late one: it took the place of the newest of its date."""
    before = (row.previous or {}).get("newest")
    return before is None or row.key[2] >= before["observed_at"]


def _touched_text(unit: WriteUnit, batch: UploadBatch, touched: Sequence[tuple[UploadedRow, Row | None]]) -> str:
    """Who touched the rows, for people."""
    names: dict[int, str] = {}
    said: list[str] = []
    for row, now in touched[:_EXAMPLES]:
        said.append(f"{_row_text(row.key)}, {_who(unit, now, names)}")
    more = f"; and {grouped(len(touched) - _EXAMPLES)} more" if len(touched) > _EXAMPLES else ""
    count = how_many(len(touched), "of its rows has", "of its rows have")
    return (
        f"Upload {batch.batch_id} cannot be taken back: {count} changed since ({'; '.join(said)}{more}). "
        "Take back what came later first, or upload a file with the values that you want."
    )


def _who(unit: WriteUnit, now: Row | None, names: dict[int, str]) -> str:
    if now is None:
        return "taken away"
    revision = now.get("revision")
    if revision is None:
        return f"by {now['source']}"
    if revision not in names:
        names[revision] = who_wrote(unit.connection, revision) or ""
    by = names[revision] if names[revision] and names[revision] not in now["source"] else ""
    return f"by {now['source']}{f' ({by})' if by else ''}"


def _row_text(key: Key) -> str:
    return key_text(key[:2] if len(key) == 3 else key)
