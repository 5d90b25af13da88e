"""What an engine is given and what it gives back: contracts without a spot, and values of one unit.

A pricing engine works in two steps, because what is slow to prepare must not delay a tick:

1. ``prepare(contracts)`` does all that does not depend on spot (discount factors, an exercise boundary);
   it runs again only when volatility, rate, yield, date or the contracts themselves change.
2. ``prepared.value(spot)`` is what a tick costs, or ``prepared.fill``, which writes where the caller wants it.

Everything here is for one unit of the contract, before multiplier and quantity; derivatives are per 1.00
of their variable and per year. ``engine.measures`` scales them to the units that the board shows.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Contracts:
    """Options as arrays of one length n; a row is one contract.

    strike: currency a share. years: time to maturity, Act/365F, >= 0 (0 on the day of maturity).
    implied_vol: decimal a year. risk_free_rate, dividend_yield: decimal, continuously compounded.
    is_call: True for a call, False for a put.
    """

    strike: FloatArray
    years: FloatArray
    implied_vol: FloatArray
    risk_free_rate: FloatArray
    dividend_yield: FloatArray
    is_call: BoolArray

    def __len__(self) -> int:
        return len(self.strike)

    def take(self, rows: IntArray | BoolArray) -> "Contracts":
        """The contracts at these rows, in their order."""
        return Contracts(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def followed_by(self, others: "Contracts") -> "Contracts":
        """These contracts, then the others."""
        return Contracts(
            **{f.name: np.concatenate([getattr(self, f.name), getattr(others, f.name)]) for f in fields(self)}
        )


@dataclass(frozen=True, slots=True)
class UnitValues:
    """Price and greeks of one unit of each contract, arrays of one length n; NaN where the engine has no value.

    price: currency. delta: per 1.00 of spot. gamma: per 1.00 of spot, twice. vega: per 1.00 of volatility.
    theta: per year of calendar time that passes (negative for most long options). rho, dividend_rho: per 1.00
    of the rate and of the dividend yield.
    """

    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray
    rho: FloatArray
    dividend_rho: FloatArray


UNIT_ROWS = len(UnitValues.__slots__)
"""Rows of the unit values in one scenario: in the order of ``UnitValues``, a column a contract."""


class PreparedContracts(ABC):
    """Contracts with all the work done that does not depend on spot.

    refused: row -> why this engine cannot price it (it may still be priced by another engine). count: of contracts.
    """

    def __init__(self, refused: dict[int, str], count: int) -> None:
        self.refused, self.count = refused, count

    @abstractmethod
    def fill(self, spots: FloatArray, out: FloatArray, start: int) -> None:
        """Write unit values in scenarios into ``out``; a tick is the case of one.

        NaN for contracts that are refused, and where a spot is not a positive number.

        Parameters
        ----------
        spots
            A row a scenario, a column a contract.
        out
            Scenarios by ``UNIT_ROWS`` by contracts; those of this object from ``start`` on.
        """

    def value(self, spot: FloatArray) -> UnitValues:
        """The same as arrays of their own. Raises ValueError where there is not one spot a contract."""
        spots = np.ascontiguousarray(spot, dtype=np.float64)
        if spots.shape != (self.count,):
            raise ValueError(f"{self.count} contracts need as many spots, not an array of {spots.shape}")
        out = np.empty((1, UNIT_ROWS, self.count))
        self.fill(spots[None, :], out, 0)
        return UnitValues(*out[0])


class PricingEngine(Protocol):
    """One way to price one kind of contract."""

    @property
    def name(self) -> str:
        """What the board shows as "priced by"."""
        ...

    @property
    def live(self) -> bool:
        """Whether value() is fast enough for a tick; what is not is priced beside the tick's path."""
        ...

    def prepare(self, contracts: Contracts) -> PreparedContracts: ...

    def join(self, kept: Any, rows: IntArray, fresh: Any, contracts: Contracts, /) -> PreparedContracts:
        """What ``prepare(contracts)`` gives, from parts that this engine has prepared already.

        contracts: those at these rows of ``kept``, then all of ``fresh``; neither has a refused row among them.
        """
        ...
