"""What is the right to exercise early worth, and how does that change with every variable.

The premium over the European put is an integral along the exercise boundary B (Kim, "The analytic valuation of American
options", Review of Financial Studies 3, 1990; the premium formula of Andersen, Lake and Offengenden, 2016). In the
scaled units of ``boundary`` (strike 1, life 1), with y = spot / strike and t the time until exercise:

    premium = int_0^1 r e^-rt N(-d-(t, y / B(1-t))) - q y e^-qt N(-d+(t, y / B(1-t))) dt
    d-+(t, z) = (ln z + (r-q) t) / (vol sqrt t) -+ vol sqrt t / 2

All derivatives share the normal densities and distributions of the price. They are the derivatives of the integrand,
brought into one form by the identity y e^-qt n(d+) = B e^-rt n(d-): with a boundary density

    g = (r - q B) e^-rt / (vol sqrt t)

    y delta      = - q y int e^-qt N(-d+) - int g n(d-)
    y^2 gamma    = int (r e^-rt + g d-) n(d-) / (vol sqrt t)
    vega         = int [ r e^-rt sqrt t + g d- sqrt t + g dlnB/dvol ] n(d-)
    rho          = int (1 - r t) e^-rt N(-d-) + int [ g dlnB/dr - g t ] n(d-)
    dividend rho = - y int (1 - q t) e^-qt N(-d+) + int [ g dlnB/dq + g t ] n(d-)

The boundary stays put when spot moves, so delta and gamma have no term of it; vega and the rhos do.
"""

import math

from numba import njit

from engine.american.boundary import FASTMATH, least_square
from engine.american.nodes import BOUNDARY_NODES
from engine.contracts import FloatArray
from engine.normal import fast_cdf_pdf, fast_exp

CURVE_ROWS = 7
OFFSET, RATE_WEIGHT, YIELD_WEIGHT, DENSITY, DENSITY_VOL, DENSITY_RATE, DENSITY_YIELD = range(CURVE_ROWS)
"""Rows of a curve, a column a sample: what d- is at y = 1; e^-rt and e^-qt times the sample's weight; g times the
weight; and that times dlnB / dvol, / drate, / dyield."""

Scaled = tuple[float, float, float, float, float, float]
"""price, y delta, y^2 gamma, vega, rho, dividend rho of a put of strike 1 and life 1."""


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FASTMATH)
def fill_curve(
    vol: float,
    rate: float,
    dividend_yield: float,
    h: FloatArray,
    h_slopes: FloatArray,
    root: FloatArray,
    weight: FloatArray,
    interpolation: FloatArray,
    curve: FloatArray,
) -> None:
    """Fill a curve: all that the premium needs of the boundary (``h``, ``h_slopes`` of ``solve_boundary``)."""
    least = least_square(h)
    drift = rate - dividend_yield
    count = len(root)
    # h^2 and half the derivatives of it, interpolated; they become what they are for in the second loop
    for row in (DENSITY, DENSITY_VOL, DENSITY_RATE, DENSITY_YIELD):
        for k in range(count):
            curve[row, k] = 0.0
    for j in range(BOUNDARY_NODES + 1):
        squared, by_vol, by_rate, by_yield = (
            h[j] * h[j],
            h[j] * h_slopes[0, j],
            h[j] * h_slopes[1, j],
            h[j] * h_slopes[2, j],
        )
        for k in range(count):
            curve[DENSITY, k] += squared * interpolation[j, k]
            curve[DENSITY_VOL, k] += by_vol * interpolation[j, k]
            curve[DENSITY_RATE, k] += by_rate * interpolation[j, k]
            curve[DENSITY_YIELD, k] += by_yield * interpolation[j, k]
    for k in range(count):
        distance = math.sqrt(max(curve[DENSITY, k], least))
        s = root[k]
        t = s * s
        deviation = vol * s
        discount = 2.0 * s * weight[k] * fast_exp(-rate * t)  # dt = 2 s ds
        density = (rate - dividend_yield * fast_exp(-distance)) * discount / deviation
        of_slope = -density / distance
        curve[OFFSET, k] = (drift * t + distance) / deviation - 0.5 * deviation
        curve[RATE_WEIGHT, k] = discount
        curve[YIELD_WEIGHT, k] = 2.0 * s * weight[k] * fast_exp(-dividend_yield * t)
        curve[DENSITY, k] = density
        curve[DENSITY_VOL, k] *= of_slope
        curve[DENSITY_RATE, k] *= of_slope
        curve[DENSITY_YIELD, k] *= of_slope
    # maturity itself: the European option, with the strike in the boundary's place
    curve[OFFSET, count - 1] = drift / vol - 0.5 * vol


