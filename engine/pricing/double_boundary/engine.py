"""American options with two exercise boundaries, beside the ticks: prices, and greeks by the same formula.

Price, delta and gamma come from ``premium``, theta from the Black-Scholes equation. Vega and both rhos are central
differences of prices at boundaries of their own: steps of a thousandth of the volatility, and in the rates small beside
their distances from 0 and from each other, so that none leaves the region where there are two boundaries.

Between the boundaries the option is exercised: its price is intrinsic, delta is sign and every other greek 0, as the
other American engines have it. Units and the mirrored call: see ``engine.pricing.american.greeks``.
"""

import math

import numpy as np

from engine.contracts import BoolArray, Contracts, FloatArray, IntArray, PreparedContracts
from engine.pricing.american.european import european_put
from engine.pricing.american.ranges import LARGEST_PRICE, SMALLEST_PRICE, scaled_puts
from engine.pricing.black_scholes import unpriceable
from engine.pricing.double_boundary.boundaries import Boundaries, find_boundaries, latest_meeting
from engine.pricing.double_boundary.premium import boundaries_at, largest_gap, put_values

SMALLEST_VOL, LARGEST_VOL = 2e-3, 6.0
"""Range of sigma sqrt T."""
LARGEST_RATE = 3.0
"""Largest |r T| and |q T|."""
LARGEST_GAP = 5e-7
"""Largest miss of intrinsic value on the boundaries, as a share of the strike."""
WORTHLESS = 1e-10
"""Early exercise that earns less than this share of the strike is no early exercise."""
STEEPEST = 40.0
"""Largest |q| / sigma^2: beyond, the boundaries bend within less than their nodes resolve."""
VOL_STEP, RATE_STEP, RATE_SHARE = 1e-3, 1e-5, 0.01
FAR = 300.0

ONE_BOUNDARY = "there are not two exercise boundaries: the rates are not negative, or not in that order"
OUT_OF_RANGE = (
    f"volatility times the root of the years is outside {SMALLEST_VOL:g} to {LARGEST_VOL:g}, "
    f"a rate times the years below -{LARGEST_RATE:g}, or a rate more than {STEEPEST:g} times the volatility's square"
)
NOT_FOUND = "the two exercise boundaries did not converge"
NOT_PRECISE = "the two exercise boundaries are not precise enough at these parameters"

_Point = tuple[float, float, float]


class _Problem:
    """A scaled put with yield < rate < 0 that contracts share, with its boundaries and those of its differences.

    Raises ValueError, with the reason, where a boundary is not found or not precise.
    """

    def __init__(self, vol: float, rate: float, dividend_yield: float) -> None:
        self._vol, self._rate, self._yield = vol, rate, dividend_yield
        room = rate - dividend_yield
        earned = room * math.exp(-rate) * latest_meeting(vol, rate, dividend_yield)
        self._is_european = earned < WORTHLESS
        rate_step = min(RATE_STEP, RATE_SHARE * -rate, RATE_SHARE * room)
        yield_step = min(RATE_STEP, RATE_SHARE * room)
        self._steps: tuple[float, ...] = (VOL_STEP * vol, rate_step, yield_step)
        self._solved: dict[_Point, Boundaries] = {}
        self._exercised: tuple[float, float] | None = None
        if not self._is_european:
            own = self._boundaries((vol, rate, dividend_yield))
            if not largest_gap(vol, rate, dividend_yield, own) <= LARGEST_GAP:
                raise ValueError(NOT_PRECISE)
            self._exercised = boundaries_at(rate, dividend_yield, own)

    def is_exercised(self, y: float) -> bool:
        """Whether exercising is worth more than waiting."""
        return self._exercised is not None and self._exercised[0] <= y <= self._exercised[1]

    def values(self, y: float) -> FloatArray:
        """Price, y delta, y^2 gamma, vega, rho and dividend rho where it is not exercised."""
        here = (self._vol, self._rate, self._yield)
        if self._is_european:
            factors = math.exp(-self._rate), math.exp(-self._yield)
            return np.array(european_put(math.log(y), y, self._vol, self._rate - self._yield, *factors))
        out = np.empty(6)
        out[:3] = put_values(y, *here, self._boundaries(here))
        for i, step in enumerate(self._steps):
            more, less = list(here), list(here)
            more[i] += step
            less[i] -= step
            out[3 + i] = (self._price(y, *more) - self._price(y, *less)) / (2.0 * step)
        out[0] = max(out[0], 1.0 - y, 0.0)
        out[1], out[2], out[3] = min(out[1], 0.0), max(out[2], 0.0), max(out[3], 0.0)
        return out

    def _price(self, y: float, vol: float, rate: float, dividend_yield: float) -> float:
        found = self._boundaries((vol, rate, dividend_yield))
        between = boundaries_at(rate, dividend_yield, found)
        if between is not None and between[0] <= y <= between[1]:
            return 1.0 - y
        return float(put_values(y, vol, rate, dividend_yield, found)[0])

    def _boundaries(self, point: _Point) -> Boundaries:
        if point not in self._solved:
            found = find_boundaries(*point)
            if found is None:
                raise ValueError(NOT_FOUND)
            self._solved[point] = found
        return self._solved[point]


