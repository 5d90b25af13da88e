"""Where are the two exercise boundaries of an American put with yield < rate < 0, and when do they meet.

Scaled units as in ``engine.pricing.american.boundary``: strike 1 and life 1; vol = sigma sqrt T, rate = r T, q T.
The put is exercised from the lower boundary to the upper one. At maturity they are r / q and 1; with more time left
they approach each other, and may meet. With more time than that left nobody exercises.

**They are found apart from each other.** Above the upper boundary the price solves the Black-Scholes equation with the
payoff as its end and 1 - y on the boundary, whatever is below; so below it the exercised value 1 - y may be continued
down to 0. In the same way the value below the lower boundary is that of a claim on 1 - y, exercised anywhere above.
(Andersen and Lake, "Fast American option pricing: the double-boundary case", Wilmott, 2021.) Smooth pasting gives each
an equation of its own, with d+(t, z) = (ln z + (r-q) t) / (vol sqrt t) + vol sqrt t / 2 and, in the integrals,
d+ = d+(u, B(tau) / B(tau-u)):

    upper    e^-q tau N(d+(tau, B(tau))) = int_0^tau e^-qu [ n(d+) (r / B(tau-u) - q) / (vol sqrt u) - q N(d+) ] du
    lower    int_0^tau e^-qu n(d+) (r / B(tau-u) - q) / (vol sqrt u) du = -q int_0^tau e^-qu N(-d+) du

Both sides are positive, and Newton's method takes the difference of their logarithms at Chebyshev nodes of sqrt(tau):
three or four steps from the behaviour near maturity (Evans, Kuske and Keller, "American options on assets with
dividends near expiry", Mathematical Finance 12, 2002), which the lower boundary mirrors. Of the upper boundary the
squared log-distance from the strike is interpolated, of the lower its log-distance from r / q.
"""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from engine.contracts import FloatArray
from engine.pricing.normal import normal_cdf, normal_pdf

