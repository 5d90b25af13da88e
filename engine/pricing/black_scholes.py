"""European options in closed form: price and all greeks of a book in one pass of one thread.

Black and Scholes (1973) with a continuous dividend yield, Merton (1973); the formulas are those of Hull, "Options,
Futures, and Other Derivatives", chapters 17 and 19. With sign = +1 for a call and -1 for a put, T in years, and

    d1 = (ln(S / K) + (r - q) T) / (vol sqrt T) + vol sqrt T / 2,      d2 = d1 - vol sqrt T

    price         sign (S e^-qT N(sign d1) - K e^-rT N(sign d2))
    delta         sign e^-qT N(sign d1)
    gamma         e^-qT n(d1) / (S vol sqrt T)
    vega          S e^-qT n(d1) sqrt T
    theta         -S e^-qT n(d1) vol / (2 sqrt T) + sign (q S e^-qT N(sign d1) - r K e^-rT N(sign d2))
    rho           sign T K e^-rT N(sign d2)
    dividend rho  -sign T S e^-qT N(sign d1)

Limits, chosen so that a value is never NaN, and infinite only where it is beyond the largest float64:

- **Day of maturity** (years = 0): the price is the payoff; delta is sign in the money, 0 out of it, and sign / 2
  exactly at the money, which is the limit of e^-qT N(sign d1) for T -> 0 there; all other greeks are 0: nothing is
  left to change by waiting, by volatility or by discounting. (At the money gamma and theta have no finite limit.)
- **No volatility** (vol sqrt T below 2.2e-16, the same threshold as QuantLib's): the share grows along its forward, so
  N(d) is 1 or 0, and 1 / 2 exactly at the forward. Gamma is 0 also there, where its limit is infinite. Vega is its
  limit from above, 0 except at the forward.
"""

import math

import numpy as np
from numba import njit

from engine.contracts import Contracts, FloatArray, IntArray, PreparedContracts
from engine.pricing.normal import INV_SQRT_2PI, fast_cdf_pdf, fast_log, normal_cdf, normal_pdf

SMALLEST_DEVIATION = 2.220446049250313e-16
"""Below this vol * sqrt(years) a contract is deterministic: its d1 would be rounding noise."""
LARGEST_DEVIATION = 1e100
"""Above it N(d1) is 1 and N(d2) is 0 whatever the strike; a cap keeps infinity / infinity out."""
LARGEST_DECAY = 1e300
"""The like for vol / (2 sqrt(years)), which multiplies a density of 0 there: no 0 * infinity."""
_SMALLEST_SPOT, _LARGEST_SPOT = 5e-324, float(np.finfo(np.float64).max)


@njit(
    "UniTuple(float64, 7)(float64, float64, float64, float64, float64, float64, float64)",
    nogil=True,
    cache=True,
    error_model="numpy",
)
def european_values(
    spot: float, strike: float, years: float, vol: float, rate: float, dividend_yield: float, sign: float
) -> tuple[float, float, float, float, float, float, float]:
    """Price, delta, gamma, vega, theta, rho, dividend rho of one European option, for use inside other kernels.

    sign: +1 call, -1 put; spot, strike > 0; years, vol >= 0, any of them at its limit. Units of the result: those of
    ``UnitValues``.
    """
    sqrt_years = math.sqrt(years)
    deviation = min(vol * sqrt_years, LARGEST_DEVIATION)
    yield_factor = math.exp(-dividend_yield * years)
    discounted_spot = spot * yield_factor
    discounted_strike = strike * math.exp(-rate * years)
    if deviation >= SMALLEST_DEVIATION:
        centre = math.log(spot * (math.exp((rate - dividend_yield) * years) / strike)) / deviation
        d1 = centre + 0.5 * deviation
        cdf1 = normal_cdf(sign * d1)
        cdf2 = normal_cdf(sign * (centre - 0.5 * deviation))
        density = normal_pdf(d1)
        gamma = yield_factor * density / (spot * deviation)
    else:
        at_forward = discounted_spot == discounted_strike
        cdf1 = 0.5 if at_forward else (1.0 if sign * (discounted_spot - discounted_strike) > 0.0 else 0.0)
        cdf2 = cdf1
        density = INV_SQRT_2PI if at_forward else 0.0
        gamma = 0.0
    share_leg = sign * discounted_spot * cdf1
    strike_leg = sign * discounted_strike * cdf2
    price = max(share_leg - strike_leg, 0.0)
    delta = sign * yield_factor * cdf1
    if years == 0.0:
        return price, delta, 0.0, 0.0, 0.0, 0.0, 0.0
    vega = discounted_spot * density * sqrt_years
    decay = discounted_spot * density * min(0.5 * vol / sqrt_years, LARGEST_DECAY)
    theta = dividend_yield * share_leg - rate * strike_leg - decay
    return price, delta, gamma, vega, theta, years * strike_leg, -years * share_leg


