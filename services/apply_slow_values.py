"""Values that a slow engine found beside the tick's path come in: store those that are still the newest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from engine.contracts import UnitValues
from services.price_book import SlowWork, add_values, note_changes
from services.pricing_state import PricingState
from storage.change_log import changing
from storage.database import Store
from storage.sensitivities import ValuationRows


@dataclass(frozen=True, slots=True)
class SlowResult:
    """The unit values of each slow group of an underlying, at the quote of the work."""

    work: SlowWork
    values: list[UnitValues]


def apply_slow_values(store: Store, state: PricingState, results: Sequence[SlowResult], source: str) -> list[SlowWork]:
    """Store the values of work whose trades have not changed meanwhile; returns the work that must be done again."""
    again: list[SlowWork] = []
    try:
        with changing(store, source) as (unit, change):
            state.refresh(unit)
            by_date: dict[date, ValuationRows] = {}
            for result in results:
                prepared = result.work.prepared
                current = state.prepared(prepared.as_of_date, prepared.ticker)
                if current is not prepared:
                    quote = state.quotes(unit.connection, prepared.as_of_date).get(prepared.ticker)
                    if current is not None and current.slow_groups and quote is not None:
                        again.append(SlowWork(current, quote))
                    continue
                rows = by_date.setdefault(prepared.as_of_date, ValuationRows())
                quote = result.work.quote
                valued = prepared.measured(quote.quote, prepared.slow_groups, result.values)
                add_values(rows, prepared, valued, quote)
            for as_of, rows in by_date.items():
                note_changes(unit, change, as_of, rows)
        state.wrote(unit, static=False, quotes=False)
    except BaseException:
        state.forget()
        raise
    return again
