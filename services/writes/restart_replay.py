"""Start a replay again: take off what it brought, so that its first day is new to the store once more."""

from datetime import date
from typing import Any

from sqlalchemy import delete

from engine.model import Source
from services.pricing.price_book import DeferredWork
from services.pricing.pricing_state import PricingState
from services.pricing.repricing_scope import RepricingScope, price_moved
from services.pricing.unit_of_work import unit_of_work
from storage.core.database import Store
from storage.core.known_at import withdraw_quotes
from storage.core.schema import pricing_failures, sensitivities
from storage.feeds.feeds import move_cursor
from storage.market.quote_history import hold_instead_of_source
from storage.market.quotes import newest_as_of


def restart_replay(
    store: Store, state: PricingState, *, feed: str, owner: str, first_date: date, cursor: dict[str, Any]
) -> DeferredWork:
    """In one transaction: withdraw the replay's quotes from its first date on, forget our values from there, set its
    cursor back, and price the newest date that remains. Trades, static data, other feeds' quotes and what others
    reported stay; so does what the replay has brought, as history. Raises FeedLost.
    """
    with unit_of_work(store, state, feed) as work:
        unit, change = work.unit, work.change
        withdraw_quotes(unit, feed, first_date, f"restart of {feed}")
        hold_instead_of_source(unit, feed, first_date)
        ours = (sensitivities.c.as_of_date >= first_date) & (sensitivities.c.source == Source.ENGINE)
        unit.connection.execute(delete(sensitivities).where(ours))
        unit.connection.execute(delete(pricing_failures).where(pricing_failures.c.as_of_date >= first_date))
        move_cursor(unit.connection, feed, owner, cursor)
        state.forget_from(first_date)
        state.note_newest(newest_as_of(unit.connection))
        change.reload = True
        change.outdate("dates")
        moved = RepricingScope({state.newest: set(state.tickers())} if state.newest is not None else {})
        return price_moved(work, moved, wait_for_slow=False)