@njit(
    "float64(float64, float64, float64, float64, float64, float64, float64)",
    nogil=True,
    cache=True,
    error_model="numpy",
)
def european_price(
    spot: float, strike: float, years: float, vol: float, rate: float, dividend_yield: float, sign: float
) -> float:
    """Price of one European option, currency a share; arguments as in ``european_values``."""
    return european_values(spot, strike, years, vol, rate, dividend_yield, sign)[0]


@njit(
    "void(float64[:, ::1], float64[:, ::1], float64[:, :, ::1], int64)",
    nogil=True,
    cache=True,
    error_model="numpy",
    fastmath={"contract"},
)
def _value_rows(spots: FloatArray, factors: FloatArray, out: FloatArray, start: int) -> None:
    """Fill ``out`` from the spots of each scenario and ``PreparedEuropeans``'s factors, from this column on.

    Without branches or library calls inside it takes a third of the time of ``european_values``, a contract at a time;
    the price of that: rows at a limit come out as nonsense, and ``_value_limits`` overwrites them.
    """
    end = start + spots.shape[1]
    for s in range(len(spots)):
        own = out[s]
        price, delta, gamma, vega = own[0, start:end], own[1, start:end], own[2, start:end], own[3, start:end]
        theta, rho, dividend_rho = own[4, start:end], own[5, start:end], own[6, start:end]
        for i in range(end - start):
            spot = spots[s, i]
            sign = factors[0, i]
            years = factors[1, i]
            deviation = factors[2, i]
            yield_factor = factors[4, i]
            centre = fast_log(spot * factors[3, i]) / deviation
            d1 = centre + 0.5 * deviation
            cdf1, density = fast_cdf_pdf(sign * d1)
            cdf2, _ = fast_cdf_pdf(sign * (centre - 0.5 * deviation))
            discounted_spot = spot * yield_factor
            share_leg = sign * discounted_spot * cdf1
            strike_leg = sign * factors[5, i] * cdf2
            spread = discounted_spot * density
            price[i] = max(share_leg - strike_leg, 0.0)
            delta[i] = sign * yield_factor * cdf1
            gamma[i] = yield_factor * density / (spot * deviation)
            vega[i] = spread * factors[6, i]
            theta[i] = factors[8, i] * share_leg - factors[7, i] * strike_leg - spread * factors[9, i]
            rho[i] = years * strike_leg
            dividend_rho[i] = -years * share_leg


@njit(
    "void(int64[::1], float64[:, ::1], float64[:, ::1], float64[:, :, ::1], int64)",
    nogil=True,
    cache=True,
    error_model="numpy",
)
def _value_limits(rows: IntArray, spots: FloatArray, terms: FloatArray, out: FloatArray, start: int) -> None:
    """Overwrite these rows' columns of ``out``; terms: strike, years, vol, rate, yield and sign of each, 6 rows."""
    for s in range(len(spots)):
        own = out[s]
        for j in range(len(rows)):
            i = start + rows[j]
            (own[0, i], own[1, i], own[2, i], own[3, i], own[4, i], own[5, i], own[6, i]) = european_values(
                spots[s, rows[j]], terms[0, j], terms[1, j], terms[2, j], terms[3, j], terms[4, j], terms[5, j]
            )


class LimitRows:
    """The rows of some contracts that are at a limit, and their terms: a kernel for the usual ones overlooks limits."""

    def __init__(self, contracts: Contracts, rows: IntArray) -> None:
        self._rows = rows
        c = contracts.take(rows)
        sign = np.where(c.is_call, 1.0, -1.0)
        self._terms = np.vstack([c.strike, c.years, c.implied_vol, c.risk_free_rate, c.dividend_yield, sign])

    def fill(self, spots: FloatArray, out: FloatArray, start: int) -> None:
        """Overwrite what others have filled; see ``PreparedContracts``."""
        if len(self._rows):
            _value_limits(self._rows, spots, self._terms, out, start)


