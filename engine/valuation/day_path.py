"""How the figures of the trades on an underlying sum up, group by group, at one quote of a day."""

import numpy as np

from engine.contracts import BoolArray, FloatArray, IntArray
from engine.valuation.underlying_pricer import UnderlyingPricer

PATH_MEASURES: tuple[str, ...] = ("market_value", "cash_delta", "vega_1pt")


def group_sums(
    prepared: UnderlyingPricer, groups: IntArray, count: int, in_value: BoolArray, spot: float
) -> FloatArray:
    """The ``PATH_MEASURES`` of an underlying's trades at a quote, summed up by group.

    Formulas and units are those of ``engine.measures``. Trades of slow engines are left out (``slow_rows`` has them),
    and so is a trade at a spot where its engine has no value.

    Parameters
    ----------
    prepared : UnderlyingPricer
        The trades on the underlying.
    groups : IntArray
        The group of each trade, from 0.
    count : int
        How many groups there are.
    in_value : BoolArray
        Which trades the market value is summed over; the other measures are summed over all.
    spot : float
        The quote, above 0.

    Returns
    -------
    FloatArray
        A row a measure, a column a group.
    """
    sums = np.zeros((len(PATH_MEASURES), count))
    size = prepared.quantity * prepared.multiplier
    for group in prepared.live_groups:
        unit = group.prepared.value(np.full(len(group.rows), spot))
        price, delta, vega = unit.price, unit.delta, unit.vega
        if not np.isfinite(price).all():
            price, delta, vega = (np.nan_to_num(values) for values in (price, delta, vega))
        own, weights = groups[group.rows], size[group.rows]
        valued = weights * in_value[group.rows]
        for row, figures in enumerate((price * valued, delta * weights * spot, vega * weights * 0.01)):
            sums[row] += np.bincount(own, figures, minlength=count)
    return sums


def slow_rows(prepared: UnderlyingPricer) -> IntArray:
    """The trades whose engines are too slow for a path."""
    slow = [group.rows for group in prepared.slow_groups]
    return np.concatenate(slow) if slow else np.empty(0, np.int64)


def live_rows(prepared: UnderlyingPricer) -> IntArray:
    """The trades that are in the sums."""
    live = [group.rows for group in prepared.live_groups]
    return np.concatenate(live) if live else np.empty(0, np.int64)
