"""Price the whole book at the newest date: after a start, and after changes made while nobody priced."""

from datetime import timedelta

from sqlalchemy import select, union

from engine.model import NotPriced, Source
from services.price_book import SlowWork, price_underlyings
from services.pricing_state import PricingState
from storage.change_log import changing
from storage.database import Store, WriteUnit
from storage.feeds import Holder, hold_feed
from storage.schema import pricing_failures, quotes, sensitivities

_LOOK_BACK = timedelta(days=30)


def price_newest(
    store: Store,
    state: PricingState,
    *,
    source: str,
    wait_for_slow: bool = False,
    holder: Holder | None = None,
) -> list[SlowWork]:
    """Price every underlying at the newest as-of date in one transaction; nothing happens in a store without quotes.

    Returns the slow engines' work, that of earlier dates too whose closes they had not reached when their process died.
    Raises FeedLost when the feed of the holder has another owner.
    """
    try:
        with changing(store, source) as (unit, change):
            hold_feed(unit.connection, holder)
            state.refresh(unit)
            work: list[SlowWork] = []
            if state.newest is not None:
                work = _closes_left_behind(unit, state)
                work += price_underlyings(
                    unit, state, change, state.newest, state.tickers(), wait_for_slow=wait_for_slow
                )
        state.wrote(unit, change)
    except BaseException:
        state.forget()
        raise
    return work


def _closes_left_behind(unit: WriteUnit, state: PricingState) -> list[SlowWork]:
    """Work for the slow engines on earlier dates: trades that still wait there, or have a value of before the close."""
    assert state.newest is not None
    waiting = select(pricing_failures.c.as_of_date, pricing_failures.c.risk_factor).where(
        pricing_failures.c.as_of_date >= state.newest - _LOOK_BACK,
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
            sensitivities.c.as_of_date >= state.newest - _LOOK_BACK,
            sensitivities.c.as_of_date < state.newest,
            sensitivities.c.observed_at < quotes.c.observed_at,
            sensitivities.c.source == Source.ENGINE,
        )
    )
    work: list[SlowWork] = []
    for as_of, ticker in sorted(tuple(row) for row in unit.connection.execute(union(waiting, stale))):
        prepared = state.prepared(as_of, ticker)
        quote = state.quotes(unit.connection, as_of).get(ticker)
        if prepared is not None and prepared.slow_groups and quote is not None:
            work.append(SlowWork(prepared, quote))
    return work
