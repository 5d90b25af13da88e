"""Whatever came in takes effect: rows, prices of what they change, and the source's position, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from services.pricing.deferred_work import price_deferred_work
from services.pricing.prebuild import prebuild
from services.pricing.price_book import DeferredWork
from services.pricing.pricing_state import PricingState
from services.pricing.repricing_scope import RepricingScope, price_moved
from services.pricing.unit_of_work import UnitOfWork, unit_of_work
from services.records.incoming import Incoming
from services.records.plausibility import questions_on_parameters
from services.writes.upsert_quotes import split_ahead, upsert_quotes
from services.writes.upsert_records import RECORD_ORDER, upsert_changed_records
from services.writes.upsert_reported import upsert_reported
from storage.core.database import Store, WriteUnit
from storage.feeds.feeds import move_cursor
from storage.feeds.questioned_values import QuestionedValue, write_questioned
from storage.feeds.rejections import Rejection, write_rejections


class Position(Protocol):
    """Where a source is after a batch: moved in the batch's own transaction."""

    def move(self, unit: WriteUnit, late: int, rejected: int) -> None:
        """Raises FeedLost or PositionMoved when it is not this process that may move it: then nothing is written."""
        ...


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """The cursor of a feed. owner: the sidecar that must still own the feed."""

    feed: str
    owner: str
    cursor: dict[str, Any]

    def move(self, unit: WriteUnit, late: int, rejected: int) -> None:
        move_cursor(unit.connection, self.feed, self.owner, self.cursor, late, rejected)


@dataclass(slots=True)
class Counts:
    """What became of the rows of a kind. late: quotes that went to history alone."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    late: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Applied:
    """What a batch did. counts: by kind of row. pending: what is to be done concurrently with the ticks. questioned:
    what was taken and can hardly be meant."""

    revision: int
    counts: dict[str, Counts]
    pending: DeferredWork = field(default_factory=DeferredWork)
    questioned: Sequence[QuestionedValue] = ()

    def of(self, kind: str) -> Counts:
        """The counts of a kind, all 0 where the batch had none of it."""
        return self.counts.get(kind) or Counts()


def apply_incoming(
    store: Store,
    state: PricingState,
    incoming: Incoming,
    *,
    source: str,
    position: Position | None = None,
    rejections: Sequence[Rejection] = (),
    not_before: date | None = None,
    wait_for_slow: bool = False,
    future_tolerance_seconds: float = 300.0,
) -> Applied:
    """Apply rows in one transaction with the position of their source.

    What takes long to prepare for this is prepared before the transaction begins. What it lacks all the same, because
    another process has changed parameters or trades, is left to be prepared concurrently with the ticks, or with
    ``wait_for_slow`` prepared in place. Slow engines never work in the transaction, which keeps every other writer
    waiting: their work is left too, or with ``wait_for_slow`` done after it, before this returns. Should that fail, the
    rows are in the store.

    Raises FeedLost and PositionMoved, as the position does.
    """
    tolerance = timedelta(seconds=future_tolerance_seconds)
    foreseen, _ = split_ahead(incoming.quotes, datetime.now(UTC) + tolerance)
    prebuild(store, state, incoming, foreseen, wait_for_slow=wait_for_slow)
    with unit_of_work(store, state, source) as work:
        written = write_incoming(
            work, incoming, not_before=not_before, tolerance=tolerance, wait_for_slow=wait_for_slow
        )
        refused = [*rejections, *written.ahead]
        write_rejections(work.unit.connection, work.unit.now, source, refused)
        if position is not None:
            position.move(work.unit, written.late, len(refused))
    return finish(store, work, written, wait_for_slow=wait_for_slow)


@dataclass(frozen=True, slots=True)
class Written:
    """What a unit of work did with rows. late: quotes that went to history alone. ahead: quotes that were set aside.
    questioned: what was taken and can hardly be meant."""

    counts: dict[str, Counts]
    pending: DeferredWork
    late: int
    ahead: Sequence[Rejection]
    questioned: Sequence[QuestionedValue]


def write_incoming(
    work: UnitOfWork,
    incoming: Incoming,
    *,
    not_before: date | None = None,
    tolerance: timedelta = timedelta(minutes=5),
    wait_for_slow: bool = False,
) -> Written:
    """Write rows in a unit of work, and price what depends on them.

    Records are upserted: a known key is overwritten, the last of several with one key counts, what is equal to the
    stored is not written. A quote older than the stored one of its instrument and date, or of a date before
    ``not_before``, is late and goes to history alone; of equal times the later arrival counts; one observed further
    ahead of the clock than the tolerance is set aside with its reason. Then what depends on all this is priced:
    trades that came or changed and underlyings with new parameters at the newest as-of date, underlyings with a new
    quote at the quote's date, and all of them at a date that is new to the store, also an earlier one: it is a close.
    Reported sensitivities take the place of ours.
    """
    unit, state = work.unit, work.state
    counts: dict[str, Counts] = {}
    moved = RepricingScope()
    late = 0
    ahead: list[Rejection] = []
    questioned: list[QuestionedValue] = []
    if incoming.quotes:  # first: they may begin a date, and what else came belongs to that
        in_time, ahead = split_ahead(incoming.quotes, unit.now + tolerance)
        quoted = upsert_quotes(work, in_time, not_before, moved)
        late = quoted.late
        questioned += quoted.questioned
        counts["quotes"] = Counts(quoted.new, quoted.changed, quoted.unchanged, late, len(ahead))
    for kind in RECORD_ORDER:
        if records := incoming.records.get(kind):
            places = incoming.places[kind]
            if kind == "parameters":
                questioned += questions_on_parameters(records, places, state.parameters, state.bounds)
            taken = upsert_changed_records(work, kind, records, moved, places)
            counts[kind] = Counts(taken.new, taken.changed, taken.unchanged)
    if incoming.sensitivities:
        reported = upsert_reported(work, incoming.sensitivities)
        counts["sensitivities"] = Counts(reported.new, reported.changed, reported.unchanged)
    pending = price_moved(work, moved, wait_for_slow=wait_for_slow)
    if moved.inherited:
        state.drop_quotes()
    write_questioned(unit.connection, unit.now, work.change.source, questioned)
    return Written(counts, pending, late, ahead, questioned)


def finish(store: Store, work: UnitOfWork, written: Written, *, wait_for_slow: bool) -> Applied:
    """Do after a unit of work what it left, where the caller waits for it."""
    pending = written.pending
    if wait_for_slow:
        price_deferred_work(store, work.state, pending, source=work.change.source)
        pending = DeferredWork()
    return Applied(work.unit.revision, written.counts, pending, written.questioned)
