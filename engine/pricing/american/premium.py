"""What is the right to exercise early worth at one price of the share, and how does that change with every variable.

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

The boundary stays put when spot moves, so delta and gamma have no term of it; vega and the rhos do. For ``over_spot``
the slopes of the last three in ln y are needed, too. They follow from d n(d-) / d ln y = -d- n(d-) / (vol sqrt t) and
d N(-d-+) / d ln y = -n(d-+) / (vol sqrt t).
"""

import math

from numba import njit

from engine.contracts import FloatArray
from engine.pricing.american.boundary import FASTMATH, least_square
from engine.pricing.american.nodes import BOUNDARY_NODES
from engine.pricing.normal import fast_exp, fast_pdf, fast_upper_tail

CURVE_ROWS = 8
OFFSET, PDF_RATIO, RATE_WEIGHT, YIELD_WEIGHT, DENSITY, DENSITY_VOL, DENSITY_RATE, DENSITY_YIELD = range(CURVE_ROWS)
"""Rows of a curve, a column a sample: what d- is at y = 1; y n(d+) / n(d-), which is B e^-(r-q)t; e^-rt and e^-qt times
the sample's weight; g times the weight; and that times dlnB / dvol, / drate, / dyield."""
NORMAL_ROWS = 4
D_MINUS, PDF, TAIL_MINUS, TAIL_PLUS = range(NORMAL_ROWS)
"""Rows of the normals, a column a sample: d-, n(d-), N(-d-), N(-d+)."""

PREMIUM_FIGURES = 9
PREMIUM, SLOPE, CURVATURE, VEGA, RHO, DIVIDEND_RHO, VEGA_SLOPE, RHO_SLOPE, DIVIDEND_RHO_SLOPE = range(PREMIUM_FIGURES)
"""What is known of the premium of a put of strike 1 and life 1: itself, y delta, y^2 gamma, vega, rho, dividend rho,
and the derivatives of the last three in ln y."""


@njit(nogil=True, cache=True, forceinline=True, error_model="numpy", fastmath=FASTMATH)
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


@njit(nogil=True, cache=True, forceinline=True, error_model="numpy", fastmath=FASTMATH)
def premium_at(
    x: float,
    vol: float,
    rate: float,
    dividend_yield: float,
    root: FloatArray,
    inverse_root: FloatArray,
    curve: FloatArray,
    normals: FloatArray,
    out: FloatArray,
) -> None:
    """Fill ``out`` with the ``PREMIUM_FIGURES`` at x = ln y, in the continuation region.

    ``normals`` is room for ``NORMAL_ROWS`` of the samples.
    """
    y = math.exp(x)
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
    vega_slope = rho_slope = dividend_rho_slope = 0.0
    for k in range(count):
        s = root[k]
        t = s * s
        d_minus, pdf = normals[D_MINUS, k], normals[PDF, k]
        steepness = inverse_vol * inverse_root[k]  # of d- in ln y
        density = curve[DENSITY, k]
        rate_tail = curve[RATE_WEIGHT, k] * normals[TAIL_MINUS, k]
        yield_tail = y * curve[YIELD_WEIGHT, k] * normals[TAIL_PLUS, k]
        yield_tail_slope = yield_tail - curve[YIELD_WEIGHT, k] * curve[PDF_RATIO, k] * pdf * steepness
        bend = (rate * curve[RATE_WEIGHT, k] + density * d_minus) * pdf
        rate_share, yield_share = 1.0 - rate * t, 1.0 - dividend_yield * t
        by_rate = (curve[DENSITY_RATE, k] - density * t) * pdf
        by_yield = (curve[DENSITY_YIELD, k] + density * t) * pdf
        by_vol = curve[DENSITY_VOL, k] * pdf
        tail_rate += rate_tail
        tail_yield += yield_tail
        pushed += density * pdf
        bent += bend * steepness
        vega += bend * s + by_vol
        rho += rate_tail * rate_share + by_rate
        dividend_rho += by_yield - yield_tail * yield_share
        vega_slope += inverse_vol * (density * pdf - d_minus * bend) - d_minus * steepness * by_vol
        rho_slope -= steepness * (curve[RATE_WEIGHT, k] * pdf * rate_share + d_minus * by_rate)
        dividend_rho_slope -= steepness * d_minus * by_yield + yield_tail_slope * yield_share
    out[PREMIUM] = rate * tail_rate - dividend_yield * tail_yield
    out[SLOPE] = -dividend_yield * tail_yield - pushed
    out[CURVATURE] = bent
    out[VEGA], out[RHO], out[DIVIDEND_RHO] = vega, rho, dividend_rho
    out[VEGA_SLOPE], out[RHO_SLOPE], out[DIVIDEND_RHO_SLOPE] = vega_slope, rho_slope, dividend_rho_slope