@njit("void(float64[:, ::1], float64, float64, float64[:, :, ::1], int64)", nogil=True, cache=True, error_model="numpy")
def blank_without_price(spots: FloatArray, least: float, most: float, out: FloatArray, start: int) -> None:
    """NaN into the columns of ``out`` whose spots are not from least to most, or no numbers."""
    for s in range(len(spots)):
        for i in range(spots.shape[1]):
            if not least <= spots[s, i] <= most:
                out[s, :, start + i] = math.nan


class PreparedEuropeans(PreparedContracts):
    """European options with discount factors, deviations and forwards worked out."""

    def __init__(self, contracts: Contracts) -> None:
        super().__init__(unpriceable(contracts), len(contracts))
        strike, years, vol = contracts.strike, contracts.years, contracts.implied_vol
        rate, dividend_yield = contracts.risk_free_rate, contracts.dividend_yield
        sign = np.where(contracts.is_call, 1.0, -1.0)
        with np.errstate(all="ignore"):  # refused rows may hold anything
            sqrt_years = np.sqrt(years)
            deviation = vol * sqrt_years
            forward_per_strike = np.exp((rate - dividend_yield) * years) / strike
            self._factors = np.vstack(
                [
                    sign,
                    years,
                    deviation,
                    forward_per_strike,
                    np.exp(-dividend_yield * years),
                    strike * np.exp(-rate * years),
                    sqrt_years,
                    rate,
                    dividend_yield,
                    np.minimum(0.5 * vol / sqrt_years, LARGEST_DECAY),
                ]
            )
            limits = ~((deviation >= SMALLEST_DEVIATION) & (deviation <= LARGEST_DEVIATION))
        refused = np.zeros(len(contracts), dtype=np.bool_)
        refused[list(self.refused)] = True
        self._refused_rows = np.flatnonzero(refused)
        self._limits = LimitRows(contracts, np.flatnonzero(limits & ~refused))

    def fill(self, spots: FloatArray, out: FloatArray, start: int) -> None:
        """NaN where a contract is refused or its spot not a positive number."""
        _value_rows(spots, self._factors, out, start)
        self._limits.fill(spots, out, start)
        blank_without_price(spots, _SMALLEST_SPOT, _LARGEST_SPOT, out, start)
        if len(self._refused_rows):
            out[:, :, start + self._refused_rows] = np.nan


def unpriceable(contracts: Contracts) -> dict[int, str]:
    """Row -> why no model can price it: an input that is missing, not finite or of the wrong sign."""
    refused: dict[int, str] = {}
    with np.errstate(invalid="ignore"):
        checks = (
            (contracts.strike, contracts.strike > 0.0, "the strike must be a positive number"),
            (contracts.years, contracts.years >= 0.0, "the time to maturity must be a number of 0 or more"),
            (contracts.implied_vol, contracts.implied_vol >= 0.0, "the volatility must be a number of 0 or more"),
            (contracts.risk_free_rate, True, "the rate must be a number"),
            (contracts.dividend_yield, True, "the dividend yield must be a number"),
        )
        for column, in_range, words in checks:
            for row in np.flatnonzero(~(np.isfinite(column) & in_range)):
                refused.setdefault(int(row), f"{words}, not {column[row]:g}")
    return refused


class BlackScholesEngine:
    """European options in closed form, live: price and all greeks of 100 million contracts a second and thread.

    One thread on purpose: numba's default threading layer is not safe to enter from several threads, and the web server
    calls from many. The kernel releases the GIL; it is compiled when this module is imported, never on a tick.
    """

    name = "Black–Scholes"
    live = True

    def prepare(self, contracts: Contracts) -> PreparedEuropeans:
        """Work out what does not depend on spot, once for each change of volatility, rate, yield, date or contracts."""
        return PreparedEuropeans(contracts)

    def join(self, _kept: object, _rows: IntArray, _fresh: object, contracts: Contracts) -> PreparedEuropeans:
        """To work it out again costs less than to put it together."""
        return PreparedEuropeans(contracts)
