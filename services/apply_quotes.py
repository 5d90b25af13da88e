"""Quotes come in: keep all for history, the newest for pricing, and reprice what moved, in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from services.price_book import SlowWork, price_underlyings
from services.pricing_state import PricingState
from storage.change_log import Change, arrow_table, changing
from storage.database import Store, WriteUnit
from storage.feeds import move_cursor
from storage.quotes import Quote, write_quotes
from storage.rejections import Rejection, write_rejections


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """Where a feed is after a batch: written with the batch. owner: the sidecar that must still own the feed."""

    feed: str
    owner: str
    cursor: dict[str, Any]
    not_before: date | None = None
    """The as-of date the feed has reached: its ticks of earlier dates are late, those days' closes are frozen."""


@dataclass(frozen=True, slots=True)
class AppliedQuotes:
    """What a batch of quotes did."""

    revision: int
    applied: int
    late: int
    rejected: int
    slow_work: list[SlowWork] = field(default_factory=list)


def quote_of_date(as_of: date, instrument: str, quote: float) -> Quote:
    """A quote that has a date and no time: it counts as observed at the start of that day (UTC).

    ``apply_quotes`` lets it take the place of a newer observation of the same date all the same, because whoever sends
    it means the newest; and any tick of the day that comes after it is newer than it.
    """
    return Quote(as_of, instrument, quote, datetime.combine(as_of, time.min, UTC))


def apply_quotes(
    store: Store,
    state: PricingState,
    batch: Sequence[Quote],
    *,
    source: str,
    position: FeedPosition | None = None,
    wait_for_slow: bool = False,
    future_tolerance_seconds: float = 300.0,
) -> AppliedQuotes:
    """Apply quotes in one transaction with the feed's cursor.

    An observation older than the stored one of its instrument and date goes to history alone; of equal times the later
    arrival counts. One observed further ahead of the clock than the tolerance is set aside with its reason. A date is
    priced when it is the newest or was priced before. Raises FeedLost when the feed has another owner.
    """
    try:
        with changing(store, source) as (unit, change):
            state.refresh(unit)
            in_time, ahead = _split_ahead(batch, unit.now + timedelta(seconds=future_tolerance_seconds))
            newest, observations, late = _newest(unit, state, in_time, position.not_before if position else None)
            write_quotes(unit, newest, observations, source)
            write_rejections(unit.connection, unit.now, source, ahead)
            work = _price(unit, state, change, newest, wait_for_slow)
            if position is not None:
                move_cursor(unit.connection, position.feed, position.owner, position.cursor, late, len(ahead))
        state.wrote(unit, static=False, quotes=change.quotes)
    except BaseException:
        state.forget()
        raise
    return AppliedQuotes(unit.revision, len(newest), late, len(ahead), work)


def _split_ahead(batch: Iterable[Quote], limit: datetime) -> tuple[list[Quote], list[Rejection]]:
    in_time: list[Quote] = []
    ahead: list[Rejection] = []
    for quote in batch:
        if quote.observed_at <= limit:
            in_time.append(quote)
        else:
            reason = "observed further ahead of the clock than is tolerated: check the time and its zone"
            ahead.append(Rejection(quote.instrument, "observed_at", f"{quote.observed_at:%Y-%m-%dT%H:%M:%SZ}", reason))
    return in_time, ahead


def _newest(
    unit: WriteUnit, state: PricingState, batch: Iterable[Quote], not_before: date | None
) -> tuple[list[Quote], list[Quote], int]:
    """The quotes that move prices (one an instrument and date), all observations, and how many of them were late."""
    newest: dict[tuple[date, str], Quote] = {}
    observations: list[Quote] = []
    late = 0
    for quote in batch:
        key = (quote.as_of_date, quote.instrument)
        stored = newest.get(key)
        if stored is None:
            known = state.quotes(unit.connection, quote.as_of_date).get(quote.instrument)
            stored = known if known is not None and known.as_of_date == quote.as_of_date else None
        if stored is not None and _has_no_time(quote):
            quote = Quote(quote.as_of_date, quote.instrument, quote.quote, stored.observed_at)
        observations.append(quote)
        too_old = stored is not None and quote.observed_at < stored.observed_at
        if too_old or (not_before is not None and quote.as_of_date < not_before):
            late += 1
        else:
            newest[key] = quote
    return list(newest.values()), observations, late


def _has_no_time(quote: Quote) -> bool:
    return quote.observed_at == datetime.combine(quote.as_of_date, time.min, UTC)


def _price(
    unit: WriteUnit, state: PricingState, change: Change, newest: Sequence[Quote], wait_for_slow: bool
) -> list[SlowWork]:
    """Reprice what moved: the underlyings of the new quotes, and every underlying on a date that is new."""
    if not newest:
        return []
    change.quotes = True
    state.newest = max([quote.as_of_date for quote in newest] + ([state.newest] if state.newest else []))
    by_date: dict[date, list[Quote]] = {}
    for quote in newest:
        by_date.setdefault(quote.as_of_date, []).append(quote)
    moved: dict[date, set[str]] = {}
    for as_of, quotes in by_date.items():
        state.quotes(unit.connection, as_of).update((quote.instrument, quote) for quote in quotes)
        if as_of != state.newest and as_of not in state.priced:
            continue
        moved[as_of] = {quote.instrument for quote in quotes} if as_of in state.priced else set(state.tickers())
        change.tables[("quotes", as_of)] = _logged(quotes)
    for later in sorted(date_ for date_ in state.priced if date_ > min(by_date)):
        known = state.quotes(unit.connection, later)
        for quote in newest:
            inherited = known.get(quote.instrument)
            if quote.as_of_date < later and (inherited is None or inherited.as_of_date <= quote.as_of_date):
                known[quote.instrument] = quote
                moved.setdefault(later, set()).add(quote.instrument)
    work: list[SlowWork] = []
    for as_of in sorted(moved):
        work += price_underlyings(unit, state, change, as_of, sorted(moved[as_of]), wait_for_slow=wait_for_slow)
    if set(by_date) != {state.newest}:
        state.drop_quotes()
    return work


def _logged(quotes: Sequence[Quote]) -> Any:
    return arrow_table(
        {
            "instrument": [quote.instrument for quote in quotes],
            "quote": [quote.quote for quote in quotes],
            "observed_at": [quote.observed_at for quote in quotes],
        },
        len(quotes),
    )
