"""Positions in the share itself: the hedges of an options book, valued like any other contract."""

import numpy as np

from engine.contracts import Contracts, FloatArray, IntArray, UnitValues


class PreparedShares:
    """Shares; there is nothing to prepare and nothing to refuse. See ``PreparedContracts``."""

    def __init__(self, count: int) -> None:
        self.refused: dict[int, str] = {}
        self._count = count

    def value(self, spot: FloatArray) -> UnitValues:
        """Price is the spot, delta is 1, all else 0; NaN where the spot is not a positive number."""
        spots = np.asarray(spot, dtype=np.float64)
        if spots.shape != (self._count,):
            raise ValueError(f"{self._count} contracts need as many spots, not an array of {spots.shape}")
        good = (spots > 0.0) & (spots < np.inf)
        price = np.where(good, spots, np.nan)
        delta = np.where(good, 1.0, np.nan)
        rest = [np.where(good, 0.0, np.nan) for _ in range(5)]
        return UnitValues(price, delta, *rest)


class SpotEngine:
    """Values a share at its quote. Live."""

    name = "Spot"
    live = True
    microseconds = 0.0

    def prepare(self, contracts: Contracts) -> PreparedShares:
        """Only the number of contracts counts: strike, time, volatility, rates and type of a share may be NaN."""
        return PreparedShares(len(contracts))

    def join(self, _kept: object, _rows: IntArray, _fresh: object, contracts: Contracts) -> PreparedShares:
        """As if they had been prepared together."""
        return PreparedShares(len(contracts))
