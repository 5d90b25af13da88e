"""Preview an upload: what a file would change in the store, and what is wrong with its bad rows. Nothing is written."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from services.access.permissions import Permission, User, require
from services.files.file_limits import FileLimits
from services.files.open_table import OpenTable, Rows, open_table
from services.files.read_file import kind_or_refuse, read_open_table
from services.records.ahead_of_clock import refuse_ahead
from services.records.doubtful_rows import (
    doubts,
    implausible_trades,
    questioned_before,
    questioned_in_words,
)
from services.records.faults import fault_of
from services.records.how_many import how_many
from services.records.plausibility import DEFAULT_BOUNDS, PlausibleBounds
from services.records.read_rows import ReadRecords, RowFailure, Unreadable, heading_of
from services.records.read_values import shown
from services.records.record_kinds import RECORD_KINDS, Record
from services.uploads.column_mapping import Proposal, likely_kind, mapped_names, propose_mapping, telling_names
from services.uploads.compare_upload import Comparison, Outcome, compare, key_text, upload_source
from services.writes.load_file import refuse_unknown_tickers
from storage.core.database import Store, StoreRevisions
from storage.people.uploads import loaded_before, read_batches

Progress = Callable[[float, str], None]
"""Told how far the work is, from 0 to 1, and in words."""

_CHANGES_SHOWN = 1_000
_ROWS_A_SIGN = 5_000
_READ_SHARE, _COMPARED_SHARE = 0.7, 1.0
_LONGEST_CELL = 200
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A value that differs. line: the row of the file; column: as files call it, or "Source"."""

    line: int
    key: str
    column: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class KnownContent:
    """The same content that came before: by an upload of somebody, or as a watched file."""

    who: str
    when: datetime
    file_name: str
    undone: bool = False


@dataclass(slots=True)
class UploadPreview:
    """What a file would do. kind is None when its columns do not say; then nothing was read but its heading.

    names: of the columns, as the file has them; mapping: column of the file -> ours, as it was applied. warnings: what
    to look at in good rows. counts: of the good rows, by ``Outcome``. changes: the values that differ, of the first
    rows. failed_cells: line -> the row as it is in the file. place: what lines count. revisions: where the store stood.
    records, lines, compared: the good rows; ``summary`` goes without them.
    """

    file_name: str
    content_hash: str
    kind: str | None
    place: str = "line"
    names: list[str] = field(default_factory=list)
    sheets: list[str] = field(default_factory=list)
    sheet: str | None = None
    mapping: dict[str, str] = field(default_factory=dict)
    proposals: list[Proposal] = field(default_factory=list)
    left_aside: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    changes: list[FieldChange] = field(default_factory=list)
    more_changed_rows: int = 0
    failures: list[RowFailure] = field(default_factory=list)
    more_failures: int = 0
    failed_rows: int = 0
    failed_cells: dict[int, list[str]] = field(default_factory=dict)
    known: list[KnownContent] = field(default_factory=list)
    revisions: StoreRevisions | None = None
    records: list[Record] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    compared: Comparison = field(default_factory=Comparison)

    @property
    def good_rows(self) -> int:
        return sum(self.counts.values())

    @property
    def effective_rows(self) -> int:
        """How many rows would be written."""
        return self.good_rows - self.counts.get(Outcome.UNCHANGED, 0)

    def summary(self) -> "UploadPreview":
        """The preview without its rows: what a page needs."""
        return replace(self, records=[], lines=[], compared=Comparison())


def preview_upload(
    store: Store,
    user: User,
    kind: str | None,
    file_name: str,
    content: bytes | Path,
    mapping: Mapping[str, str] | None = None,
    *,
    sheet: str | None = None,
    limits: FileLimits | None = None,
    future_tolerance_seconds: float = 300.0,
    bounds: PlausibleBounds = DEFAULT_BOUNDS,
    progress: Progress = lambda _done, _what: None,
) -> UploadPreview:
    """Read a file and compare it with the store.

    kind: a key of ``RECORD_KINDS``; None: the one that its columns fit. file_name: how the user calls it, never a place
    to read from. mapping: column of the file -> ours, what the user has confirmed. sheet: of a workbook, the first when
    None. bounds: from where on values are questioned. What is wrong with the file is in the failures. Raises
    NotAllowed, and ValueError for an unknown kind.
    """
    require(store, user, Permission.UPLOAD, f"preview an upload of {shown(file_name)}")
    if kind is not None and kind not in RECORD_KINDS:
        raise ValueError(f"there are no {kind}; there are {', '.join(RECORD_KINDS)}")
    limits = limits or FileLimits()
    with _on_disk(content) as path:
        preview = UploadPreview(file_name, _hash_of(path), kind, mapping=dict(mapping or {}))
        try:
            with open_table(path, file_name, limits, sheet) as table:
                read = _read(preview, table, progress)
            if read is None:
                return _known_content(store, preview)
            refuse_ahead(read, preview.kind or "", future_tolerance_seconds)
            if preview.kind == "trades":
                refuse_unknown_tickers(store, read)
            if read.failures:
                preview.failed_cells = _cells_of(path, preview, limits, {failure.line for failure in read.failures})
        except Unreadable as unreadable:
            read = ReadRecords()
            read.refuse([unreadable.failure])
    preview.failures, preview.more_failures = read.failures, read.more_failures
    preview.failed_rows, preview.left_aside = read.failed_rows, read.left_aside
    preview.records, preview.lines = read.records, read.lines
    progress(_READ_SHARE, "comparing with the store")
    _compare(store, preview, user, read, bounds)
    progress(_COMPARED_SHARE, "compared")
    return _known_content(store, preview)