@njit(nogil=True, cache=True, error_model="numpy", fastmath=FASTMATH)
def scaled_put(
    x: float,
    y: float,
    vol: float,
    rate: float,
    dividend_yield: float,
    rate_factor: float,
    yield_factor: float,
    root: FloatArray,
    inverse_root: FloatArray,
    curve: FloatArray,
    normals: FloatArray,
) -> Scaled:
    """European put plus premium, in the continuation region. x = ln y; the factors are e^-rate and e^-dividend_yield;
    ``normals`` is room for 4 rows of the samples.

    The European terms: Black and Scholes (1973) with Merton's dividend yield (1973).
    """
    tail_rate = tail_rate_time = tail_yield = tail_yield_time = 0.0
    at_root = pushed = straight = rate_at_root = pushed_out = in_time = by_vol = by_rate = by_yield = 0.0
    inverse_vol = 1.0 / vol
    count = curve.shape[1]
    # separate plain loops, so that they become vector instructions
    for k in range(count):
        d_minus = curve[OFFSET, k] + x * inverse_vol * inverse_root[k]
        normals[0, k] = d_minus
        normals[1, k], normals[2, k] = fast_cdf_pdf(-d_minus)
    for k in range(count):
        normals[3, k] = fast_cdf_pdf(-normals[0, k] - vol * root[k])[0]
    for k in range(count):
        s = root[k]
        t = s * s
        d_minus = normals[0, k]
        pdf = normals[2, k]
        rate_tail = curve[RATE_WEIGHT, k] * normals[1, k]
        rate_pdf = curve[RATE_WEIGHT, k] * pdf
        yield_tail = curve[YIELD_WEIGHT, k] * normals[3, k]
        density = curve[DENSITY, k] * pdf
        tail_rate += rate_tail
        tail_rate_time += rate_tail * t
        tail_yield += yield_tail
        tail_yield_time += yield_tail * t
        at_root += rate_pdf * inverse_root[k]
        rate_at_root += rate_pdf * s
        straight += density
        pushed += density * d_minus * inverse_root[k]
        pushed_out += density * d_minus * s
        in_time += density * t
        by_vol += curve[DENSITY_VOL, k] * pdf
        by_rate += curve[DENSITY_RATE, k] * pdf
        by_yield += curve[DENSITY_YIELD, k] * pdf
    strike_leg = rate_factor * normals[1, count - 1]
    spot_leg = y * yield_factor * normals[3, count - 1]
    european_vega = rate_factor * normals[2, count - 1]  # e^-r n(d-) = y e^-q n(d+)
    premium = max(rate * tail_rate - dividend_yield * y * tail_yield, 0.0)  # not less than 0 by rounding
    return (
        strike_leg - spot_leg + premium,
        -spot_leg - dividend_yield * y * tail_yield - straight,
        inverse_vol * (european_vega + rate * at_root + pushed),
        european_vega + rate * rate_at_root + pushed_out + by_vol,
        -strike_leg + tail_rate - rate * tail_rate_time + by_rate - in_time,
        spot_leg - y * (tail_yield - dividend_yield * tail_yield_time) + by_yield + in_time,
    )
