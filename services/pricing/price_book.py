"""Price underlyings of one as-of date inside a write transaction, and note what changed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select

from engine.model import NotPriced
from engine.valuation.pricer_build import BuiltPricer, Key
from engine.valuation.underlying_pricer import UnderlyingPricer
from services.pricing.pricing_state import FreshTrades, PricingState
from services.pricing.unit_of_work import UnitOfWork
from services.pricing.valued_rows import failed_rows, value_live
from storage.core.database import WriteUnit
from storage.core.schema import sensitivities
from storage.market.quotes import Quote
from storage.market.sensitivities import (
    FailedTrade,
    ValuationRows,
    failed_trades,
    forget_values,
    write_valuations,
)

_PASSING = (NotPriced.NO_QUOTE, NotPriced.NO_PARAMETERS, NotPriced.BAD_PARAMETERS)
"""Reasons that a new quote or new parameters may have ended."""


@dataclass(frozen=True, slots=True)
class SlowWork:
    """Trades of an underlying whose engines are too slow for a tick: to be priced beside it at this quote.

    ready: all trades on the underlying, or some of them.
    """

    ready: BuiltPricer
    quote: Quote

    @property
    def prepared(self) -> UnderlyingPricer:
        return self.ready.prepared


@dataclass(slots=True)
class DeferredWork:
    """What a transaction left to be done beside the ticks.

    slow_work: for engines that are too slow. unprepared: underlyings that were left as they were, because it would have
    taken too long to find their exercise boundaries: they are to be prepared, and then priced at their newest quotes.
    """

    slow_work: list[SlowWork] = field(default_factory=list)
    unprepared: set[Key] = field(default_factory=set)

    def add(self, other: "DeferredWork") -> None:
        """What another transaction left, too."""
        self.slow_work += other.slow_work
        self.unprepared |= other.unprepared


def price_underlyings(
    work: UnitOfWork,
    as_of: date,
    tickers: Iterable[str],
) -> DeferredWork:
    """Price the trades on these underlyings at their newest quotes of a date, and store values and failures.

    The slow engines' work is returned, and a trade of theirs that never had a value at this date is stored as waiting.
    """
    rows = ValuationRows()
    pending = DeferredWork()
    quotes = work.state.quotes(work.unit.connection, as_of)
    for ticker in tickers:
        ready = work.state.ready(as_of, ticker)
        if ready is None:
            continue
        prepared, quote = ready.prepared, quotes.get(ticker)
        if quote is None:
            rows.failures += _without_quote(prepared)
            continue
        (work.state.foreseen(ready, quote) or value_live(prepared, quote)).add_to(rows)
        first = not work.state.failures_persisted(ready)
        if first:
            rows.failures += failed_rows(prepared, prepared.failures)
            work.state.note_persisted(ready)
        if prepared.slow_groups:
            pending.slow_work.append(SlowWork(ready, quote))
            if first:
                rows.failures += _waiting(work.unit, as_of, prepared)
    note_changes(work, as_of, rows)
    _note_priced(work, as_of, rows)
    return pending


def price_fresh(
    work: UnitOfWork,
    fresh: FreshTrades,
    whole: Mapping[date, Collection[str]],
    *,
    wait_for_slow: bool,
) -> DeferredWork:
    """Price trades that came or changed, and no others. whole: tickers that are about to be priced whole, by date.

    Nothing happens in a store without quotes. What a trade was worth before its change does not stay. The slow engines'
    work is returned: with ``wait_for_slow`` that of the fresh trades alone; otherwise that of their underlyings,
    because of several works of an underlying the newest is done.
    """
    pending = DeferredWork()
    if fresh.as_of is None:
        return pending
    rows = ValuationRows()
    quotes = work.state.quotes(work.unit.connection, fresh.as_of)
    changed = set(fresh.changed)
    leave = whole.get(fresh.as_of, ())
    for ticker, ready in fresh.ready.items():
        prepared = ready.prepared
        slow = [prepared.trade_ids[row] for group in prepared.slow_groups for row in group.rows]
        forget_values(work.unit, fresh.as_of, ticker, [trade_id for trade_id in slow if trade_id in changed])
        quote = quotes.get(ticker)
        if quote is None:
            rows.failures += _without_quote(prepared)
            continue
        rows.failures += failed_rows(prepared, prepared.failures)
        if ticker not in leave:
            value_live(prepared, quote).add_to(rows)
        if prepared.slow_groups:
            rows.failures += _waiting(work.unit, fresh.as_of, prepared)
        if prepared.slow_groups and wait_for_slow and ticker not in leave:
            pending.slow_work.append(SlowWork(ready, quote))
        elif prepared.slow_groups and ticker not in leave:
            pending.add(slow_work_of(work.state, fresh.as_of, ticker, quote))
    note_changes(work, fresh.as_of, rows)
    _note_priced(work, fresh.as_of, rows)
    return pending


def _note_priced(work: UnitOfWork, as_of: date, rows: ValuationRows) -> None:
    """Note that a date has values or failures of ours, where it had none; other processes learn it from the log."""
    if as_of in work.state.priced or not (rows.valued or rows.failures):
        return
    work.state.note_priced(as_of)
    work.change.outdate("dates")


def slow_work_of(state: PricingState, as_of: date, ticker: str, quote: Quote) -> DeferredWork:
    """The slow engines' share of an underlying at a quote; where it is not ready, it must become so first.

    Not on an earlier date, which would be priced whole then: its other values are closes and stay.
    """
    if as_of == state.newest and state.is_over_build_budget(as_of, ticker):
        return DeferredWork(unprepared={(as_of, ticker)})
    ready = state.ready(as_of, ticker)
    return DeferredWork([SlowWork(ready, quote)] if ready is not None and ready.prepared.slow_groups else [])


def defer_pricers(work: UnitOfWork, as_of: date, tickers: Sequence[str]) -> DeferredWork:
    """Leave underlyings as they are until they are prepared.

    A trade without a value is waiting then, unless the reason why it has none will be the same.
    """
    failed = failed_trades(work.unit.connection, as_of, tickers) if tickers else {}
    failed = {trade_id: why for trade_id, why in failed.items() if why[0] not in _PASSING}
    rows = ValuationRows()
    for ticker in tickers:
        valued = _valued(work.unit, as_of, ticker)
        rows.failures += [
            (trade_id, ticker, NotPriced.WAITING, "its exercise boundary is being found")
            for trade_id in work.state.trades_on(ticker)
            if trade_id not in valued and trade_id not in failed
        ]
    if rows.failures:
        note_changes(work, as_of, rows)
    return DeferredWork(unprepared={(as_of, ticker) for ticker in tickers})


def note_changes(work: UnitOfWork, as_of: date, rows: ValuationRows) -> None:
    """Write the rows and put them into the change log's entry; what somebody else reported is left alone.

    The values of parameters that are others than before are kept beside them.
    """
    rows = rows.without(work.state.reported(work.unit.connection, as_of))
    for name, table in write_valuations(work.unit, as_of, rows).items():
        if table.num_rows:
            work.change.log(name, as_of, table)
    used = {part.risk_factor: part.parameters for part in rows.valued if part.parameters is not None and len(part)}
    work.state.note_priced_with(work.unit, as_of, used)
    newest = max((part.observed_at for part in rows.valued), default=None)
    if newest is not None and (work.change.observed_at is None or newest > work.change.observed_at):
        work.change.as_of_date, work.change.observed_at = as_of, newest


def _without_quote(prepared: UnderlyingPricer) -> list[FailedTrade]:
    return failed_rows(prepared, prepared.without_quote())


def _waiting(unit: WriteUnit, as_of: date, prepared: UnderlyingPricer) -> list[FailedTrade]:
    """Failures for the slow trades that have no value at this date yet."""
    slow = {prepared.trade_ids[row]: group.engine.name for group in prepared.slow_groups for row in group.rows}
    valued = _valued(unit, as_of, prepared.ticker)
    return [
        (trade_id, prepared.ticker, NotPriced.WAITING, f"{engine} is pricing it")
        for trade_id, engine in slow.items()
        if trade_id not in valued
    ]


def _valued(unit: WriteUnit, as_of: date, ticker: str) -> set[str]:
    """The trades on an underlying that have a value at a date."""
    query = select(sensitivities.c.trade_id).where(
        sensitivities.c.as_of_date == as_of, sensitivities.c.risk_factor == ticker
    )
    return set(unit.connection.execute(query).scalars())
