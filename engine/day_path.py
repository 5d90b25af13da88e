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

    Only trades whose engines are live are in the sums; those of slow engines are left out (``left_out`` counts them),
    and so is a trade at a spot where its engine has no value. Formulas and units are those of ``engine.measures``.
    """
    size = prepared.quantity * prepared.multiplier
    sums = [{name: np.zeros(len(spots)) for name in PATH_MEASURES} for _ in chosen]
    for group in prepared.live_groups:
        sizes = [np.where(mask[group.rows], size[group.rows], 0.0) for mask in chosen]
        if not any(weights.any() for weights in sizes):
            continue
        for at, spot in enumerate(spots):
            unit = group.prepared.value(np.full(len(group.rows), spot))
            price, delta, vega = unit.price, unit.delta, unit.vega
            if not np.isfinite(price).all():
                price, delta, vega = (np.nan_to_num(values) for values in (price, delta, vega))
            for weights, sum_ in zip(sizes, sums, strict=True):
                sum_["market_value"][at] += price @ weights
                sum_["cash_delta"][at] += delta @ weights * spot
                sum_["vega_1pt"][at] += vega @ weights * 0.01
    return sums


def left_out(prepared: PreparedUnderlying, chosen: BoolArray) -> int:
    """How many of the chosen trades have an engine too slow for a path."""
    return sum(int(chosen[group.rows].sum()) for group in prepared.slow_groups)
