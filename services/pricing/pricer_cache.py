"""The pricers that were built, by date and underlying."""

from dataclasses import dataclass, field
from datetime import date

from engine.valuation.pricer_build import BuiltPricer, Key

_DATES_KEPT = 3


@dataclass(slots=True)
class PricerCache:
    """Built pricers: each is kept until another takes its place or its date is over.

    Nothing in it is ever wrong, only overtaken: who takes something out compares it with what holds now. So a
    transaction that fails takes nothing out of it. It is for one thread at a time.
    """

    _kept: dict[Key, BuiltPricer] = field(default_factory=dict)

    def get(self, key: Key) -> BuiltPricer | None:
        return self._kept.get(key)

    def put(self, built: BuiltPricer) -> None:
        self._kept[built.key] = built

    def keep_to(self, last: date | None) -> None:
        """Drop all but the newest few dates up to this one."""
        dates = {key[0] for key in self._kept}
        kept = sorted(as_of for as_of in dates if last is not None and as_of <= last)[-_DATES_KEPT:]
        if len(kept) < len(dates):
            self._kept = {key: built for key, built in self._kept.items() if key[0] in kept}
