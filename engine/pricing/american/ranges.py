"""Where does the boundary method apply: which contracts are European after all, and which are refused, and why.

Everything is decided on the scaled put (see ``boundary``): vol = sigma sqrt T, rate = r T, yield = q T of the put that
a contract is or mirrors.

    rate <= 0 and yield >= rate       waiting costs nothing: European (for a call: yield <= 0 and rate >= yield)
    yield < rate < 0                  two boundaries, one over the other: refused (Andersen and Lake, "Fast American
                                      option pricing: the double-boundary case", Wilmott 2021, have their own method)
    otherwise                         one boundary; its solution is checked before it is believed
"""

import numpy as np

from engine.contracts import BoolArray, Contracts, FloatArray, IntArray
from engine.pricing.american.boundary import SMALL_STEP
from engine.pricing.american.over_spot import VALUE_GAP
from engine.pricing.black_scholes import unpriceable

AMERICAN, EUROPEAN, REFUSED = 0, 1, 2
"""How a row is valued; European is also what matures today and has only its payoff left."""

WORTHLESS = 1e-12
"""Early exercise worth less than this share of the strike is no early exercise."""
LARGEST_GAP = 2e-7
"""Largest miss of intrinsic value on the boundary, as a share of the strike; prices are then off by 1e-6 at most."""
SMALLEST_VOL, LARGEST_VOL = 2e-3, 6.0
"""Range of sigma sqrt T."""
SMALLEST_PRICE, LARGEST_PRICE = 1e-200, 1e200
"""Range of spots and strikes: outside, products of them overflow, or 0 is divided by 0."""
LARGEST_RATE = 50.0
"""Range of r T and q T; it is there for e^-rT and e^-qT, not for any market."""
STEEPEST = 40.0
"""Largest (rate + |yield|) / sigma^2: beyond, prices bend within less than the samples beside the boundary resolve."""

NO_VOLATILITY = "a volatility of 0 has no exercise boundary"
TWO_BOUNDARIES = "with these negative rates there are two exercise boundaries, this method follows one"
VOL_OUT_OF_RANGE = f"volatility times the root of the years is outside {SMALLEST_VOL:g} to {LARGEST_VOL:g}"
STRIKE_OUT_OF_RANGE = f"the strike is outside {SMALLEST_PRICE:g} to {LARGEST_PRICE:g}"
RATE_OUT_OF_RANGE = f"the rate times the years, or the yield, is outside -{LARGEST_RATE:g} to {LARGEST_RATE:g}"
TOO_STEEP = f"the rates are more than {STEEPEST:g} times the volatility's square, too many for this method's precision"
NOT_CONVERGED = "the exercise boundary did not converge"
NOT_PRECISE = "the exercise boundary is not precise enough at these parameters"


def scaled_puts(contracts: Contracts) -> FloatArray:
    """The scaled put of each contract, a row each: vol, rate, yield; a call swaps rate and yield (see ``greeks``)."""
    is_call, years = contracts.is_call, contracts.years
    rate, dividend_yield = contracts.risk_free_rate, contracts.dividend_yield
    with np.errstate(all="ignore"):  # rows that are refused may hold anything
        return np.stack(
            [
                contracts.implied_vol * np.sqrt(years),
                np.where(is_call, dividend_yield, rate) * years,
                np.where(is_call, rate, dividend_yield) * years,
            ],
            axis=1,
        )


def classify(contracts: Contracts, scaled: FloatArray) -> tuple[IntArray, dict[int, str]]:
    """How each row is valued as far as its inputs tell, and why rows are refused."""
    vol, rate, dividend_yield = scaled.T
    kind = np.full(len(contracts), AMERICAN, dtype=np.int64)
    refused: dict[int, str] = {}

    def refuse(rows: BoolArray, reason: str) -> None:
        for row in np.flatnonzero(rows & (kind == AMERICAN)):
            refused[int(row)] = reason
            kind[row] = REFUSED

    faults = unpriceable(contracts)
    refused.update(faults)
    kind[list(faults)] = REFUSED
    with np.errstate(all="ignore"):
        refuse(~((contracts.strike >= SMALLEST_PRICE) & (contracts.strike <= LARGEST_PRICE)), STRIKE_OUT_OF_RANGE)
        refuse(~((np.abs(rate) <= LARGEST_RATE) & (np.abs(dividend_yield) <= LARGEST_RATE)), RATE_OUT_OF_RANGE)
        kind[(kind == AMERICAN) & (contracts.years == 0.0)] = EUROPEAN
        waiting_is_free = (rate <= 0.0) & (dividend_yield >= rate)
        worthless = (rate >= 0.0) & (rate + np.maximum(-dividend_yield, 0.0) < WORTHLESS)
        kind[(kind == AMERICAN) & (waiting_is_free | worthless)] = EUROPEAN
        refuse(rate < 0.0, TWO_BOUNDARIES)
        refuse(contracts.implied_vol == 0.0, NO_VOLATILITY)
        refuse(~((vol >= SMALLEST_VOL) & (vol <= LARGEST_VOL)), VOL_OUT_OF_RANGE)
        refuse(~(rate + np.abs(dividend_yield) <= STEEPEST * vol * vol), TOO_STEEP)
    return kind, refused


def unsound(last_change: FloatArray, profiles: FloatArray) -> dict[int, str]:
    """Problem -> why its solution is not to be believed: the iteration did not settle, or intrinsic value is missed."""
    with np.errstate(invalid="ignore"):
        converged = last_change <= SMALL_STEP
        precise = np.isfinite(profiles).all(axis=1) & (profiles[:, VALUE_GAP] <= LARGEST_GAP)
    return {int(p): NOT_PRECISE if converged[p] else NOT_CONVERGED for p in np.flatnonzero(~(converged & precise))}
