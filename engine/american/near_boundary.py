"""What are the values just above the exercise boundary, where the premium's integral is hard to sample.

There the integrand of gamma has a peak at t ~ (ln(S / B) / vol)^2 that gets narrower than any fixed set of samples as S
approaches B. But on the boundary itself all is known in closed form (value matching, smooth pasting, and the
Black-Scholes equation): in scaled units, with x = ln y,

    price = 1 - B,   y delta = -B,   y^2 gamma = 2 (r - q B) / vol^2

and a fine quadrature, which is affordable once but not at every tick, gives the same three in the middle of the zone and
at its outer edge. One polynomial of degree 8 in x meets all nine.

Vega and the rhos are 0 on the boundary (intrinsic value does not move), and their slopes there follow from smooth pasting:
y delta = -B holds along the boundary as it moves, so the derivative of y delta in a parameter is
-2 (r - q B) / vol^2 dlnB/dparameter. With the fine quadrature's values at the two other anchors a cubic is enough.
"""

import math

import numpy as np
from numba import njit

from engine.american.boundary import PARAMETERS
from engine.american.premium import Scaled, scaled_put
from engine.contracts import FloatArray

ZONE = 0.5
"""Width of the zone in units of vol sqrt(life), in ln S."""
ANCHORS = (0.0, 0.5, 1.0)
"""Where value, slope and curvature are given, as parts of the width."""
DEGREE = 3 * len(ANCHORS) - 1

LOG_BOUNDARY, LOG_EDGE, VALUE_GAP, POLYNOMIAL = range(4)
CUBICS = POLYNOMIAL + DEGREE + 1
ZONE_SIZE = CUBICS + 3 * PARAMETERS
"""What a zone holds: ln B, ln of the outer edge, by how much the price on the boundary misses intrinsic value (a measure of
the solution's error, see ``ranges``), the price's coefficients from the constant up, and for vega, rho and dividend rho
those from the linear one up, all of a variable that runs from 0 to 1."""


def _hermite() -> FloatArray:
    """Coefficients from (value, slope, curvature) at each anchor: the inverse of the conditions' matrix."""
    powers = np.arange(DEGREE + 1)
    conditions = []
    for at in ANCHORS:
        conditions.append(at**powers)
        conditions.append(powers * at ** np.maximum(powers - 1, 0))
        conditions.append(powers * (powers - 1) * at ** np.maximum(powers - 2, 0))
    return np.ascontiguousarray(np.linalg.inv(np.asarray(conditions, dtype=np.float64)).T)


HERMITE = _hermite()


@njit(nogil=True, cache=True, error_model="numpy")
def fit_zone(
    vol: float,
    rate: float,
    dividend_yield: float,
    boundary_slopes: FloatArray,
    log_boundary: float,
    fine_root: FloatArray,
    fine_inverse_root: FloatArray,
    fine_curve: FloatArray,
    zone: FloatArray,
) -> None:
    """Fill ``zone`` from a curve with many samples; log_boundary is ln B today, boundary_slopes its derivatives."""
    width = ZONE * vol
    boundary = math.exp(log_boundary)
    rate_factor, yield_factor = math.exp(-rate), math.exp(-dividend_yield)
    zone[LOG_BOUNDARY] = log_boundary
    zone[LOG_EDGE] = log_boundary + width
    zone[POLYNOMIAL:] = 0.0
    on_boundary = 2.0 * (rate - dividend_yield * boundary) / (vol * vol)
    sensitivities = np.empty((len(ANCHORS), PARAMETERS))
    for i in range(len(ANCHORS)):
        x = log_boundary + ANCHORS[i] * width
        values = scaled_put(
            x, math.exp(x), vol, rate, dividend_yield, rate_factor, yield_factor, fine_root, fine_inverse_root, fine_curve
        )
        price, slope, curvature = values[0], values[1], values[2]
        sensitivities[i, 0], sensitivities[i, 1], sensitivities[i, 2] = values[3], values[4], values[5]
        if i == 0:
            zone[VALUE_GAP] = abs(price - (1.0 - boundary))
            price, slope, curvature = 1.0 - boundary, -boundary, on_boundary
        for m in range(DEGREE + 1):
            # in x the second derivative is y^2 gamma + y delta
            zone[POLYNOMIAL + m] += (
                HERMITE[3 * i, m] * price
                + HERMITE[3 * i + 1, m] * slope * width
                + HERMITE[3 * i + 2, m] * (curvature + slope) * width * width
            )
    for i in range(PARAMETERS):
        linear = -on_boundary * boundary_slopes[i] * width
        middle, edge = sensitivities[1, i], sensitivities[2, i]
        zone[CUBICS + 3 * i] = linear
        zone[CUBICS + 3 * i + 1] = 8.0 * middle - edge - 3.0 * linear
        zone[CUBICS + 3 * i + 2] = 2.0 * (edge + linear) - 8.0 * middle


@njit(nogil=True, cache=True, error_model="numpy")
def inside_zone(x: float, zone: FloatArray) -> Scaled:
    """The scaled put at x = ln y between the boundary and the zone's edge."""
    width = zone[LOG_EDGE] - zone[LOG_BOUNDARY]
    z = (x - zone[LOG_BOUNDARY]) / width
    value = slope = half_curvature = 0.0
    for m in range(DEGREE, -1, -1):  # Horner's scheme for a polynomial and its derivatives
        half_curvature = half_curvature * z + slope
        slope = slope * z + value
        value = value * z + zone[POLYNOMIAL + m]
    slope /= width
    return (
        value,
        slope,
        2.0 * half_curvature / (width * width) - slope,
        z * (zone[CUBICS] + z * (zone[CUBICS + 1] + z * zone[CUBICS + 2])),
        z * (zone[CUBICS + 3] + z * (zone[CUBICS + 4] + z * zone[CUBICS + 5])),
        z * (zone[CUBICS + 6] + z * (zone[CUBICS + 7] + z * zone[CUBICS + 8])),
    )
