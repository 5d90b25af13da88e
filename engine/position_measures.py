"""What is a position worth, and how does it move: from the values of one unit to the measures of the whole size."""

import numpy as np
from numba import njit

import engine.kernel_cache  # noqa: F401  where the kernel is kept
from engine.contracts import FloatArray, UnitValues
from engine.measures import MEASURES

_VECTOR = "float64[::1]"


def position_measures(unit: UnitValues, spot: float, quantity: FloatArray, multiplier: FloatArray) -> FloatArray:
    """The measures of positions on one underlying: a row each of ``MEASURES``, in their order, a column a position.

    All arrays have one length n. NaN where the unit values are NaN. Formulas and units are those of ``MEASURES``.
    """
    out = np.empty((len(MEASURES), len(quantity)))
    _fill(
        unit.price,
        unit.delta,
        unit.gamma,
        unit.vega,
        unit.theta,
        unit.rho,
        unit.dividend_rho,
        spot,
        quantity,
        multiplier,
        out,
    )
    return out


@njit(
    f"void({', '.join([_VECTOR] * 7)}, float64, {_VECTOR}, {_VECTOR}, float64[:, ::1])",
    nogil=True,
    cache=True,
    error_model="numpy",
)
def _fill(
    price: FloatArray,
    delta: FloatArray,
    gamma: FloatArray,
    vega: FloatArray,
    theta: FloatArray,
    rho: FloatArray,
    dividend_rho: FloatArray,
    spot: float,
    quantity: FloatArray,
    multiplier: FloatArray,
    out: FloatArray,
) -> None:
    """One pass instead of twenty small ones of numpy, which hold Python's lock and cost more than the options."""
    for i in range(len(quantity)):
        size = quantity[i] * multiplier[i]
        out[0, i] = price[i]
        out[1, i] = price[i] * size
        out[2, i] = delta[i] * size
        out[3, i] = delta[i] * size * spot
        out[4, i] = gamma[i] * spot * spot * 0.01 * size
        out[5, i] = vega[i] * 0.01 * size
        out[6, i] = theta[i] / 365.0 * size
        out[7, i] = rho[i] * 1e-4 * size
        out[8, i] = dividend_rho[i] * 1e-4 * size
