"""How does the premium go over the price of the share: as polynomials, fitted once for each exercise boundary.

The integral of ``premium`` takes a microsecond for each price of the share, and every tick asks for another. But for a
given boundary the premium is a smooth function of x = ln y alone, from the boundary on to where it is nothing. So it is
integrated at a few anchors when the boundary is prepared, and a tick evaluates a polynomial. Its variable u is the
distance to the boundary in ln y as a share of the width of all that, stretched near the boundary, where more happens:

    u = (x - ln B) / width,      w = 2 u (1 + CENTRE) / (u + CENTRE) - 1,      from -1 (u = 0) to 1 (u = 1)

The polynomials meet, at the Chebyshev extrema of w (Hermite interpolation), the premium with its slope and curvature,
and vega and the rhos with their slopes. Delta and gamma are the derivatives of the price's polynomial, so that they fit
together. Right beside the boundary, where the integrand of gamma has a peak at t ~ ((x - ln B) / vol)^2 too narrow for
any samples, nothing is integrated. On the boundary itself all is known in closed form (value matching, smooth pasting,
and the Black-Scholes equation):

    price = 1 - B,   y delta = -B,   y^2 gamma = 2 (r - q B) / vol^2,   vega, rho, dividend rho = 0

The slopes there of the last three follow from smooth pasting: y delta = -B holds along the boundary as it moves, so the
derivative of y delta in a parameter is -2 (r - q B) / vol^2 dlnB/dparameter. The premium is that less the European put.
At the other end it is 0, with all derivatives.
"""

import math

import numpy as np
from numba import njit
from numpy.polynomial import chebyshev

from engine.contracts import FloatArray
from engine.pricing.american.european import Scaled, european_put
from engine.pricing.american.premium import (
    CURVATURE,
    DIVIDEND_RHO,
    DIVIDEND_RHO_SLOPE,
    PREMIUM,
    PREMIUM_FIGURES,
    RHO,
    RHO_SLOPE,
    SLOPE,
    VEGA,
    VEGA_SLOPE,
    premium_at,
)

ANCHORS = 9
"""Chebyshev extrema, both ends among them."""
PRICE_CONDITIONS, GREEK_CONDITIONS = 3, 2
"""What is met at each: value, slope, curvature of the price; value and slope of vega and the rhos."""
PRICE_TERMS, GREEK_TERMS = ANCHORS * PRICE_CONDITIONS, ANCHORS * GREEK_CONDITIONS
"""Coefficients of the polynomials."""
GREEKS = 3
"""Vega, rho, dividend rho."""
CENTRE = 0.75
"""The half of w's range lies below this part of the width, over 1 + 2 times it: 0.3."""
DEVIATIONS = 8.0
"""Width, in units of vol, where neither drift nor vol shift the distributions: N(-8) is 6e-16."""

LOG_BOUNDARY, WIDTH, VALUE_GAP, PRICE_AT = range(4)
GREEKS_AT = PRICE_AT + PRICE_TERMS
PROFILE_SIZE = GREEKS_AT + GREEKS * GREEK_TERMS
"""A profile: ln B, the width, by how much the integral's price on the boundary misses intrinsic value (it tells the
solution's error, see ``ranges``), and the coefficients of price, vega, rho and dividend rho, highest power first."""


def _hermite(conditions: int) -> FloatArray:
    """A row for each condition: Chebyshev coefficients of the polynomial that is 1 in it and 0 in the others.

    The conditions: value, slope, ... at the first anchor, then at the next.
    """
    terms = np.eye(ANCHORS * conditions)
    of_term = [chebyshev.chebval(at, chebyshev.chebder(terms, order)) for at in _EXTREMA for order in range(conditions)]
    return np.ascontiguousarray(np.linalg.inv(np.asarray(of_term)).T)


