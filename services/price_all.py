"""Price the whole book at the newest date: after a start, and after changes made while nobody priced."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, select, union

from engine.model import NotPriced, Source
from services.prepare_before import prepare_all
from services.price_book import Pending, SlowWork, add_values, note_changes
from services.price_moved import Moved, price_moved
from services.pricing_state import PricingState
from services.ready_underlyings import Ready
from storage.change_log import Change, changing
from storage.database import Store, WriteUnit
from storage.feeds import Holder, hold_feed
from storage.quotes import Quote
from storage.schema import pricing_failures, quotes, sensitivities
from storage.sensitivities import ValuationRows

_LOOK_BACK = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class _Owed:
    """Trades on an underlying that have not got their close: the last quote of an earlier date."""

    ready: Ready
    quote: Quote
    trade_ids: frozenset[str]


def price_newest(
    store: Store,
    state: PricingState,
    *,
    source: str,
    wait_for_slow: bool = False,
    holder: Holder | None = None,
) -> Pending:
    """Price every underlying at the newest as-of date in one transaction; nothing happens in a store without quotes.

    So are the trades that have no close on an earlier date because a process died before it came to them. What can be
    prepared for this is prepared before the transaction. Returns the slow engines' work, that of earlier dates too.
    Raises FeedLost when the feed of the holder has another owner.
    """
    try:
        with store.read() as connection:
            state.refresh(connection, store.revisions(connection))
            owed = _closes_owed(connection, state)
        if state.newest is not None:
            prepare_all(state, state.newest, state.tickers())
        with changing(store, source) as (unit, change):
            hold_feed(unit.connection, holder)
            state.refresh(unit.connection, unit.before)
            pending = _price_closes(unit, state, change, owed)
            if state.newest is not None:
                moved = Moved({state.newest: set(state.tickers())})
                pending.add(price_moved(unit, state, change, moved, wait_for_slow=wait_for_slow))
        state.wrote(unit, change)
    except BaseException:
        state.forget()
        raise
    return pending


def _closes_owed(connection: Connection, state: PricingState) -> list[_Owed]:
    """Trades that still wait on an earlier date, or have a value of before its close there."""
    if state.newest is None:
        return []
    waiting = select(pricing_failures.c.as_of_date, pricing_failures.c.risk_factor, pricing_failures.c.trade_id).where(
        pricing_failures.c.as_of_date >= state.newest - _LOOK_BACK,
        pricing_failures.c.as_of_date < state.newest,
        pricing_failures.c.reason == NotPriced.WAITING,
    )
    stale = (
        select(sensitivities.c.as_of_date, sensitivities.c.risk_factor, sensitivities.c.trade_id)
        .join(
            quotes,
            (quotes.c.as_of_date == sensitivities.c.as_of_date) & (quotes.c.instrument == sensitivities.c.risk_factor),
        )
        .where(
            sensitivities.c.as_of_date >= state.newest - _LOOK_BACK,
            sensitivities.c.as_of_date < state.newest,
            sensitivities.c.observed_at < quotes.c.observed_at,
            sensitivities.c.source == Source.ENGINE,
        )
    )
    trades: dict[tuple[date, str], set[str]] = {}
    for as_of, ticker, trade_id in connection.execute(union(waiting, stale)):
        if trade_id in state.trades_on(ticker):
            trades.setdefault((as_of, ticker), set()).add(trade_id)
    owed: list[_Owed] = []
    for (as_of, ticker), trade_ids in sorted(trades.items()):
        ready = state.ready(as_of, ticker)
        quote = state.quotes(connection, as_of).get(ticker)
        if ready is not None and quote is not None:
            owed.append(_Owed(ready, quote, frozenset(trade_ids)))
    return owed


def _price_closes(unit: WriteUnit, state: PricingState, change: Change, owed: list[_Owed]) -> Pending:
    """Price these trades and no others, unless somebody has meanwhile: what else has a value there has its close."""
    pending = Pending()
    for each in owed:
        prepared, quote = each.ready.prepared, each.quote
        as_of = prepared.as_of_date
        if state.quotes(unit.connection, as_of).get(prepared.ticker) != quote:
            continue
        live = {prepared.trade_ids[row] for group in prepared.live_groups for row in group.rows} & each.trade_ids
        if live:
            rows = ValuationRows()
            add_values(rows, prepared, prepared.value(quote.quote, prepared.live_groups), quote)
            others = frozenset(prepared.trade_ids) - live
            note_changes(unit, state, change, as_of, rows.without({prepared.ticker: others}))
        if each.trade_ids - live and prepared.slow_groups:
            pending.slow_work.append(SlowWork(each.ready, quote))
    return pending
