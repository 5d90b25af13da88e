"""What is one unit of a contract worth, with all greeks: from the scaled put back to the contract's own units.

A put of strike K and life T is K times the scaled put p(y; vol = sigma sqrt T, rate = r T, yield = q T), y = S / K.
A call is a put of the mirrored problem (McDonald and Schroder, "A parity result for American options", Journal of
Computational Finance 1, 1998): C(S, K, r, q) = P(K, S, q, r) = S p(y; vol, q T, r T), y = K / S.
"""

import math

import numpy as np
from numba import njit

from engine.contracts import FloatArray, IntArray
from engine.pricing.american.european import european_put
from engine.pricing.american.over_spot import LOG_BOUNDARY, WIDTH, premium_over_spot
from engine.pricing.american.terms import (
    BOUNDARY,
    RATE,
    RATE_FACTOR,
    SIGN,
    STRIKE,
    VOL,
    YEARS,
    YIELD,
    YIELD_FACTOR,
)
from engine.pricing.normal import fast_log

FAR = 300.0
"""At e^FAR of moneyness an option is worth nothing at all, or only its payoff; beyond counts as there."""

NOT_EXERCISED = -1
"""The problem of a contract that is never exercised early."""
_LEAST, _MOST = math.exp(-FAR), math.exp(FAR)


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _value_scenario(
    spot: FloatArray,
    problem: IntArray,
    terms: FloatArray,
    profiles: FloatArray,
    out: FloatArray,
    start: int,
    log_y: FloatArray,
) -> None:
    """Fill ``out``, 7 rows in the order of ``UnitValues``, a column a contract from ``start`` on.

    Rows at a limit (no volatility, no price of the share) come out as nonsense: others have to overwrite them. log_y:
    room for a number a contract.
    """
    count = len(spot)
    end = start + count
    price, delta, gamma, vega = out[0, start:end], out[1, start:end], out[2, start:end], out[3, start:end]
    theta, rho, dividend_rho = out[4, start:end], out[5, start:end], out[6, start:end]
    # The scaled put, European: for now y delta and y^2 gamma are in the places of delta and gamma. This loop and that
    # over the units are plain and use few arrays each, so that they become vector instructions.
    for i in range(count):
        moneyness = spot[i] / terms[STRIKE, i] if terms[SIGN, i] < 0.0 else terms[STRIKE, i] / spot[i]
        y = min(max(moneyness, _LEAST), _MOST)
        x = fast_log(y)
        log_y[i] = x
        price[i], delta[i], gamma[i], vega[i], rho[i], dividend_rho[i] = european_put(
            x, y, terms[VOL, i], terms[RATE, i] - terms[YIELD, i], terms[RATE_FACTOR, i], terms[YIELD_FACTOR, i]
        )
    # the right to exercise early
    for i in range(count):
        if problem[i] != NOT_EXERCISED:
            profile = profiles[problem[i]]
            if 0.0 < log_y[i] - profile[LOG_BOUNDARY] < profile[WIDTH]:
                premium, slope, curvature, by_vol, by_rate, by_yield = premium_over_spot(log_y[i], profile)
                price[i] += premium
                delta[i] += slope
                gamma[i] += curvature
                vega[i] += by_vol
                rho[i] += by_rate
                dividend_rho[i] += by_yield
    # the contract's own units; for a call d(S p(K / S)) / dS = p - y p', and once more y^2 p'' / S
    for i in range(count):
        is_put = terms[SIGN, i] < 0.0
        share, strike, years = spot[i], terms[STRIKE, i], terms[YEARS, i]
        vol, rate, dividend_yield = terms[VOL, i], terms[RATE, i], terms[YIELD, i]
        y = min(max(share / strike if is_put else strike / share, _LEAST), _MOST)
        value, slope, curvature = max(price[i], max(1.0 - y, 0.0)), delta[i], gamma[i]
        by_rate, by_yield = rho[i], dividend_rho[i]
        unit = strike if is_put else share
        price[i] = unit * value
        delta[i] = slope / y if is_put else value - slope
        gamma[i] = (curvature / y if is_put else curvature) / share
        vega[i] *= unit * math.sqrt(years)
        # the Black-Scholes equation holds where the option is kept: theta = r V - (r-q) S delta - vol^2 S^2 gamma / 2
        by_time = rate * value - (rate - dividend_yield) * slope - 0.5 * vol * vol * curvature
        theta[i] = unit * by_time / years
        rho[i] = unit * years * (by_rate if is_put else by_yield)  # what is the put's rate is the call's yield
        dividend_rho[i] = unit * years * (by_yield if is_put else by_rate)
    for i in range(count):
        if log_y[i] <= terms[BOUNDARY, i]:  # exercised
            sign = terms[SIGN, i]
            price[i], delta[i] = sign * (spot[i] - terms[STRIKE, i]), sign
            gamma[i] = vega[i] = theta[i] = rho[i] = dividend_rho[i] = 0.0


@njit(nogil=True, cache=True, error_model="numpy")
def value_rows(
    spots: FloatArray, problem: IntArray, terms: FloatArray, profiles: FloatArray, out: FloatArray, start: int
) -> None:
    """Fill ``out``, scenarios by unit values by contracts, at the spots of each scenario."""
    log_y = np.empty(spots.shape[1])
    for s in range(len(spots)):
        _value_scenario(spots[s], problem, terms, profiles, out[s], start, log_y)
