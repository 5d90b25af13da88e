"""What is one unit of a contract worth, with all greeks: from the scaled put back to the contract's own units.

A put of strike K and life T is K times the scaled put p(y; vol = sigma sqrt T, rate = r T, yield = q T), y = S / K.
A call is a put of the mirrored problem (McDonald and Schroder, "A parity result for American options", Journal of
Computational Finance 1, 1998): C(S, K, r, q) = P(K, S, q, r) = S p(y; vol, q T, r T), y = K / S.
"""

import math

import numpy as np
from numba import njit

from engine.american.european import european_put
from engine.american.over_spot import LOG_BOUNDARY, WIDTH, premium_over_spot
from engine.american.ranges import LARGEST_PRICE, SMALLEST_PRICE
from engine.american.terms import (
    BOUNDARY,
    INVERSE_VOL,
    INVERSE_YEARS,
    OFFSET,
    RATE,
    RATE_FACTOR,
    ROOT_YEARS,
    SIGN,
    STRIKE,
    VOL,
    YEARS,
    YIELD,
    YIELD_FACTOR,
)
from engine.contracts import FloatArray, IntArray
from engine.normal import fast_log

FAR = 300.0
"""At e^FAR of moneyness an option is worth nothing at all, or only its payoff; beyond counts as there."""

NOT_EXERCISED = -1
"""The problem of a contract that is never exercised early."""
_LEAST, _MOST = math.exp(-FAR), math.exp(FAR)


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def value_rows(spot: FloatArray, problem: IntArray, terms: FloatArray, profiles: FloatArray, out: FloatArray) -> None:
    """Fill ``out``, 7 rows in the order of ``UnitValues``, a column a contract; NaN where the spot is no price.

    Rows at a limit, such as no volatility, come out as nonsense: others have to overwrite them.
    """
    count = len(spot)
    log_y = np.empty(count)
    for i in range(count):  # plain loops, so that they become vector instructions
        is_put = terms[SIGN, i] < 0.0
        y = spot[i] / terms[STRIKE, i] if is_put else terms[STRIKE, i] / spot[i]
        log_y[i] = min(max(fast_log(y), -FAR), FAR)
    # the scaled premium, for the time being in the rows of its figures
    out[:6] = 0.0
    for i in range(count):
        if problem[i] != NOT_EXERCISED:
            profile = profiles[problem[i]]
            if profile[LOG_BOUNDARY] < log_y[i] < profile[LOG_BOUNDARY] + profile[WIDTH]:
                out[0, i], out[1, i], out[2, i], out[3, i], out[4, i], out[5, i] = premium_over_spot(log_y[i], profile)
    for i in range(count):
        sign, strike, share = terms[SIGN, i], terms[STRIKE, i], spot[i]
        vol, rate, dividend_yield = terms[VOL, i], terms[RATE, i], terms[YIELD, i]
        is_put = sign < 0.0
        x = log_y[i]
        y = min(max(share / strike if is_put else strike / share, _LEAST), _MOST)
        inverse_y = 1.0 / y
        price, slope, curvature, vega, rho, dividend_rho = european_put(
            x, y, vol, terms[OFFSET, i], terms[INVERSE_VOL, i], terms[RATE_FACTOR, i], terms[YIELD_FACTOR, i]
        )
        price = max(price + out[0, i], max(1.0 - y, 0.0))
        slope += out[1, i]
        curvature += out[2, i]
        # the Black-Scholes equation holds where the option is kept: theta = r V - (r-q) S delta - vol^2 S^2 gamma / 2
        theta = terms[INVERSE_YEARS, i] * (
            rate * price - (rate - dividend_yield) * slope - 0.5 * vol * vol * curvature
        )
        vega = terms[ROOT_YEARS, i] * (vega + out[3, i])
        rho = terms[YEARS, i] * (rho + out[4, i])
        dividend_rho = terms[YEARS, i] * (dividend_rho + out[5, i])
        # a call: d(S p(K / S)) / dS = p - y p', and once more y^2 p'' / S; the put's rate is its yield
        unit = strike if is_put else share
        exercised = x <= terms[BOUNDARY, i]
        out[0, i] = sign * (share - strike) if exercised else unit * price
        out[1, i] = sign if exercised else (slope * inverse_y if is_put else price - slope)
        out[2, i] = 0.0 if exercised else (curvature * inverse_y if is_put else curvature) / share
        out[3, i] = 0.0 if exercised else unit * vega
        out[4, i] = 0.0 if exercised else unit * theta
        out[5, i] = 0.0 if exercised else unit * (rho if is_put else dividend_rho)
        out[6, i] = 0.0 if exercised else unit * (dividend_rho if is_put else rho)
    for i in range(count):
        if not SMALLEST_PRICE <= spot[i] <= LARGEST_PRICE:
            out[:, i] = np.nan
