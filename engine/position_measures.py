"""What is a position worth, and how does it move: from the values of one unit to the measures of the whole size."""

import numpy as np
from numba import njit

import engine.kernel_cache  # noqa: F401  where the kernel is kept
from engine.contracts import FloatArray
from engine.measures import MEASURES


def position_measures(
    unit: FloatArray, spot: float, quantity: FloatArray, multiplier: FloatArray
) -> tuple[FloatArray, bool]:
    """The measures of positions on one underlying: a row each of ``MEASURES``, in their order, a column a position.

    unit: ``UNIT_ROWS`` of unit values. All have one length n. NaN where the unit values are NaN; and whether all are
    finite. Formulas and units are those of ``MEASURES``.
    """
    out = np.empty((len(MEASURES), len(quantity)))
    _fill(unit, spot, quantity, multiplier, out)
    return out, bool(np.isfinite(_sum(out)))


@njit(
    "void(float64[:, ::1], float64, float64[::1], float64[::1], float64[:, ::1])",
    nogil=True,
    cache=True,
    error_model="numpy",
)
def _fill(unit: FloatArray, spot: float, quantity: FloatArray, multiplier: FloatArray, out: FloatArray) -> None:
    """One pass instead of twenty small ones of numpy, which hold Python's lock and cost more than the options.

    Nothing may be reassociated here: the last bit of a measure would depend on where in the array its trade is.
    """
    for i in range(len(quantity)):
        size = quantity[i] * multiplier[i]
        out[0, i] = unit[0, i]
        out[1, i] = unit[0, i] * size
        out[2, i] = unit[1, i] * size
        out[3, i] = unit[1, i] * size * spot
        out[4, i] = unit[2, i] * spot * spot * 0.01 * size
        out[5, i] = unit[3, i] * 0.01 * size
        out[6, i] = unit[4, i] / 365.0 * size
        out[7, i] = unit[5, i] * 1e-4 * size
        out[8, i] = unit[6, i] * 1e-4 * size


@njit("float64(float64[:, ::1])", nogil=True, cache=True, error_model="numpy", fastmath={"reassoc"})
def _sum(measures: FloatArray) -> float:
    """A number only where each of them is one: cheaper than to look at each."""
    total = 0.0
    for row in range(measures.shape[0]):
        for i in range(measures.shape[1]):
            total += measures[row, i]
    return total