def _powers(terms: int) -> FloatArray:
    """A row for each Chebyshev polynomial: its coefficients, highest power first."""
    matrix = np.zeros((terms, terms))
    for degree, chebyshev_term in enumerate(np.eye(terms)):
        matrix[degree, terms - 1 - degree :] = chebyshev.cheb2poly(chebyshev_term)[degree::-1]
    return matrix


_EXTREMA: FloatArray = -np.cos(np.pi * np.arange(ANCHORS) / (ANCHORS - 1))
PRICE_FIT, GREEK_FIT = _hermite(PRICE_CONDITIONS), _hermite(GREEK_CONDITIONS)
PRICE_POWERS, GREEK_POWERS = _powers(PRICE_TERMS), _powers(GREEK_TERMS)
SHARES: FloatArray = CENTRE * (1.0 + _EXTREMA) / (1.0 + 2.0 * CENTRE - _EXTREMA)
"""The anchors' u."""


@njit(nogil=True, cache=True, error_model="numpy")
def profile_width(vol: float, rate: float, dividend_yield: float) -> float:
    """Distance from the boundary in ln y where the premium is worth nothing any more.

    d- of the premium's integrand is about the distance in deviations, less the shifts by vol / 2 and by a drift towards
    the boundary.
    """
    return vol * DEVIATIONS + max(0.0, 0.5 * vol * vol - (rate - dividend_yield))


@njit(nogil=True, cache=True, forceinline=True, error_model="numpy", fastmath={"contract"})
def stretched(share: float) -> tuple[float, float]:
    """w and its derivative in u, both at this u. The second derivative is the first times -2 / (u + CENTRE)."""
    inverse = 1.0 / (share + CENTRE)
    w = 2.0 * (1.0 + CENTRE) * share * inverse - 1.0
    return w, 2.0 * (1.0 + CENTRE) * CENTRE * inverse * inverse


@njit(nogil=True, cache=True, error_model="numpy")
def premium_on_boundary(
    log_boundary: float,
    vol: float,
    rate: float,
    dividend_yield: float,
    distance_slopes: FloatArray,
    out: FloatArray,
) -> None:
    """Fill the ``PREMIUM_FIGURES`` on the boundary; -ln B changes with vol, rate and yield by ``distance_slopes``."""
    boundary = math.exp(log_boundary)
    drift = rate - dividend_yield
    price, slope, curvature, vega, rho, dividend_rho = european_put(
        log_boundary, boundary, vol, drift, math.exp(-rate), math.exp(-dividend_yield)
    )
    bend = 2.0 * (rate - dividend_yield * boundary) / (vol * vol)
    out[PREMIUM] = 1.0 - boundary - price
    out[SLOPE] = -boundary - slope
    out[CURVATURE] = bend - curvature
    out[VEGA], out[RHO], out[DIVIDEND_RHO] = -vega, -rho, -dividend_rho
    # the slopes of the European figures in ln y: those of e^-r n(d-), -e^-r N(-d-) and y e^-q N(-d+)
    d_minus = (log_boundary + drift) / vol - 0.5 * vol
    out[VEGA_SLOPE] = bend * distance_slopes[0] + d_minus * curvature
    out[RHO_SLOPE] = bend * distance_slopes[1] - curvature
    out[DIVIDEND_RHO_SLOPE] = bend * distance_slopes[2] - (dividend_rho - curvature)


@njit(nogil=True, cache=True, forceinline=True, error_model="numpy", fastmath={"contract"})
def interpolate(
    conditions: FloatArray, fit: FloatArray, powers: FloatArray, chebyshev_terms: FloatArray, out: FloatArray
) -> None:
    """Fill ``out`` with the polynomial that meets these conditions.

    By its Chebyshev coefficients, which fall off fast: straight to powers, rounding would grow to 1e-8.
    """
    count = len(conditions)
    chebyshev_terms[:] = 0.0
    for i in range(count):
        for m in range(count):
            chebyshev_terms[m] += conditions[i] * fit[i, m]
    out[:] = 0.0
    for i in range(count):
        for m in range(count):
            out[m] += chebyshev_terms[i] * powers[i, m]


