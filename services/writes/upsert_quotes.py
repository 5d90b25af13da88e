"""Quotes inside a transaction: keep all for history, the newest for pricing, and say which underlyings moved."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa

from services.pricing.pricing_state import PricingState
from services.pricing.repricing_scope import PRICED_CLOSES, RepricingScope
from services.pricing.unit_of_work import UnitOfWork
from services.records.ahead_of_clock import is_ahead, moment_text
from services.records.incoming import has_no_time
from services.records.plausibility import last_quote, question_on_quote
from services.records.read_dates import AHEAD
from storage.core.change_log import arrow_table
from storage.core.database import WriteUnit
from storage.feeds.questioned_values import QuestionedValue
from storage.feeds.rejections import Rejection
from storage.market.day_points import last_of_points
from storage.market.quote_history import stored_observations, write_versions
from storage.market.quotes import Quote, newest_quoted_dates, next_quoted, write_newest


@dataclass(frozen=True, slots=True)
class TakenQuotes:
    """What became of quotes: those that move prices are new (first of their date) or changed."""

    new: int
    changed: int
    unchanged: int
    late: int
    questioned: Sequence[QuestionedValue] = ()


def split_ahead(batch: Iterable[Quote], limit: datetime) -> tuple[list[Quote], list[Rejection]]:
    """The quotes observed up to a limit, and rejections of the others."""
    in_time: list[Quote] = []
    ahead: list[Rejection] = []
    for quote in batch:
        if not is_ahead(quote.observed_at, limit):
            in_time.append(quote)
        else:
            ahead.append(Rejection(quote.instrument, "observed_at", moment_text(quote.observed_at), str(AHEAD)))
    return in_time, ahead


def upsert_quotes(
    work: UnitOfWork,
    batch: Iterable[Quote],
    not_before: date | None,
    moved: RepricingScope,
) -> TakenQuotes:
    """Write a version of each quote and the newest of each instrument, and add the underlyings that they move."""
    newest: dict[tuple[date, str], Quote] = {}
    observations: list[Quote] = []
    are_closed: list[bool] = []
    behind: list[Quote] = []
    questioned: list[QuestionedValue] = []
    latest: dict[str, Quote] = {}
    unchanged = late = new = 0
    for quote in batch:
        key = (quote.as_of_date, quote.instrument)
        stored = newest.get(key) or _stored(work, quote)
        if stored is not None and has_no_time(quote):
            quote = Quote(quote.as_of_date, quote.instrument, quote.quote, stored.observed_at, quote.place)
        if quote == stored:
            unchanged += 1
            continue
        is_closed = not_before is not None and quote.as_of_date < not_before
        observations.append(quote)
        are_closed.append(is_closed)
        if is_closed or (stored is not None and quote.observed_at < stored.observed_at):
            behind.append(quote)
            late += 1
        else:
            new += stored is None
            last = last_quote(quote, (stored, latest.get(quote.instrument), _on_record(work, quote)))
            if question := question_on_quote(quote, last, work.state.bounds):
                questioned.append(question)
            newest[key] = latest[quote.instrument] = quote
    changed = len(observations) - late - new
    if behind:
        observations, are_closed = _without_repeated(work.unit, observations, are_closed, behind)
    write_newest(work.unit, list(newest.values()), work.change.source)
    write_versions(work.unit, observations, are_closed, work.change.source)
    _note_moved(work, list(newest.values()), moved)
    _log_observations(work, observations, newest.values())
    return TakenQuotes(new, changed, unchanged, late, questioned)


def _log_observations(work: UnitOfWork, observations: Iterable[Quote], newest: Iterable[Quote]) -> None:
    """Log the points of a day that the newest quotes do not say: of several observations in a batch, and late ones."""
    said = set(newest)
    by_date: dict[date, list[Quote]] = {}
    for quote in last_of_points(observations):
        if quote not in said and (quote.as_of_date in work.state.priced or quote.as_of_date == work.state.newest):
            by_date.setdefault(quote.as_of_date, []).append(quote)
    for as_of, quotes in by_date.items():
        work.change.log("observations", as_of, _logged(quotes))


def _without_repeated(
    unit: WriteUnit, observations: Sequence[Quote], are_closed: Sequence[bool], behind: Iterable[Quote]
) -> tuple[list[Quote], list[bool]]:
    """The observations without those that say again what is known of their instant. behind: the late ones of them."""
    instants = {(quote.as_of_date, quote.instrument, quote.observed_at) for quote in behind}
    known = {instant: row["quote"] for instant, row in stored_observations(unit.connection, instants).items()}
    kept: list[Quote] = []
    closed: list[bool] = []
    for quote, is_closed in zip(observations, are_closed, strict=True):
        instant = (quote.as_of_date, quote.instrument, quote.observed_at)
        if instant in instants:
            if known.get(instant) == quote.quote:
                continue
            known[instant] = quote.quote
        kept.append(quote)
        closed.append(is_closed)
    return kept, closed


def _on_record(work: UnitOfWork, quote: Quote) -> Quote | None:
    """The newest quote of its instrument on or before its date, as it was before this batch."""
    return work.state.quotes(work.unit.connection, quote.as_of_date).get(quote.instrument)


def _stored(work: UnitOfWork, quote: Quote) -> Quote | None:
    known = _on_record(work, quote)
    return known if known is not None and known.as_of_date == quote.as_of_date else None


def _note_moved(work: UnitOfWork, newest: Sequence[Quote], moved: RepricingScope) -> None:
    """The underlyings of the new quotes, every underlying on a date that is new, and whoever inherits a quote.

    An earlier date that comes later is priced, too: it is the close of the next. Of a history only the newest
    ``PRICED_CLOSES`` are: it is as long as somebody has it, and the book is priced whole at each.
    """
    if not newest:
        return
    work.change.quotes = True
    before = work.state.newest
    work.state.note_newest(max([quote.as_of_date for quote in newest] + ([before] if before else [])))
    by_date: dict[date, list[Quote]] = {}
    for quote in newest:
        by_date.setdefault(quote.as_of_date, []).append(quote)
    moved.inherited = set(by_date) != {work.state.newest}
    if moved.inherited:
        work.state.drop_quotes()  # what is in memory of later dates lacks what they inherit now
        work.change.outdate("dates")
    closes = _priced_dates(work.unit, work.state, by_date)
    for as_of, quotes in by_date.items():
        if as_of not in closes:
            continue
        work.state.note_quotes(work.unit.connection, as_of, quotes)
        tickers = {quote.instrument for quote in quotes} if as_of in work.state.priced else set(work.state.tickers())
        moved.tickers.setdefault(as_of, set()).update(tickers)
        work.change.log("quotes", as_of, _logged(quotes))
    _note_inherited(work.unit, by_date, closes, moved)


def _priced_dates(unit: WriteUnit, state: PricingState, dates: Collection[date]) -> set[date]:
    """The dates that are priced, and those of these that are to be."""
    closes = {*state.priced, *([state.newest] if state.newest else [])}
    if not closes.issuperset(dates):
        closes |= set(dates).intersection(newest_quoted_dates(unit.connection, PRICED_CLOSES))
    return closes


def _note_inherited(
    unit: WriteUnit,
    by_date: Mapping[date, Sequence[Quote]],
    closes: Collection[date],
    moved: RepricingScope,
) -> None:
    """The underlyings that these quotes price on later dates: until the first of their own."""
    dates = sorted(closes)
    for as_of, quotes in by_date.items():
        first = bisect_right(dates, as_of)
        if first == len(dates):
            continue
        following = next_quoted(unit.connection, {quote.instrument for quote in quotes}, as_of)
        for quote in quotes:
            for later in dates[first : bisect_left(dates, following.get(quote.instrument, date.max))]:
                moved.tickers.setdefault(later, set()).add(quote.instrument)


def _logged(quotes: Sequence[Quote]) -> pa.Table:
    return arrow_table(
        {
            "instrument": [quote.instrument for quote in quotes],
            "quote": [quote.quote for quote in quotes],
            "observed_at": [quote.observed_at for quote in quotes],
        },
        len(quotes),
    )
