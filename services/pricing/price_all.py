"""Price the whole book at the newest date: after a start, and after changes made while nobody priced."""

from datetime import timedelta

from sqlalchemy import Connection

from services.pricing.deferred_work import price_deferred_work
from services.pricing.prebuild import prepare_all
from services.pricing.price_book import DeferredWork
from services.pricing.price_closes import OwedCloses, closes_owed, price_closes
from services.pricing.pricing_state import PricingState
from services.pricing.repricing_scope import RepricingScope, price_moved
from services.pricing.unit_of_work import unit_of_work
from storage.core.database import Store
from storage.feeds.feeds import Holder, hold_feed

_LOOK_BACK = timedelta(days=30)


def price_newest(
    store: Store,
    state: PricingState,
    *,
    source: str,
    wait_for_slow: bool = False,
    holder: Holder | None = None,
) -> DeferredWork:
    """Price every underlying at the newest as-of date in one transaction; nothing happens in a store without quotes.

    So are the trades that have no close on an earlier date because a process died before it came to them. What can be
    prepared for this is prepared before the transaction. Returns the slow engines' work, that of earlier dates too;
    with ``wait_for_slow`` it is done after the transaction.

    Raises FeedLost when the feed of the holder has another owner.
    """
    with store.read() as connection:
        state.refresh(connection, store.revisions(connection))
        owed = _owed_lately(connection, state)
    if state.newest is not None:
        prepare_all(state, state.newest, state.tickers())
    with unit_of_work(store, state, source) as work:
        unit = work.unit
        hold_feed(unit.connection, holder)
        pending = price_closes(work, owed)
        if state.newest is not None:
            moved = RepricingScope({state.newest: set(state.tickers())})
            pending.add(price_moved(work, moved, wait_for_slow=wait_for_slow))
    if wait_for_slow:
        price_deferred_work(store, state, pending, source=source)
        pending = DeferredWork()
    return pending


def _owed_lately(connection: Connection, state: PricingState) -> list[OwedCloses]:
    return [] if state.newest is None else closes_owed(connection, state, state.newest - _LOOK_BACK)
