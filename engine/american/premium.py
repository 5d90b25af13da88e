"""What is the right to exercise early worth, and how does that change with every variable.

The premium over the European put is an integral along the exercise boundary B (Kim, "The analytic valuation of American
options", Review of Financial Studies 3, 1990; the premium formula of Andersen, Lake and Offengenden, 2016). In the
scaled units of ``boundary`` (strike 1, life 1), with y = spot / strike and t the time until exercise:

    premium = int_0^1 r e^-rt N(-d-(t, y / B(1-t))) - q y e^-qt N(-d+(t, y / B(1-t))) dt
    d-+(t, z) = (ln z + (r-q) t) / (vol sqrt t) -+ vol sqrt t / 2

All derivatives share the normal densities and distributions of the price. They are the derivatives of the integrand,
brought into one form by the identity y e^-qt n(d+) = B e^-rt n(d-), which also saves the exponential of n(d+): with a
boundary density

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
from engine.normal import fast_exp, fast_pdf, fast_upper_tail

CURVE_ROWS = 8
OFFSET, PDF_RATIO, RATE_WEIGHT, YIELD_WEIGHT, DENSITY, DENSITY_VOL, DENSITY_RATE, DENSITY_YIELD = range(CURVE_ROWS)
"""Rows of a curve, a column a sample: what d- is at y = 1; y n(d+) / n(d-), which is B e^-(r-q)t; e^-rt and e^-qt times
the sample's weight; g times the weight; and that times dlnB / dvol, / drate, / dyield."""
NORMAL_ROWS = 4
D_MINUS, PDF, TAIL_MINUS, TAIL_PLUS = range(NORMAL_ROWS)
"""Rows of the normals, a column a sample: d-, n(d-), N(-d-), N(-d+)."""

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
        boundary = fast_exp(-distance)
        density = (rate - dividend_yield * boundary) * discount / deviation
        of_slope = -density / distance
        curve[OFFSET, k] = (drift * t + distance) / deviation - 0.5 * deviation
        curve[PDF_RATIO, k] = boundary * fast_exp(-drift * t)
        curve[RATE_WEIGHT, k] = discount
        curve[YIELD_WEIGHT, k] = 2.0 * s * weight[k] * fast_exp(-dividend_yield * t)
        curve[DENSITY, k] = density
        curve[DENSITY_VOL, k] *= of_slope
        curve[DENSITY_RATE, k] *= of_slope
        curve[DENSITY_YIELD, k] *= of_slope
    # maturity itself: the European option, with the strike in the boundary's place
    curve[OFFSET, count - 1] = drift / vol - 0.5 * vol
    curve[PDF_RATIO, count - 1] = fast_exp(-drift)


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
    ``normals`` is room for ``NORMAL_ROWS`` of the samples.

    The European terms: Black and Scholes (1973) with Merton's dividend yield (1973).
    """
    inverse_vol, inverse_y = 1.0 / vol, 1.0 / y
    count = curve.shape[1]
    # two plain loops, so that they become vector instructions
    for k in range(count):
        d_minus = curve[OFFSET, k] + x * inverse_vol * inverse_root[k]
        pdf = fast_pdf(d_minus)
        normals[D_MINUS, k] = d_minus
        normals[PDF, k] = pdf
        normals[TAIL_MINUS, k] = fast_upper_tail(d_minus, pdf)
        normals[TAIL_PLUS, k] = fast_upper_tail(d_minus + vol * root[k], curve[PDF_RATIO, k] * inverse_y * pdf)
    # the integrals of the module's docstring, in its order
    tail_rate = tail_yield = pushed = bent = vega = rho = dividend_rho = 0.0
    for k in range(count):
        s = root[k]
        t = s * s
        pdf = normals[PDF, k]
        density = curve[DENSITY, k]
        rate_tail = curve[RATE_WEIGHT, k] * normals[TAIL_MINUS, k]
        yield_tail = y * curve[YIELD_WEIGHT, k] * normals[TAIL_PLUS, k]
        bend = (rate * curve[RATE_WEIGHT, k] + density * normals[D_MINUS, k]) * pdf
        tail_rate += rate_tail
        tail_yield += yield_tail
        pushed += density * pdf
        bent += bend * inverse_root[k]
        vega += bend * s + curve[DENSITY_VOL, k] * pdf
        rho += rate_tail * (1.0 - rate * t) + (curve[DENSITY_RATE, k] - density * t) * pdf
        dividend_rho += (curve[DENSITY_YIELD, k] + density * t) * pdf - yield_tail * (1.0 - dividend_yield * t)
    strike_leg = rate_factor * normals[TAIL_MINUS, count - 1]
    spot_leg = y * yield_factor * normals[TAIL_PLUS, count - 1]
    european_vega = rate_factor * normals[PDF, count - 1]  # e^-r n(d-) = y e^-q n(d+)
    premium = max(rate * tail_rate - dividend_yield * tail_yield, 0.0)  # not less than 0 by rounding
    return (
        strike_leg - spot_leg + premium,
        -spot_leg - dividend_yield * tail_yield - pushed,
        inverse_vol * (european_vega + bent),
        european_vega + vega,
        rho - strike_leg,
        dividend_rho + spot_leg,
    )
