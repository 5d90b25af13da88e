"""What a transaction has moved is priced: gathered while rows are written, and then each trade once."""

from dataclasses import dataclass, field
from datetime import date

from services.pricing.price_book import DeferredWork, defer_pricers, price_fresh, price_underlyings
from services.pricing.pricing_state import FreshTrades
from services.pricing.unit_of_work import UnitOfWork

PRICED_CLOSES = 5
"""So many of the newest dates of a history that comes at once are priced: a week of closes."""


@dataclass(slots=True)
class RepricingScope:
    """What must be priced: underlyings by as-of date, and trades that came or changed on the others.

    inherited: quotes of earlier dates came, which later dates may have in memory as their own.
    """

    tickers: dict[date, set[str]] = field(default_factory=dict)
    fresh: FreshTrades | None = None
    inherited: bool = False


def price_moved(work: UnitOfWork, moved: RepricingScope, *, wait_for_slow: bool) -> DeferredWork:
    """Price the fresh trades, and whole the underlyings that moved.

    The slow engines' work is returned. Without ``wait_for_slow`` so are the underlyings that lack more boundaries than
    a tick can wait for. At a date that is new to the store none is left: all of the book has no value there yet, and to
    show it as waiting for a moment would be worse than to begin the day that much later.
    """
    now: dict[date, list[str]] = {}
    later: dict[date, list[str]] = {}
    for as_of in sorted(moved.tickers):
        over_build_budget = (
            set()
            if wait_for_slow or as_of not in work.state.priced
            else work.state.over_build_budget(as_of, moved.tickers[as_of])
        )
        now[as_of] = sorted(moved.tickers[as_of] - over_build_budget)
        later[as_of] = sorted(over_build_budget)
    pending = DeferredWork()
    if moved.fresh is not None:
        pending.add(price_fresh(work, moved.fresh, now, wait_for_slow=wait_for_slow))
    for as_of in now:
        pending.add(price_underlyings(work, as_of, now[as_of]))
        pending.add(defer_pricers(work, as_of, later[as_of]))
        work.state.keep_newest_ready()
    return pending
