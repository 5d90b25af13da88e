"""Append rows of one kind: the good ones go in and are priced, the bad ones are named with their reasons."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.pricing.pricing_state import PricingState
from services.records.ahead_of_clock import refuse_ahead
from services.records.doubtful_rows import doubts, questioned_in_words
from services.records.incoming import Incoming
from services.records.read_rows import ReadRecords, RowFailure, read_mappings
from services.records.record_kinds import RECORD_KINDS, RecordKind
from services.writes.apply_incoming import Counts, apply_incoming
from storage.core.database import Store

Row = Mapping[str, Any] | Sequence[Any]
"""Named values, or values in the order of the kind's columns."""


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of rows. revision is None when nothing was written.

    new, changed, unchanged, late: what went in (late: quotes that went to history alone). refused: rows that did not.
    failures name them with the row's number; more_failures are not in the list. left_aside: columns that are not known.
    warnings: what to look at in rows that went in.
    """

    kind: str
    revision: int | None = None
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    late: int = 0
    refused: int = 0
    failures: list[RowFailure] = field(default_factory=list)
    more_failures: int = 0
    left_aside: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def taken(self) -> int:
        """How many rows had an effect or had nothing to change."""
        return self.new + self.changed + self.unchanged + self.late


def append(
    store: Store,
    state: PricingState,
    kind: str,
    rows: Iterable[Row],
    *,
    source: str = "append",
    atomic: bool = False,
    wait_for_slow: bool = True,
    future_tolerance_seconds: float = 300.0,
) -> Appended:
    """Read rows of a kind (a key of ``RECORD_KINDS``), numbered from 1, and apply the good ones in one transaction.

    atomic: nothing goes in when one of them is bad. A trade on an unknown ticker or of an unknown book is taken, as
    from a stream, and marked on the board. Raises ValueError for an unknown kind.
    """
    return append_read(
        store,
        state,
        kind,
        read_appended(kind, enumerate(rows, 1)),
        source=source,
        atomic=atomic,
        wait_for_slow=wait_for_slow,
        future_tolerance_seconds=future_tolerance_seconds,
    )


def read_appended(kind: str, rows: Iterable[tuple[int, Row]], *, place: str = "row") -> ReadRecords:
    """Read numbered rows of named values or of values in order; place: what the numbers count.

    Raises ValueError for an unknown kind.
    """
    if kind not in RECORD_KINDS:
        raise ValueError(f"there are no {kind}; there are {', '.join(RECORD_KINDS)}")
    misfits: list[RowFailure] = []
    read = read_mappings(_named(rows, RECORD_KINDS[kind], misfits, place), RECORD_KINDS[kind], place=place)
    for misfit in misfits:
        read.refuse([misfit])
    if misfits:
        read.failures.sort(key=lambda failure: failure.line)
    return read


def append_read(
    store: Store,
    state: PricingState,
    kind: str,
    read: ReadRecords,
    *,
    source: str = "append",
    atomic: bool = False,
    wait_for_slow: bool = True,
    future_tolerance_seconds: float = 300.0,
) -> Appended:
    """Apply rows that were read, as ``append`` does."""
    refuse_ahead(read, kind, future_tolerance_seconds)
    incoming = Incoming()
    for record in read.records:
        incoming.add(kind, record)
    revision, counts, warnings = None, Counts(), list[str]()
    if len(incoming) and not (atomic and read.failed_rows):
        applied = apply_incoming(
            store,
            state,
            incoming,
            source=source,
            wait_for_slow=wait_for_slow,
            future_tolerance_seconds=future_tolerance_seconds,
        )
        revision, counts = applied.revision, applied.of(kind)
        warnings = [*doubts(kind, read), *questioned_in_words(applied.questioned)]
    return Appended(
        kind,
        revision,
        counts.new,
        counts.changed,
        counts.unchanged,
        counts.late,
        counts.refused + read.failed_rows,
        read.failures,
        read.more_failures,
        read.left_aside,
        warnings,
    )


def _named(
    rows: Iterable[tuple[int, Row]], kind: RecordKind, misfits: list[RowFailure], place: str
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows of named values; what is no row goes to the misfits."""
    names = [column.name for column in kind.columns]
    for number, row in rows:
        if isinstance(row, Mapping):
            yield number, row
        elif isinstance(row, Sequence) and not isinstance(row, (str, bytes)):
            if len(row) <= len(names):
                yield number, dict(zip(names, row, strict=False))
                continue
            reason = f"{len(row)} values for {len(names)} columns"
            misfits.append(RowFailure(number, "", "", reason, place, f"give them in the order {', '.join(names)}"))
        else:
            remediation = f"give named values, or values in the order {', '.join(names)}"
            misfits.append(RowFailure(number, "", "", "no row", place, remediation))
