"""Positions in the share itself: the hedges of an options book, valued like any other contract."""

import numpy as np

from engine.contracts import Contracts, FloatArray, IntArray, PreparedContracts


class PreparedShares(PreparedContracts):
    """Shares; there is nothing to prepare and nothing to refuse."""

    def __init__(self, count: int) -> None:
        super().__init__({}, count)

    def fill(self, spots: FloatArray, out: FloatArray, start: int) -> None:
        """Price is the spot, delta is 1, all else 0; NaN where the spot is not a positive number."""
        own = out[:, :, start : start + self.count]
        own[:, 0] = spots
        own[:, 1] = 1.0
        own[:, 2:] = 0.0
        is_price = (spots > 0.0) & (spots < np.inf)
        if not is_price.all():
            own.swapaxes(1, 2)[~is_price] = np.nan


class SpotEngine:
    """Values a share at its quote. Live."""

    name = "Spot"
    live = True

    def prepare(self, contracts: Contracts) -> PreparedShares:
        """Only the number of contracts counts: strike, time, volatility, rates and type of a share may be NaN."""
        return PreparedShares(len(contracts))

    def join(self, _kept: object, _rows: IntArray, _fresh: object, contracts: Contracts) -> PreparedShares:
        """As if they had been prepared together."""
        return PreparedShares(len(contracts))
