"""Trades that have not got their close: whoever was to price them did not come to it before the date was over."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select, union

from engine.model import NotPriced, Source
from engine.valuation.pricer_build import BuiltPricer, Key
from services.pricing.price_book import DeferredWork, SlowWork, note_changes
from services.pricing.pricing_state import PricingState
from services.pricing.unit_of_work import UnitOfWork
from services.pricing.valued_rows import value_live
from storage.core.schema import pricing_failures, quotes, sensitivities
from storage.market.quotes import Quote
from storage.market.sensitivities import ValuationRows


@dataclass(frozen=True, slots=True)
class OwedCloses:
    """Trades on an underlying that have not got their close: the last quote of an earlier date."""

    ready: BuiltPricer
    quote: Quote
    trade_ids: frozenset[str]


def closes_owed(connection: Connection, state: PricingState, since: date) -> list[OwedCloses]:
    """Trades that still wait on a date before the newest, or have a value of before its close there."""
    if state.newest is None:
        return []
    waiting = select(pricing_failures.c.as_of_date, pricing_failures.c.risk_factor).where(
        pricing_failures.c.as_of_date >= since,
        pricing_failures.c.as_of_date < state.newest,
        pricing_failures.c.reason == NotPriced.WAITING,
    )
    stale = (
        select(sensitivities.c.as_of_date, sensitivities.c.risk_factor)
        .join(
            quotes,
            (quotes.c.as_of_date == sensitivities.c.as_of_date) & (quotes.c.instrument == sensitivities.c.risk_factor),
        )
        .where(
            sensitivities.c.as_of_date >= since,
            sensitivities.c.as_of_date < state.newest,
            _is_stale(quotes.c.observed_at, quotes.c.quote),
        )
    )
    keys = sorted((row.as_of_date, row.risk_factor) for row in connection.execute(union(waiting, stale)))
    return [owed for key in keys if (owed := closes_owed_on(connection, state, key)) is not None]


def closes_owed_on(connection: Connection, state: PricingState, key: Key) -> OwedCloses | None:
    """Those of one underlying and date; None when all of its trades that are priced have their close."""
    as_of, ticker = key
    quote = state.quotes(connection, as_of).get(ticker)
    if quote is None:
        return None
    waiting = select(pricing_failures.c.trade_id).where(
        pricing_failures.c.as_of_date == as_of,
        pricing_failures.c.risk_factor == ticker,
        pricing_failures.c.reason == NotPriced.WAITING,
    )
    stale = select(sensitivities.c.trade_id).where(
        sensitivities.c.as_of_date == as_of,
        sensitivities.c.risk_factor == ticker,
        _is_stale(quote.observed_at, quote.quote),
    )
    trade_ids = state.trades_on(ticker).keys() & set(connection.execute(union(waiting, stale)).scalars())
    ready = state.ready(as_of, ticker) if trade_ids else None
    return None if ready is None else OwedCloses(ready, quote, frozenset(trade_ids))


def _is_stale(observed_at: Any, quote: Any) -> ColumnElement[bool]:
    """Whether a value of ours is not of this quote; the later of two of one time counts, so the price may tell."""
    older: ColumnElement[bool] = sensitivities.c.observed_at < observed_at
    other: ColumnElement[bool] = (sensitivities.c.observed_at == observed_at) & (sensitivities.c.spot != quote)
    return and_(or_(older, other), sensitivities.c.source == Source.ENGINE)


def price_closes(work: UnitOfWork, owed: Iterable[OwedCloses]) -> DeferredWork:
    """Price these trades and no others, unless somebody has meanwhile: what else has a value there has its close."""
    pending = DeferredWork()
    for each in owed:
        prepared, quote = each.ready.prepared, each.quote
        as_of = prepared.as_of_date
        if work.state.quotes(work.unit.connection, as_of).get(prepared.ticker) != quote:
            continue
        live = {prepared.trade_ids[row] for group in prepared.live_groups for row in group.rows} & each.trade_ids
        if live:
            rows = ValuationRows()
            value_live(prepared, quote).add_to(rows)
            others = frozenset(prepared.trade_ids) - live
            note_changes(work, as_of, rows.without({prepared.ticker: others}))
        if each.trade_ids - live and prepared.slow_groups:
            pending.slow_work.append(SlowWork(each.ready, quote))
    return pending
