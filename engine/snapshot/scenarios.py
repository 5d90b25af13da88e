"""Sets of shifted markets: what a cube of values is computed over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.contracts import FloatArray


@dataclass(frozen=True, slots=True)
class Shift:
    """How one underlying differs from the market as it is, in each scenario of a set.

    spot_return: relative change of spot. vol, rate, dividend_yield: added to the parameters, decimals. All of one
    length.
    """

    spot_return: FloatArray
    vol: FloatArray
    rate: FloatArray
    dividend_yield: FloatArray

    @classmethod
    def of(
        cls,
        count: int,
        spot_return: Sequence[float] | FloatArray | float = 0.0,
        vol: Sequence[float] | FloatArray | float = 0.0,
        rate: Sequence[float] | FloatArray | float = 0.0,
        dividend_yield: Sequence[float] | FloatArray | float = 0.0,
    ) -> "Shift":
        """Build from one number for all scenarios or one for each. Raises ValueError for another length."""
        parts = (spot_return, vol, rate, dividend_yield)
        return cls(*(np.broadcast_to(np.asarray(part, np.float64), (count,)) for part in parts))


@dataclass(frozen=True, slots=True)
class ScenarioSet:
    """An ordered set of scenarios with its source.

    common: the shift of every underlying that has none of its own. by_ticker: those that have. Raises ValueError where
    a shift has not one value a scenario.
    """

    names: tuple[str, ...]
    source: str
    common: Shift
    by_ticker: Mapping[str, Shift] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for ticker, shift in {"every underlying": self.common, **self.by_ticker}.items():
            if len(shift.spot_return) != len(self.names):
                given = len(shift.spot_return)
                raise ValueError(f"the shift of {ticker} has {given} values for {len(self.names)} scenarios")

    def __len__(self) -> int:
        return len(self.names)

    def shift(self, ticker: str) -> Shift:
        """The shift of an underlying."""
        return self.by_ticker.get(ticker, self.common)


AS_IT_IS = ScenarioSet(("as it is",), "market", Shift.of(1))
"""The market as it is: the one scenario of a tick."""
