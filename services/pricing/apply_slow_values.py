"""Values that a slow engine found beside the tick's path come in: store those that are still the newest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from engine.contracts import UnitValues
from engine.valuation.underlying_pricer import UnderlyingPricer
from services.pricing.price_book import DeferredWork, SlowWork, note_changes, slow_work_of
from services.pricing.pricing_state import PricingState
from services.pricing.unit_of_work import unit_of_work
from services.pricing.valued_rows import rows_of
from storage.core.database import Store, WriteUnit
from storage.core.schema import sensitivities
from storage.feeds.feeds import Holder, hold_feed
from storage.market.quotes import Quote
from storage.market.sensitivities import ValuationRows


@dataclass(frozen=True, slots=True)
class SlowResult:
    """The unit values of each slow group of an underlying, at the quote of the work."""

    work: SlowWork
    values: list[UnitValues]


def apply_slow_values(
    store: Store,
    state: PricingState,
    results: Sequence[SlowResult],
    *,
    source: str,
    holder: Holder | None = None,
) -> DeferredWork:
    """Store the values of work whose trades and quote still count; returns the work that must be done again.

    Values at a quote that has moved on meanwhile are stored, so that a book that always ticks has some, but never over
    values at a newer quote. Raises FeedLost when the feed of the holder has another owner.
    """
    again = DeferredWork()
    with unit_of_work(store, state, source) as work:
        unit = work.unit
        hold_feed(unit.connection, holder)
        by_date: dict[date, ValuationRows] = {}
        for result in results:
            prepared, quote = result.work.prepared, result.work.quote
            as_of = prepared.as_of_date
            ticker, trades = prepared.ticker, state.trades_on(prepared.ticker)
            newest = state.quotes(unit.connection, as_of).get(ticker)
            if not trades or newest is None or as_of not in state.priced:
                continue
            holds = result.work.ready.is_among(trades, state.parameters.on(as_of, ticker))
            if holds and not _is_overtaken(unit, prepared, quote, newest):
                valued = prepared.measured(quote.quote, prepared.slow_groups, result.values)
                rows_of(prepared, valued, quote).add_to(by_date.setdefault(as_of, ValuationRows()))
            else:
                again.add(slow_work_of(state, as_of, ticker, newest))
        for as_of, rows in by_date.items():
            note_changes(work, as_of, rows)
    return again


def _is_overtaken(unit: WriteUnit, prepared: UnderlyingPricer, quote: Quote, newest: Quote) -> bool:
    """Whether another process has valued these trades at a newer quote than the work's."""
    if quote == newest:
        return False
    slow = [prepared.trade_ids[row] for group in prepared.slow_groups for row in group.rows]
    query = select(func.max(sensitivities.c.observed_at)).where(
        sensitivities.c.as_of_date == prepared.as_of_date,
        sensitivities.c.risk_factor == prepared.ticker,
        sensitivities.c.trade_id.in_(slow),
    )
    stored = unit.connection.execute(query).scalar()
    return stored is not None and stored > quote.observed_at