NODES = 16
"""Chebyshev nodes of a boundary after that at maturity, where it is known."""
SAMPLES = 40
"""Of each integral, Gauss-Legendre in an angle: u = tau sin^2, so that both square roots are smooth."""
MOST_STEPS = 30
SMALL_STEP = 1e-8
"""Largest relative change of a step after which no other is needed."""
_DIFFERENCE = 1e-6
"""Relative step of the Jacobian's differences."""
_ROOT_SLOPE = 0.6388
"""A boundary that starts at r / q goes vol sqrt(tau) times this from there at first."""
_BISECTIONS = 30
_BEYOND = 1.01
"""How far beyond their meeting boundaries are followed, so that it lies between nodes."""


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Both boundaries from maturity on.

    upper, lower: log-distances at the nodes, from the strike down and from r / q up. horizon: the time to maturity of
    the last node. meeting: the time to maturity at which they meet, 1 if they do not within the life.
    """

    upper: FloatArray
    lower: FloatArray
    horizon: float
    meeting: float


def node_roots() -> FloatArray:
    """sqrt(time to maturity / horizon) of all nodes: Chebyshev extrema on [0, 1], maturity first."""
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.arange(NODES + 1) / NODES))


def interpolation_weights() -> FloatArray:
    """Barycentric weights of the nodes."""
    weights = np.where(np.arange(NODES + 1) % 2 == 0, 1.0, -1.0)
    weights[[0, -1]] *= 0.5
    return np.asarray(weights)


NODE_ROOTS, NODE_WEIGHTS = node_roots(), interpolation_weights()
_abscissa, _weight = np.polynomial.legendre.leggauss(SAMPLES)
_ANGLE = 0.25 * np.pi * (_abscissa + 1.0)
_SIN, _COS, _WEIGHT = np.sin(_ANGLE), np.cos(_ANGLE), 0.25 * np.pi * _weight


@njit(nogil=True, cache=True, error_model="numpy")
def interpolated(xi: float, values: FloatArray, squared: bool, nodes: FloatArray, weights: FloatArray) -> float:
    """The value at xi of the polynomial through those at the nodes, or the root of that through their squares."""
    above = below = 0.0
    for j in range(len(nodes)):
        distance = xi - nodes[j]
        if abs(distance) < 1e-15:
            return float(values[j])
        share = weights[j] / distance
        above += share * (values[j] * values[j] if squared else values[j])
        below += share
    value = above / below
    return math.sqrt(max(value, 0.0)) if squared else value


def _sample_interpolation() -> FloatArray:
    """Weights of the nodes' values (last axis) in the value at each sample of each node's integral."""
    distance = np.outer(NODE_ROOTS[1:], _COS)[:, :, None] - NODE_ROOTS
    shares = NODE_WEIGHTS / distance  # a sample lies on no node
    return np.ascontiguousarray(shares / shares.sum(axis=2, keepdims=True))


_INTERPOLATION = _sample_interpolation()


@njit(nogil=True, cache=True, error_model="numpy")
def _residuals(
    is_lower: bool,
    vol: float,
    rate: float,
    dividend_yield: float,
    horizon: float,
    distance: FloatArray,
    nodes: FloatArray,
    sin: FloatArray,
    cos: FloatArray,
    weight: FloatArray,
    interpolation: FloatArray,
    out: FloatArray,
) -> None:
    """Fill ``out`` with the difference of the logarithms of both sides at each node after the first."""
    start = math.log(rate / dividend_yield) if is_lower else 0.0
    drift = rate - dividend_yield
    for i in range(len(nodes) - 1):
        tau = horizon * nodes[i + 1] ** 2
        root = math.sqrt(tau)
        log_boundary = start + distance[i + 1] if is_lower else -distance[i + 1]
        left = right = 0.0
        for k in range(len(sin)):
            value = 0.0
            for j in range(len(nodes)):
                value += interpolation[i, k, j] * (distance[j] if is_lower else distance[j] * distance[j])
            log_then = start + value if is_lower else -math.sqrt(max(value, 0.0))
            deviation = vol * root * sin[k]
            u = tau * sin[k] ** 2
            d_plus = (log_boundary - log_then + drift * u) / deviation + 0.5 * deviation
            growth = weight[k] * 2.0 * tau * sin[k] * cos[k] * math.exp(-dividend_yield * u)
            density = growth * normal_pdf(d_plus) / deviation * (rate * math.exp(-log_then) - dividend_yield)
            if is_lower:
                left += density
                right -= dividend_yield * growth * normal_cdf(-d_plus)
            else:
                right += density - dividend_yield * growth * normal_cdf(d_plus)
        if not is_lower:
            d_plus = (log_boundary + drift * tau) / (vol * root) + 0.5 * vol * root
            left = math.exp(-dividend_yield * tau) * normal_cdf(d_plus)
        out[i] = math.log(left) - math.log(right)


@njit(nogil=True, cache=True, error_model="numpy")
def _fill_system(
    is_lower: bool,
    vol: float,
    rate: float,
    dividend_yield: float,
    horizon: float,
    distance: FloatArray,
    nodes: FloatArray,
    sin: FloatArray,
    cos: FloatArray,
    weight: FloatArray,
    interpolation: FloatArray,
    residual: FloatArray,
    jacobian: FloatArray,
) -> None:
    _residuals(is_lower, vol, rate, dividend_yield, horizon, distance, nodes, sin, cos, weight, interpolation, residual)
    moved, there = distance.copy(), np.empty(len(residual))
    for j in range(len(residual)):
        step = _DIFFERENCE * distance[j + 1]
        moved[j + 1] = distance[j + 1] + step
        _residuals(is_lower, vol, rate, dividend_yield, horizon, moved, nodes, sin, cos, weight, interpolation, there)
        moved[j + 1] = distance[j + 1]
        jacobian[:, j] = (there - residual) / step


def _first_guess(is_lower: bool, vol: float, rate: float, dividend_yield: float, horizon: float) -> FloatArray:
    tau = horizon * NODE_ROOTS**2
    distance = np.zeros(NODES + 1)
    if is_lower:
        distance[1:] = _ROOT_SLOPE * vol * np.sqrt(tau[1:])
        return distance
    inverse = 8.0 * np.pi * tau[1:] * ((rate - dividend_yield) / vol) ** 2
    distance[1:] = vol * np.sqrt(tau[1:] * np.log(7.39 + 1.0 / inverse))
    return distance


def solve_boundary(is_lower: bool, vol: float, rate: float, dividend_yield: float, horizon: float) -> FloatArray | None:
    """Log-distances of one boundary at the nodes up to a time to maturity; None where Newton's method does not end."""
    distance = _first_guess(is_lower, vol, rate, dividend_yield, horizon)
    residual, jacobian = np.empty(NODES), np.empty((NODES, NODES))
    for _ in range(MOST_STEPS):
        _fill_system(
            is_lower,
            vol,
            rate,
            dividend_yield,
            horizon,
            distance,
            NODE_ROOTS,
            _SIN,
            _COS,
            _WEIGHT,
            _INTERPOLATION,
            residual,
            jacobian,
        )
        if not (np.isfinite(residual).all() and np.isfinite(jacobian).all()):
            return None
        try:
            step = -np.linalg.solve(jacobian, residual)
        except np.linalg.LinAlgError:
            return None
        known = distance[1:].copy()
        distance[1:] += np.clip(step, -0.7 * known, 2.0 * known)
        if np.max(np.abs(distance[1:] - known) / known) < SMALL_STEP:
            return distance
    return None


