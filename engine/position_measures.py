"""What is a position worth, and how does it move: from the values of one unit to the measures of the whole size."""

import numpy as np
from numba import njit

import engine.kernel_cache  # noqa: F401  where the kernel is kept
from engine.contracts import FloatArray
from engine.measures import MEASURES


def position_measures(
    unit: FloatArray, spots: FloatArray, quantity: FloatArray, multiplier: FloatArray
) -> tuple[FloatArray, bool]:
    """The measures of positions on one underlying in scenarios; a tick is the case of one.

    Parameters
    ----------
    unit
        Scenarios by ``UNIT_ROWS`` by positions.
    spots
        The spot of each scenario.
    quantity, multiplier
        Of each position.

    Returns
    -------
    tuple
        Scenarios by ``MEASURES`` by positions, NaN where the unit values are NaN; and whether all are finite. Formulas
        and units are those of ``MEASURES``.
    """
    out = np.empty((len(unit), len(MEASURES), len(quantity)))
    _fill(unit, spots, quantity, multiplier, out)
    return out, bool(np.isfinite(_sum(out)))


@njit(
    "void(float64[:, :, ::1], float64[::1], float64[::1], float64[::1], float64[:, :, ::1])",
    nogil=True,
    cache=True,
    error_model="numpy",
)
def _fill(unit: FloatArray, spots: FloatArray, quantity: FloatArray, multiplier: FloatArray, out: FloatArray) -> None:
    """One pass instead of twenty small ones of numpy, which hold Python's lock and cost more than the options.

    Nothing may be reassociated here: the last bit of a measure would depend on where in the array its trade is.
    """
    for s in range(len(unit)):
        spot, own, made = spots[s], unit[s], out[s]
        for i in range(len(quantity)):
            size = quantity[i] * multiplier[i]
            made[0, i] = own[0, i]
            made[1, i] = own[0, i] * size
            made[2, i] = own[1, i] * size
            made[3, i] = own[1, i] * size * spot
            made[4, i] = own[2, i] * spot * spot * 0.01 * size
            made[5, i] = own[3, i] * 0.01 * size
            made[6, i] = own[4, i] / 365.0 * size
            made[7, i] = own[5, i] * 1e-4 * size
            made[8, i] = own[6, i] * 1e-4 * size


@njit("float64(float64[:, :, ::1])", nogil=True, cache=True, error_model="numpy", fastmath={"reassoc"})
def _sum(measures: FloatArray) -> float:
    """A number only where each of them is one: cheaper than to look at each."""
    total = 0.0
    for s in range(measures.shape[0]):
        for row in range(measures.shape[1]):
            for i in range(measures.shape[2]):
                total += measures[s, row, i]
    return total
