"""The market data that a book is valued with: quotes and parameters as of a date."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from immutables import Map

from engine.snapshot.parameters import ParameterHistory, Parameters


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """Spots by ticker and parameters as of a date. Immutable: a tick is the snapshot with one spot changed."""

    as_of: date
    spots: Map[str, float] = field(default_factory=Map)
    parameters: ParameterHistory = field(default_factory=ParameterHistory)

    def spot(self, ticker: str) -> float | None:
        """The newest quote of an instrument on or before the date; None where there is none."""
        return self.spots.get(ticker)

    def parameters_of(self, ticker: str) -> Parameters:
        """The parameters that hold for an underlying."""
        return self.parameters.on(self.as_of, ticker)

    def with_spots(self, spots: Mapping[str, float]) -> "MarketSnapshot":
        """The snapshot with other spots."""
        return replace(self, spots=self.spots.update(spots))