def latest_meeting(vol: float, rate: float, dividend_yield: float) -> float:
    """About the time to maturity at which the lower boundary alone would reach the strike; 1 where that is later."""
    return min(1.0, (math.log(dividend_yield / rate) / (_ROOT_SLOPE * vol)) ** 2)


def find_boundaries(vol: float, rate: float, dividend_yield: float) -> Boundaries | None:
    """Both boundaries of a scaled put with yield < rate < 0, up to today or their meeting; None where not found.

    Some time after they have met in this sense, the upper one leaves the region where early exercise pays, and its
    equation has no solution any more; so the time over which both can be followed is bisected until it holds their
    meeting.
    """
    horizon, too_long = latest_meeting(vol, rate, dividend_yield), math.inf
    for _ in range(_BISECTIONS):
        found = _over(vol, rate, dividend_yield, horizon)
        if found is None:
            too_long = horizon
            horizon = 0.5 * horizon
        elif found.meeting < found.horizon:
            closer = min(1.0, _BEYOND * found.meeting)
            return found if closer >= found.horizon else _over(vol, rate, dividend_yield, closer) or found
        elif horizon == 1.0:
            return found
        elif too_long - horizon < 1e-3 * horizon:
            return None
        else:
            horizon = 0.5 * (horizon + too_long) if too_long < math.inf else min(1.0, 2.0 * horizon)
    return None


def _over(vol: float, rate: float, dividend_yield: float, horizon: float) -> Boundaries | None:
    """Both boundaries up to a time to maturity, and when they meet: at the horizon or later counts as there."""
    upper = solve_boundary(False, vol, rate, dividend_yield, horizon)
    lower = None if upper is None else solve_boundary(True, vol, rate, dividend_yield, horizon)
    if upper is None or lower is None:
        return None
    room = -math.log(rate / dividend_yield)

    def gap(xi: float) -> float:
        return (
            room
            - interpolated(xi, upper, True, NODE_ROOTS, NODE_WEIGHTS)
            - interpolated(xi, lower, False, NODE_ROOTS, NODE_WEIGHTS)
        )

    if gap(1.0) >= 0.0:
        return Boundaries(upper, lower, horizon, horizon)
    apart, beyond = 0.0, 1.0
    while beyond - apart > 1e-13:
        middle = 0.5 * (apart + beyond)
        apart, beyond = (middle, beyond) if gap(middle) >= 0.0 else (apart, middle)
    return Boundaries(upper, lower, horizon, horizon * apart * apart)
