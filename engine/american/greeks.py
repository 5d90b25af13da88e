"""What is one unit of a contract worth, with all greeks: from the scaled put back to the contract's own units.

A put of strike K and life T is K times the scaled put p(y; vol = sigma sqrt T, rate = r T, yield = q T), y = S / K.
A call is a put of the mirrored problem (McDonald and Schroder, "A parity result for American options", Journal of
Computational Finance 1, 1998): C(S, K, r, q) = P(K, S, q, r) = S p(y; vol, q T, r T), y = K / S.
"""

import numpy as np
from numba import njit

from engine.american.near_boundary import LOG_BOUNDARY, LOG_EDGE, inside_zone
from engine.american.premium import NORMAL_ROWS, scaled_put
from engine.american.ranges import AMERICAN, LARGEST_PRICE, REFUSED, SMALLEST_PRICE
from engine.black_scholes import european_values
from engine.contracts import FloatArray, IntArray
from engine.normal import fast_log

FAR = 300.0
"""Beyond e^FAR of moneyness an option out of the money is worth nothing at all in any unit."""

TERM_ROWS = 6
SIGN, STRIKE, YEARS, VOL, RATE, YIELD = range(TERM_ROWS)
"""Rows of the contracts' terms; sign is 1 for a call and -1 for a put."""

Values = tuple[float, float, float, float, float, float, float]
"""The values of one unit, in the order of ``UnitValues``."""


@njit(nogil=True, cache=True, error_model="numpy")
def american_values(
    x: float,
    y: float,
    spot: float,
    sign: float,
    strike: float,
    years: float,
    scaled: FloatArray,
    zone: FloatArray,
    root: FloatArray,
    inverse_root: FloatArray,
    curve: FloatArray,
    normals: FloatArray,
) -> Values:
    """One American option; x = ln y, spot > 0, years > 0. ``scaled``: vol, rate, yield, e^-rate, e^-yield of its
    scaled put."""
    if x <= zone[LOG_BOUNDARY]:
        return sign * (spot - strike), sign, 0.0, 0.0, 0.0, 0.0, 0.0
    if x > FAR:
        return 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    vol, rate, dividend_yield = scaled[0], scaled[1], scaled[2]
    if x < zone[LOG_EDGE]:
        price, slope, curvature, vega, rho, dividend_rho = inside_zone(x, zone)
    else:
        price, slope, curvature, vega, rho, dividend_rho = scaled_put(
            x, y, vol, rate, dividend_yield, scaled[3], scaled[4], root, inverse_root, curve, normals
        )
    price = max(price, 1.0 - y)
    # the Black-Scholes equation holds where the option is kept: theta = r V - (r-q) S delta - vol^2 S^2 gamma / 2
    theta = (rate * price - (rate - dividend_yield) * slope - 0.5 * vol * vol * curvature) / years
    vega *= np.sqrt(years)
    rho *= years
    dividend_rho *= years
    if sign < 0.0:
        return (
            strike * price,
            slope / y,
            curvature / (y * spot),
            strike * vega,
            strike * theta,
            strike * rho,
            strike * dividend_rho,
        )
    # d(S p(K / S)) / dS = p - y p', and once more y^2 p'' / S; what is the put's rate is the call's yield
    return spot * price, price - slope, curvature / spot, spot * vega, spot * theta, spot * dividend_rho, spot * rho


@njit(nogil=True, cache=True, error_model="numpy")
def value_rows(
    spot: FloatArray,
    kind: IntArray,
    problem: IntArray,
    terms: FloatArray,
    scaled: FloatArray,
    zones: FloatArray,
    root: FloatArray,
    inverse_root: FloatArray,
    curves: FloatArray,
    out: FloatArray,
) -> None:
    """Fill ``out``, 7 rows in the order of ``UnitValues``, a column a contract; NaN where there is no price."""
    normals = np.empty((NORMAL_ROWS, len(root)))
    moneyness = np.where(terms[SIGN] < 0.0, spot / terms[STRIKE], terms[STRIKE] / spot)
    log_moneyness = np.empty(len(spot))
    for i in range(len(spot)):  # a plain loop, so that it becomes vector instructions
        log_moneyness[i] = fast_log(moneyness[i])
    for i in range(len(spot)):
        if kind[i] == REFUSED or not SMALLEST_PRICE <= spot[i] <= LARGEST_PRICE:
            out[:, i] = np.nan
            continue
        sign, strike, years = terms[SIGN, i], terms[STRIKE, i], terms[YEARS, i]
        if kind[i] == AMERICAN:
            p = problem[i]
            values = american_values(
                log_moneyness[i],
                moneyness[i],
                spot[i],
                sign,
                strike,
                years,
                scaled[p],
                zones[p],
                root,
                inverse_root,
                curves[p],
                normals,
            )
        else:
            values = european_values(spot[i], strike, years, terms[VOL, i], terms[RATE, i], terms[YIELD, i], sign)
        out[0, i], out[1, i], out[2, i], out[3, i], out[4, i], out[5, i], out[6, i] = values