@njit(nogil=True, cache=True, error_model="numpy")
def fit_profile(
    vol: float,
    rate: float,
    dividend_yield: float,
    distance: float,
    distance_slopes: FloatArray,
    root: FloatArray,
    inverse_root: FloatArray,
    curve: FloatArray,
    normals: FloatArray,
    profile: FloatArray,
) -> None:
    """Fill ``profile`` from the boundary's ``curve``; distance is -ln B today, with its slopes in vol, rate, yield."""
    width = profile_width(vol, rate, dividend_yield)
    figures = np.empty(PREMIUM_FIGURES)
    price, greeks = np.zeros(PRICE_TERMS), np.zeros((GREEKS, GREEK_TERMS))
    premium_at(-distance, vol, rate, dividend_yield, root, inverse_root, curve, normals, figures)
    integrated = figures[PREMIUM]
    premium_on_boundary(-distance, vol, rate, dividend_yield, distance_slopes, figures)
    profile[LOG_BOUNDARY] = -distance
    profile[WIDTH] = width
    profile[VALUE_GAP] = abs(integrated - figures[PREMIUM])
    for i in range(ANCHORS - 1):  # at the last all is 0
        if i > 0:
            x = SHARES[i] * width - distance
            premium_at(x, vol, rate, dividend_yield, root, inverse_root, curve, normals, figures)
        steepness = stretched(SHARES[i])[1]
        x_by_w = width / steepness
        bend = 2.0 / ((SHARES[i] + CENTRE) * steepness)  # d2x / dw2 over dx / dw
        slope = figures[SLOPE] * x_by_w
        price[PRICE_CONDITIONS * i] = figures[PREMIUM]
        price[PRICE_CONDITIONS * i + 1] = slope
        # the second derivative in x is y^2 gamma + y delta
        price[PRICE_CONDITIONS * i + 2] = (figures[CURVATURE] + figures[SLOPE]) * x_by_w * x_by_w + slope * bend
        for j in range(GREEKS):
            greeks[j, GREEK_CONDITIONS * i] = figures[VEGA + j]
            greeks[j, GREEK_CONDITIONS * i + 1] = figures[VEGA_SLOPE + j] * x_by_w
    room = np.empty(PRICE_TERMS)
    interpolate(price, PRICE_FIT, PRICE_POWERS, room, profile[PRICE_AT:GREEKS_AT])
    for j in range(GREEKS):
        start = GREEKS_AT + j * GREEK_TERMS
        interpolate(greeks[j], GREEK_FIT, GREEK_POWERS, room[:GREEK_TERMS], profile[start : start + GREEK_TERMS])


@njit(nogil=True, cache=True, forceinline=True, error_model="numpy", fastmath={"contract"})
def premium_over_spot(x: float, profile: FloatArray) -> Scaled:
    """The premium's part of the scaled put at x = ln y, between the boundary and the far end of the width."""
    inverse_width = 1.0 / profile[WIDTH]
    share = (x - profile[LOG_BOUNDARY]) * inverse_width
    w, steepness = stretched(share)
    price = slope = half_curvature = 0.0
    for m in range(PRICE_AT, GREEKS_AT):  # Horner's scheme for a polynomial and its derivatives
        half_curvature = half_curvature * w + slope
        slope = slope * w + price
        price = price * w + profile[m]
    vega = rho = dividend_rho = 0.0
    for m in range(GREEKS_AT, GREEKS_AT + GREEK_TERMS):
        vega = vega * w + profile[m]
        rho = rho * w + profile[m + GREEK_TERMS]
        dividend_rho = dividend_rho * w + profile[m + 2 * GREEK_TERMS]
    w_by_x = steepness * inverse_width
    slope *= w_by_x
    second = 2.0 * half_curvature * w_by_x * w_by_x - 2.0 * slope * inverse_width / (share + CENTRE)
    return max(price, 0.0), slope, second - slope, vega, rho, dividend_rho