class PreparedDoubleBoundary(PreparedContracts):
    """Contracts with two boundaries; refusals that need no boundary are prepared.

    The boundaries are found when they are valued. A contract whose boundaries are not found is NaN in ``value``, and
    joins ``refused`` then.
    """

    def __init__(self, contracts: Contracts) -> None:
        super().__init__(unpriceable(contracts), len(contracts))
        self._contracts, self._scaled = contracts, scaled_puts(contracts)
        for rows, reason in _refusals(self._scaled):
            for row in np.flatnonzero(rows):
                self.refused.setdefault(int(row), reason)

    def fill(self, spots: FloatArray, out: FloatArray, start: int) -> None:
        """NaN where a contract is refused, or where a spot is no price (``ranges``)."""
        own = out[:, :, start : start + self.count]
        own[:] = np.nan
        problems: dict[_Point, _Problem | str] = {}
        for scenario, row in zip(*np.nonzero((spots >= SMALLEST_PRICE) & (spots <= LARGEST_PRICE)), strict=True):
            if int(row) in self.refused:
                continue
            vol, rate, dividend_yield = map(float, self._scaled[row])
            point = (vol, rate, dividend_yield)
            try:
                if point not in problems:
                    problems[point] = _Problem(*point)
                problem = problems[point]
                if isinstance(problem, str):
                    raise ValueError(problem)
                own[scenario, :, row] = self._values(int(row), float(spots[scenario, row]), problem)
            except ValueError as error:
                problems[point] = self.refused[int(row)] = str(error)

    def _values(self, row: int, spot: float, problem: _Problem) -> tuple[float, ...]:
        c = self._contracts
        strike, years, is_call = float(c.strike[row]), float(c.years[row]), bool(c.is_call[row])
        vol, rate, dividend_yield = self._scaled[row]
        y = strike / spot if is_call else spot / strike
        y = min(max(y, math.exp(-FAR)), math.exp(FAR))
        if problem.is_exercised(y):
            sign = 1.0 if is_call else -1.0
            return sign * (spot - strike), sign, 0.0, 0.0, 0.0, 0.0, 0.0
        value, slope, curvature, vega, rho, dividend_rho = problem.values(y)
        unit = spot if is_call else strike
        if is_call:
            rho, dividend_rho = dividend_rho, rho
        waiting = rate * value - (rate - dividend_yield) * slope - 0.5 * vol * vol * curvature
        return (
            unit * value,
            value - slope if is_call else slope / y,
            (curvature if is_call else curvature / y) / spot,
            unit * math.sqrt(years) * vega,
            unit * waiting / years,
            unit * years * rho,
            unit * years * dividend_rho,
        )


def _refusals(scaled: FloatArray) -> list[tuple[BoolArray, str]]:
    vol, rate, dividend_yield = scaled.T
    with np.errstate(invalid="ignore"):
        in_range = (vol >= SMALLEST_VOL) & (vol <= LARGEST_VOL) & (dividend_yield >= -LARGEST_RATE)
        in_range &= -dividend_yield <= STEEPEST * vol * vol
        return [(~((dividend_yield < rate) & (rate < 0.0)), ONE_BOUNDARY), (~in_range, OUT_OF_RANGE)]


class DoubleBoundaryEngine:
    """American options whose early exercise pays between two boundaries only; not live.

    Cost: some 50 ms for each different volatility, life, rate, yield and type, and 0.5 ms a contract.
    """

    name = "DoubleBoundary"
    live = False

    def prepare(self, contracts: Contracts) -> PreparedDoubleBoundary:
        """Say which contracts have no two boundaries, or are out of range."""
        return PreparedDoubleBoundary(contracts)

    def join(self, _kept: object, _rows: IntArray, _fresh: object, contracts: Contracts) -> PreparedDoubleBoundary:
        """Nothing that is worth keeping was prepared."""
        return PreparedDoubleBoundary(contracts)