def _read(preview: UploadPreview, table: OpenTable, progress: Progress) -> ReadRecords | None:
    """The rows of the table, or None when its columns are not those of one kind."""
    preview.names, preview.place = table.names, table.place
    preview.sheets, preview.sheet = table.sheets, table.sheet
    preview.mapping = {name: column for name, column in preview.mapping.items() if name in table.names}
    names = _mapped(preview, table)
    if preview.kind is None:
        try:
            preview.kind = kind_or_refuse(table, names)
        except Unreadable:
            likely = likely_kind(names)
            if likely is not None:
                preview.proposals = propose_mapping(names, RECORD_KINDS[likely])
            if likely is None or not preview.proposals:
                raise
            preview.kind = likely
            _say_columns(preview, names, table)
            return None
    kind = RECORD_KINDS[preview.kind]
    preview.proposals = propose_mapping(names, kind)
    if heading_of(names, kind).fault(kind) is not None:
        _say_columns(preview, names, table)
        return None
    return read_open_table(table, names, kind, lambda rows: _watched(rows, table.expected, progress))


def _mapped(preview: UploadPreview, table: OpenTable) -> list[str]:
    try:
        return mapped_names(table.names, preview.mapping, RECORD_KINDS[preview.kind] if preview.kind else None)
    except ValueError as error:
        raise Unreadable(1, fault_of(error), table.place) from error


def _say_columns(preview: UploadPreview, names: Sequence[str], table: OpenTable) -> None:
    """The failure of a file whose heading does not do."""
    kind = RECORD_KINDS[preview.kind or ""]
    fault = heading_of(names, kind).fault(kind, table.where)
    if fault is not None:
        failure = RowFailure(1, "", "", fault.reason, table.place, fault.remediation)
        preview.failures, preview.failed_rows = [failure], 1
    preview.left_aside = list(heading_of(names, kind).left_aside)


def _watched(rows: Rows, expected: int | None, progress: Progress) -> Rows:
    """The rows, with a sign every few thousand."""
    for count, row in enumerate(rows):
        if count % _ROWS_A_SIGN == 0:
            # Where the number of rows is not known, the bar slows down as it goes.
            done = count / expected if expected else count / (count + 50_000)
            progress(_READ_SHARE * min(done, 1.0), f"{how_many(count, 'row')} read")
        yield row


def _compare(store: Store, preview: UploadPreview, user: User, read: ReadRecords, bounds: PlausibleBounds) -> None:
    kind = preview.kind
    with store.read() as connection:
        preview.revisions = store.revisions(connection)
        if kind is None:
            return
        source = upload_source(preview.file_name, user.name)
        preview.compared = compare(connection, kind, preview.records, preview.lines, source)
        preview.warnings = _warnings(connection, kind, preview, read)
        preview.warnings += questioned_in_words(questioned_before(kind, read, bounds, connection))
    preview.counts = preview.compared.counts
    columns = {column.field: column.name for column in RECORD_KINDS[kind].columns}
    changed = [row for row in preview.compared.rows if row.outcome is Outcome.CHANGED]
    preview.changes = [
        FieldChange(row.line, key_text(row.key), columns.get(name, name.capitalize()), old, new)
        for row in changed[:_CHANGES_SHOWN]
        for name, old, new in row.changes
    ]
    preview.more_changed_rows = len(changed[_CHANGES_SHOWN:])


def _warnings(connection: Connection, kind: str, preview: UploadPreview, read: ReadRecords) -> list[str]:
    """What looks wrong in rows that can be taken, before somebody takes them."""
    found = doubts(kind, read, connection)
    if kind == "trades":
        found += implausible_trades(connection, read.records)
    if telling := telling_names(preview.left_aside, RECORD_KINDS[kind]):
        found.append(f"left aside, although it may say something: {', '.join(map(shown, telling[:10]))}")
    return found


def _known_content(store: Store, preview: UploadPreview) -> UploadPreview:
    """Say whether the same content came before."""
    with store.read() as connection:
        batches = read_batches(connection, content_hash=preview.content_hash)
        files = loaded_before(connection, preview.content_hash)
    preview.known = [
        *(KnownContent(b.user_name, b.uploaded_at, b.file_name, b.undone_at is not None) for b in batches),
        *(KnownContent("a watched folder", when, Path(path).name) for path, when in files),
    ]
    return preview


def _cells_of(path: Path, preview: UploadPreview, limits: FileLimits, lines: set[int]) -> dict[int, list[str]]:
    """The rows of these lines as they are in the file, by a second look at it; long cells are cut."""
    found: dict[int, list[str]] = {}
    try:
        with open_table(path, preview.file_name, limits, preview.sheet) as table:
            for line, cells in table.rows_of(range(len(table.names))):
                if line in lines:
                    found[line] = [shown(cell, _LONGEST_CELL) for cell in cells]
                    if len(found) == len(lines):
                        break
    except Unreadable:
        pass  # said already; and a nested column of Parquet has no cells that could be shown
    return found


def _hash_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def _on_disk(content: bytes | Path) -> Iterator[Path]:
    """The content as a file: readers go through it more than once, and not all of it is in memory."""
    if isinstance(content, Path):
        yield content
        return
    with tempfile.TemporaryDirectory(prefix="deltaboard-upload-") as folder:
        path = Path(folder) / "content"
        path.write_bytes(content)
        yield path
