"""Price what a transaction left, for callers that end only when all is priced: outside the store's write lock."""

from collections import Counter

import numpy as np

from engine.contracts import UnitValues
from engine.valuation.pricer_build import Key
from services.pricing.apply_slow_values import SlowResult, apply_slow_values
from services.pricing.price_book import DeferredWork, SlowWork
from services.pricing.price_deferred import price_deferred_pricers
from services.pricing.pricing_state import PricingState
from storage.core.database import Store

_ATTEMPTS = 3
"""So often is an underlying priced again because somebody else has changed it or priced it at a newer quote."""


def price_deferred_work(store: Store, state: PricingState, pending: DeferredWork, *, source: str) -> None:
    """Price underlying by underlying, each in a transaction of its own: what takes long is computed before it begins.

    Work that another process overtakes is done again; one that overtakes it each time has priced it meanwhile.
    """
    attempts: Counter[Key] = Counter()
    unprepared, slow_work = set(pending.unprepared), list(pending.slow_work)
    while unprepared or slow_work:
        if unprepared:
            key = unprepared.pop()
            state.ready(*key)
            left = price_deferred_pricers(store, state, [key], source=source)
        else:
            item = slow_work.pop(0)
            key = item.ready.key
            left = apply_slow_values(store, state, [SlowResult(item, _values(item))], source=source)
            attempts[key] += 1
        if attempts[key] < _ATTEMPTS:
            unprepared |= left.unprepared
            slow_work += left.slow_work


def _values(work: SlowWork) -> list[UnitValues]:
    """What the slow engines say of their groups."""
    return [group.prepared.value(np.full(len(group.rows), work.quote.quote)) for group in work.prepared.slow_groups]
