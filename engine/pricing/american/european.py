"""The European part of an American put, in scaled units (see ``boundary``): strike 1, life 1, y = spot / strike.

Black and Scholes (1973) with Merton's dividend yield (1973). ``engine.pricing.black_scholes`` has the same in a
contract's own units; here one density serves both normal distributions, by y e^-q n(d+) = e^-r n(d-).
"""

from numba import njit

from engine.pricing.normal import fast_pdf, fast_upper_tail

Scaled = tuple[float, float, float, float, float, float]
"""price, y delta, y^2 gamma, vega, rho, dividend rho of a put of strike 1 and life 1."""


@njit(nogil=True, cache=True, forceinline=True, error_model="numpy", fastmath={"contract"})
def european_put(x: float, y: float, vol: float, drift: float, rate_factor: float, yield_factor: float) -> Scaled:
    """x = ln y; drift is rate less yield, the factors are e^-rate and e^-yield.

    Without branches, for use in loops that are to become vector instructions; vol > 0.
    """
    inverse_vol = 1.0 / vol
    d_minus = (x + drift) * inverse_vol - 0.5 * vol
    pdf = fast_pdf(d_minus)
    discounted_pdf = rate_factor * pdf
    spot_factor = y * yield_factor
    strike_leg = rate_factor * fast_upper_tail(d_minus, pdf)
    spot_leg = spot_factor * fast_upper_tail(d_minus + vol, discounted_pdf / spot_factor)
    return strike_leg - spot_leg, -spot_leg, discounted_pdf * inverse_vol, discounted_pdf, -strike_leg, spot_leg
