"""Price the whole book at the newest date: after a start, and after changes made while nobody priced."""

from services.price_book import SlowWork, price_underlyings
from services.pricing_state import PricingState
from storage.change_log import changing
from storage.database import Store


def price_newest(store: Store, state: PricingState, *, source: str, wait_for_slow: bool = False) -> list[SlowWork]:
    """Price every underlying at the newest as-of date in one transaction; nothing happens in a store without quotes."""
    try:
        with changing(store, source) as (unit, change):
            state.refresh(unit)
            work: list[SlowWork] = []
            if state.newest is not None:
                work = price_underlyings(
                    unit, state, change, state.newest, state.tickers(), wait_for_slow=wait_for_slow
                )
        state.wrote(unit, static=False, quotes=False)
    except BaseException:
        state.forget()
        raise
    return work
