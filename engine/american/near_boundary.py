"""What are the values just above the exercise boundary, where the premium's integral is hard to sample.

There the integrand of gamma has a peak at t ~ (ln(S / B) / vol)^2 that gets narrower than any fixed set of samples as S
approaches B. But on the boundary itself all is known in closed form (value matching, smooth pasting, and the
Black-Scholes equation): in scaled units, with x = ln y,

    price = 1 - B,   y delta = -B,   y^2 gamma = 2 (r - q B) / vol^2

and a fine quadrature, which is affordable once but not at every tick, gives the same three in the middle of the zone
and at its outer edge. One polynomial of degree 8 in x meets all nine.

Vega and the rhos are 0 on the boundary (intrinsic value does not move), and their slopes there follow from smooth
pasting: y delta = -B holds along the boundary as it moves, so the derivative of y delta in a parameter is
-2 (r - q B) / vol^2 dlnB/dparameter. A polynomial of degree 5 meets these slopes and the fine quadrature's values at
four points.
"""

import math

import numpy as np
from numba import njit

from engine.american.boundary import PARAMETERS
from engine.american.premium import Scaled, scaled_put
from engine.contracts import FloatArray

ZONE = 0.5
"""Width of the zone in units of vol sqrt(life), in ln S."""
ANCHORS = 5
"""Points at equal distances, the first on the boundary and the last on the outer edge, where the values are known."""
CURVATURE_STEP = 2
"""The price meets value, slope and curvature at every second of them; vega and the rhos meet their values at all."""
PRICE_TERMS = 9
GREEK_TERMS = 5
"""Coefficients of the polynomials; those of vega and the rhos have no constant."""

LOG_BOUNDARY, LOG_EDGE, VALUE_GAP, PRICE_AT = range(4)
GREEKS_AT = PRICE_AT + PRICE_TERMS
ZONE_SIZE = GREEKS_AT + PARAMETERS * GREEK_TERMS
"""What a zone holds: ln B, ln of the outer edge, by how much the price on the boundary misses intrinsic value (it tells
the solution's error, see ``ranges``), and the polynomials' coefficients, lowest power first, in a variable from 0 to 1.
"""


def _price_from_conditions() -> FloatArray:
    """A row a condition (value, slope, curvature of one anchor after the other), a column a coefficient."""
    powers = np.arange(PRICE_TERMS)
    conditions = []
    for at in np.linspace(0.0, 1.0, ANCHORS)[::CURVATURE_STEP]:
        conditions.append(at**powers)
        conditions.append(powers * at ** np.maximum(powers - 1, 0))
        conditions.append(powers * (powers - 1) * at ** np.maximum(powers - 2, 0))
    return np.ascontiguousarray(np.linalg.inv(np.asarray(conditions, dtype=np.float64)).T)


def _greek_from_conditions() -> FloatArray:
    """A row a condition (slope on the boundary, value at each further anchor), a column a coefficient."""
    powers = np.arange(1, GREEK_TERMS + 1)
    values = np.linspace(0.0, 1.0, ANCHORS)[1:, None] ** powers
    conditions = np.vstack([powers == 1, values])
    return np.ascontiguousarray(np.linalg.inv(conditions).T)


PRICE_FIT = _price_from_conditions()
GREEK_FIT = _greek_from_conditions()


@njit(nogil=True, cache=True, error_model="numpy")
def fit_zone(
    vol: float,
    rate: float,
    dividend_yield: float,
    distance: float,
    distance_slopes: FloatArray,
    fine_root: FloatArray,
    fine_inverse_root: FloatArray,
    fine_curve: FloatArray,
    normals: FloatArray,
    zone: FloatArray,
) -> None:
    """Fill ``zone`` from a curve with many samples; distance is -ln B today, with its slopes in vol, rate and yield."""
    width = ZONE * vol
    log_boundary = -distance
    boundary = math.exp(log_boundary)
    rate_factor, yield_factor = math.exp(-rate), math.exp(-dividend_yield)
    zone[LOG_BOUNDARY] = log_boundary
    zone[LOG_EDGE] = log_boundary + width
    zone[PRICE_AT:] = 0.0
    curvature_on_boundary = 2.0 * (rate - dividend_yield * boundary) / (vol * vol)
    for i in range(ANCHORS):
        x = log_boundary + width * i / (ANCHORS - 1)
        price, slope, curvature, vega, rho, dividend_rho = scaled_put(
            x,
            math.exp(x),
            vol,
            rate,
            dividend_yield,
            rate_factor,
            yield_factor,
            fine_root,
            fine_inverse_root,
            fine_curve,
            normals,
        )
        if i == 0:
            zone[VALUE_GAP] = abs(price - (1.0 - boundary))
            price, slope, curvature = 1.0 - boundary, -boundary, curvature_on_boundary
            # for these it is their slopes that are met
            vega = curvature_on_boundary * distance_slopes[0] * width
            rho = curvature_on_boundary * distance_slopes[1] * width
            dividend_rho = curvature_on_boundary * distance_slopes[2] * width
        for m in range(GREEK_TERMS):
            zone[GREEKS_AT + m] += GREEK_FIT[i, m] * vega
            zone[GREEKS_AT + GREEK_TERMS + m] += GREEK_FIT[i, m] * rho
            zone[GREEKS_AT + 2 * GREEK_TERMS + m] += GREEK_FIT[i, m] * dividend_rho
        if i % CURVATURE_STEP == 0:
            first = 3 * (i // CURVATURE_STEP)
            for m in range(PRICE_TERMS):
                # in x the second derivative is y^2 gamma + y delta
                zone[PRICE_AT + m] += (
                    PRICE_FIT[first, m] * price
                    + PRICE_FIT[first + 1, m] * slope * width
                    + PRICE_FIT[first + 2, m] * (curvature + slope) * width * width
                )


@njit(nogil=True, cache=True, error_model="numpy")
def inside_zone(x: float, zone: FloatArray) -> Scaled:
    """The scaled put at x = ln y between the boundary and the zone's edge."""
    width = zone[LOG_EDGE] - zone[LOG_BOUNDARY]
    z = (x - zone[LOG_BOUNDARY]) / width
    value = slope = half_curvature = 0.0
    for m in range(PRICE_TERMS - 1, -1, -1):  # Horner's scheme for a polynomial and its derivatives
        half_curvature = half_curvature * z + slope
        slope = slope * z + value
        value = value * z + zone[PRICE_AT + m]
    slope /= width
    vega = rho = dividend_rho = 0.0
    for m in range(GREEK_TERMS - 1, -1, -1):
        vega = (vega + zone[GREEKS_AT + m]) * z
        rho = (rho + zone[GREEKS_AT + GREEK_TERMS + m]) * z
        dividend_rho = (dividend_rho + zone[GREEKS_AT + 2 * GREEK_TERMS + m]) * z
    return value, slope, 2.0 * half_curvature / (width * width) - slope, vega, rho, dividend_rho
