"""Underlyings that a transaction left unpriced are priced, once their exercise boundaries have been found beside it."""

from collections.abc import Iterable

from engine.valuation.pricer_build import Key
from services.pricing.price_book import DeferredWork
from services.pricing.price_closes import closes_owed_on, price_closes
from services.pricing.pricing_state import PricingState
from services.pricing.repricing_scope import RepricingScope, price_moved
from services.pricing.unit_of_work import unit_of_work
from storage.core.database import Store
from storage.feeds.feeds import Holder, hold_feed


def price_deferred_pricers(
    store: Store, state: PricingState, keys: Iterable[Key], *, source: str, holder: Holder | None = None
) -> DeferredWork:
    """Price these underlyings at their newest quotes, in a transaction of its own; what is priced already stays so.

    Where the date is over meanwhile, those trades get their close that have not got it. What lacks boundaries again,
    because trades or parameters have changed, is returned to be prepared once more. A date that was taken off the store
    is left alone. Raises FeedLost when the feed of the holder has another owner.
    """
    with unit_of_work(store, state, source) as work:
        unit = work.unit
        hold_feed(unit.connection, holder)
        there = {key for key in keys if key[0] in state.priced}
        moved = RepricingScope()
        for as_of, ticker in there:
            if as_of == state.newest:
                moved.tickers.setdefault(as_of, set()).add(ticker)
        pending = price_moved(work, moved, wait_for_slow=False)
        for key in sorted(there):
            owed = closes_owed_on(unit.connection, state, key) if key[0] != state.newest else None
            if owed is not None:
                pending.add(price_closes(work, [owed]))
    return pending
