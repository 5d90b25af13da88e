"""What is an American put worth that is exercised between two boundaries: the European put and the right to exercise.

Scaled units (see ``boundaries``), y = spot / strike. Exercising early earns the interest on the strike less the yield
on the share for as long as the share is between the boundaries (Kim, "The analytic valuation of American options",
Review of Financial Studies 3, 1990, for one boundary):

    p(y) = european(y) + int e^-ru r [N(-d-(u, y / U)) - N(-d-(u, y / L))]
                           - y q e^-qu [N(-d+(u, y / U)) - N(-d+(u, y / L))] du

U, L are the boundaries when 1 - u of the life is left; the integral goes over those times at which they have not met
yet. Delta and gamma are its derivatives. It is sampled by the tanh-sinh rule, whose samples crowd at both ends: right
beside a boundary gamma comes from the last moments.
"""

import math

import numpy as np
from numba import njit

from engine.contracts import FloatArray
from engine.pricing.american.european import european_put
from engine.pricing.double_boundary.boundaries import NODE_ROOTS, NODE_WEIGHTS, Boundaries, interpolated
from engine.pricing.normal import normal_cdf, normal_pdf

_STEP, _REACH = 0.02, 3.3
_T = np.arange(-_REACH, _REACH + 0.5 * _STEP, _STEP)
_LATER = 1.0 / (1.0 + np.exp(-np.pi * np.sinh(_T)))
_SOONER = 1.0 / (1.0 + np.exp(np.pi * np.sinh(_T)))
_WEIGHT = _STEP * np.pi * np.cosh(_T) * _LATER * _SOONER
"""Samples of an integral over [0, 1], both distances from its ends exact, and their weights."""


@njit(nogil=True, cache=True, error_model="numpy")
def _fill_values(
    y: float,
    life: float,
    vol: float,
    rate: float,
    dividend_yield: float,
    upper: FloatArray,
    lower: FloatArray,
    horizon: float,
    meeting: float,
    nodes: FloatArray,
    node_weights: FloatArray,
    sooner: FloatArray,
    later: FloatArray,
    weight: FloatArray,
    out: FloatArray,
) -> None:
    """Add price, y delta and y^2 gamma of the right to exercise to ``out``; life: the time that is left, up to 1."""
    drift, log_y = rate - dividend_yield, math.log(y)
    lowest = math.log(rate / dividend_yield)
    span = min(life, meeting)
    for m in range(len(weight)):
        xi = math.sqrt(span * sooner[m] / horizon)
        u = (life - span) + span * later[m]
        deviation = vol * math.sqrt(u)
        rate_factor, yield_factor = math.exp(-rate * u), math.exp(-dividend_yield * u)
        for side in range(2):
            if side == 0:
                log_boundary, sign = -interpolated(xi, upper, True, nodes, node_weights), 1.0
            else:
                log_boundary, sign = lowest + interpolated(xi, lower, False, nodes, node_weights), -1.0
            d_plus = (log_y - log_boundary + drift * u) / deviation + 0.5 * deviation
            share = sign * weight[m] * span
            share_leg = share * dividend_yield * y * yield_factor * normal_cdf(-d_plus)
            density = share * y * yield_factor * normal_pdf(d_plus) / deviation
            cost = dividend_yield - rate * math.exp(-log_boundary)
            out[0] += share * rate * rate_factor * normal_cdf(deviation - d_plus) - share_leg
            out[1] += density * cost - share_leg
            out[2] += density * (dividend_yield - d_plus * cost / deviation)


def put_values(
    y: float, vol: float, rate: float, dividend_yield: float, found: Boundaries, life: float = 1.0
) -> FloatArray:
    """Price, y delta and y^2 gamma of a scaled put at a share that is not exercised; life: what is left of it."""
    deviation, log_y = vol * math.sqrt(life), math.log(y)
    growths = math.exp(-rate * life), math.exp(-dividend_yield * life)
    out = np.array(european_put(log_y, y, deviation, (rate - dividend_yield) * life, *growths)[:3])
    _fill_values(
        y,
        life,
        vol,
        rate,
        dividend_yield,
        found.upper,
        found.lower,
        found.horizon,
        found.meeting,
        NODE_ROOTS,
        NODE_WEIGHTS,
        _SOONER,
        _LATER,
        _WEIGHT,
        out,
    )
    return out


def boundaries_at(
    rate: float, dividend_yield: float, found: Boundaries, life: float = 1.0
) -> tuple[float, float] | None:
    """Lower and upper boundary when so much of the life is left; None where they have met."""
    if life > found.meeting or life > found.horizon:
        return None
    xi = math.sqrt(life / found.horizon)
    lower = rate / dividend_yield * math.exp(interpolated(xi, found.lower, False, NODE_ROOTS, NODE_WEIGHTS))
    return lower, math.exp(-interpolated(xi, found.upper, True, NODE_ROOTS, NODE_WEIGHTS))


def largest_gap(vol: float, rate: float, dividend_yield: float, found: Boundaries) -> float:
    """How far the price on the boundaries misses what exercising gives, a part of the strike: it measures the error.

    The boundaries come from smooth pasting; that the price meets the payoff there is the other condition.
    """
    gaps = [0.0]
    for share in (0.2, 0.6, 1.0):
        life = share * found.meeting
        for y in boundaries_at(rate, dividend_yield, found, life) or ():
            gaps.append(abs(put_values(y, vol, rate, dividend_yield, found, life)[0] - (1.0 - y)))
    return max(gaps)
