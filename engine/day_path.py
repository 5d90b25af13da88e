"""How the figures of some trades went along a path of quotes, by repricing them at each."""

from collections.abc import Sequence

import numpy as np

from engine.contracts import BoolArray, FloatArray
from engine.preparation import PreparedUnderlying

PATH_MEASURES: tuple[str, ...] = ("market_value", "cash_delta", "vega_1pt")


def sums_along(
    prepared: PreparedUnderlying, chosen: Sequence[BoolArray], spots: FloatArray
) -> list[dict[str, FloatArray]]:
    """For each mask over the underlying's trades: measure -> its sum over those trades at each of the spots.

    Only trades whose engines are live are in the sums; those of slow engines are left out (``left_out`` counts them).
    """
    sums = [{name: np.zeros(len(spots)) for name in PATH_MEASURES} for _ in chosen]
    for at, spot in enumerate(spots):
        valued = prepared.value(float(spot), prepared.live_groups)
        for mask, sum_ in zip(chosen, sums, strict=True):
            kept = mask[valued.rows]
            for name in PATH_MEASURES:
                sum_[name][at] = valued.measures[name][kept].sum()
    return sums


def left_out(prepared: PreparedUnderlying, chosen: BoolArray) -> int:
    """How many of the chosen trades have an engine too slow for a path."""
    return sum(int(chosen[group.rows].sum()) for group in prepared.slow_groups)
