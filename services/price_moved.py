"""What a transaction has moved is priced: gathered while rows are written, and then each trade once."""

from dataclasses import dataclass, field
from datetime import date

from services.price_book import SlowWork, price_fresh, price_underlyings
from services.pricing_state import FreshTrades, PricingState
from storage.change_log import Change
from storage.database import WriteUnit


@dataclass(slots=True)
class Moved:
    """What must be priced: underlyings by as-of date, and trades that came or changed on the others.

    inherited: quotes of earlier dates came, which later dates may have in memory as their own.
    """

    tickers: dict[date, set[str]] = field(default_factory=dict)
    fresh: FreshTrades | None = None
    inherited: bool = False


def price_moved(
    unit: WriteUnit, state: PricingState, change: Change, moved: Moved, *, wait_for_slow: bool
) -> list[SlowWork]:
    """Price the fresh trades, and whole the underlyings that moved; returns the slow engines' work."""
    work: list[SlowWork] = []
    if moved.fresh is not None:
        work += price_fresh(unit, state, change, moved.fresh, moved.tickers, wait_for_slow=wait_for_slow)
    for as_of in sorted(moved.tickers):
        work += price_underlyings(unit, state, change, as_of, sorted(moved.tickers[as_of]), wait_for_slow=wait_for_slow)
    return work
