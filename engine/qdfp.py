"""American options by QuantLib's QdFp engine: precise, slow, and the reference for whatever is faster.

Price: Andersen, Lake and Offengenden, "High performance American option pricing" (2016), as QuantLib's
``QdFpAmericanEngine`` has it with its accurate scheme. Greeks: five-point differences of those prices (Abramowitz and
Stegun, Handbook of Mathematical Functions, table 25.2). The prices are smooth enough for them, because the scheme takes
the same boundary nodes at every spot; 17 prices give all greeks of a contract:

    delta, gamma           over steps of 5 % of vol sqrt T in spot
    vega                   over steps of 0.01 of volatility, or 5 % of it if that is less
    rho, dividend rho      over steps of 0.0002
    theta                  r V - (r - q) S delta - vol^2 S^2 gamma / 2, from the Black-Scholes equation

**Where it is worth exercising at once** the price is intrinsic, delta sign, every other greek 0. Beside that region, and
beside rates that QuantLib refuses, differences are taken to the side away from it, so that none reaches across.

**Scale.** A price depends on S / K, vol^2 T, r T and q T only. So every contract is priced as one of strike 100 and a life
of exactly 365 days, with volatility and rates scaled: any ``years`` is exact, without dates, and two QuantLib options
serve a whole book. They lie far in the future: QuantLib's global evaluation date is neither read nor set.
"""

import math
from collections.abc import Callable

import numpy as np
import QuantLib as ql  # noqa: N813

from engine.black_scholes import european_values, unpriceable
from engine.contracts import Contracts, FloatArray, UnitValues

STRIKE = 100.0
SPOT_STEP = 0.05
VOL_STEP = 0.01
LARGEST_VOL_STEP = 0.05
RATE_STEP = 2e-4
EXERCISED = 1e-7
"""Less than this above intrinsic, for a strike of 100, counts as exercised: 3e-3 of spot from the boundary at most."""
SMALLEST_DEVIATION = 1e-4
"""Below this vol * sqrt(years) the differences would be noise: refused."""

_START = ql.Date(1, 1, 2190)

_CENTRAL = ((-2, 1 / 12), (-1, -8 / 12), (1, 8 / 12), (2, -1 / 12))
_FORWARD = ((0, -25 / 12), (1, 48 / 12), (2, -36 / 12), (3, 16 / 12), (4, -3 / 12))
_CENTRAL_SECOND = ((-2, -1 / 12), (-1, 16 / 12), (0, -30 / 12), (1, 16 / 12), (2, -1 / 12))
_FORWARD_SECOND = ((0, 45 / 12), (1, -154 / 12), (2, 214 / 12), (3, -156 / 12), (4, 61 / 12), (5, -10 / 12))

Weights = tuple[tuple[int, float], ...]


class CannotPriceError(Exception):
    """QuantLib has no price for a contract; the message is the reason in plain words."""


class UnitPricer:
    """QuantLib's American price of one option of strike 100 and one year; not to be shared between threads."""

    def __init__(self, scheme: ql.QdFpIterationScheme | None = None) -> None:
        day_count = ql.Actual365Fixed()
        self._spot, self._rate, self._yield, self._vol = (ql.SimpleQuote(x) for x in (100.0, 0.0, 0.0, 0.2))

        def curve(quote: ql.SimpleQuote) -> ql.YieldTermStructureHandle:
            return ql.YieldTermStructureHandle(ql.FlatForward(_START, ql.QuoteHandle(quote), day_count))

        vol = ql.BlackConstantVol(_START, ql.NullCalendar(), ql.QuoteHandle(self._vol), day_count)
        process = ql.BlackScholesMertonProcess(
            ql.QuoteHandle(self._spot), curve(self._yield), curve(self._rate), ql.BlackVolTermStructureHandle(vol)
        )
        engine = ql.QdFpAmericanEngine(process, scheme or ql.QdFpAmericanEngine.accurateScheme())
        self._options = {}
        for sign, kind in ((1.0, ql.Option.Call), (-1.0, ql.Option.Put)):
            exercise = ql.AmericanExercise(_START, _START + 365)
            self._options[sign] = ql.VanillaOption(ql.PlainVanillaPayoff(kind, STRIKE), exercise)
            self._options[sign].setPricingEngine(engine)

    def price(self, spot: float, years: float, vol: float, rate: float, dividend_yield: float, sign: float) -> float:
        """Price for a strike of 100, spot on the same scale. Raises CannotPriceError where QuantLib has none."""
        self._spot.setValue(spot)
        self._vol.setValue(vol * math.sqrt(years))
        self._rate.setValue(rate * years)
        self._yield.setValue(dividend_yield * years)
        try:
            value = float(self._options[sign].NPV())
        except RuntimeError as error:
            if "double-boundary" in str(error):
                reason = "QuantLib's QdFp engine cannot price an option with two exercise boundaries (negative rates)"
            else:
                reason = f"QuantLib's QdFp engine fails: {error}"
            raise CannotPriceError(reason) from error
        if not math.isfinite(value):
            raise CannotPriceError("QuantLib's QdFp engine gives no finite price")
        return value


class _Line:
    """Prices along one variable at whole steps from the contract, each made once; None where it leaves the region."""

    def __init__(self, price: Callable[[float], float], intrinsic: Callable[[float], float], step: float) -> None:
        self._price, self._intrinsic, self.step = price, intrinsic, step
        self._known: dict[int, tuple[float | None, bool]] = {}

    def at(self, k: int) -> tuple[float | None, bool]:
        """Price at k steps (None: refused), and whether the option is alive there, not to be exercised at once."""
        if k not in self._known:
            try:
                value = self._price(k * self.step)
                self._known[k] = value, value > self._intrinsic(k * self.step) + EXERCISED
            except CannotPriceError:
                self._known[k] = None, False
        return self._known[k]

    def difference(self, central: Weights, forward: Weights, order: int) -> float:
        """Derivative at 0: central if the option is alive at all points, else to whichever side it is; order 1 or 2."""
        backward = tuple((-k, w * (-1.0) ** order) for k, w in forward)
        for weights in (central, forward, backward):
            if all(self.at(k)[1] for k, _ in weights):
                return self._sum(weights, order)
        for weights in (central, forward, backward):
            if all(self.at(k)[0] is not None for k, _ in weights):
                return self._sum(weights, order)
        raise CannotPriceError("QuantLib's QdFp engine refuses rates so close to these that there are no greeks")

    def _sum(self, weights: Weights, order: int) -> float:
        total = 0.0
        for k, weight in weights:
            value = self.at(k)[0]
            assert value is not None
            total += weight * value
        return total / self.step**order


def american_values(
    pricer: UnitPricer, spot: float, years: float, vol: float, rate: float, dividend_yield: float, sign: float
) -> tuple[float, float, float, float, float, float, float]:
    """Price, delta, gamma, vega, theta, rho, dividend rho for a strike of 100, units as in ``UnitValues``.

    spot > 0 on the scale of the strike; years > 0; sign +1 call, -1 put. Raises CannotPriceError.
    """
    deviation = vol * math.sqrt(years)
    if deviation < SMALLEST_DEVIATION:
        raise CannotPriceError(f"volatility times the root of time, {deviation:.2g}, is too small for QdFp's greeks")
    payoff = max(sign * (spot - STRIKE), 0.0)
    price = pricer.price(spot, years, vol, rate, dividend_yield, sign)
    if payoff > 0.0 and price <= payoff + EXERCISED:
        return payoff, sign, 0.0, 0.0, 0.0, 0.0, 0.0
    price = max(price, 0.0)

    def here(_: float) -> float:
        return payoff if payoff > 0.0 else -math.inf

    def there(step: float) -> float:
        intrinsic = sign * (spot + step - STRIKE)
        return intrinsic if intrinsic > 0.0 else -math.inf

    by_spot = _Line(
        lambda x: pricer.price(spot + x, years, vol, rate, dividend_yield, sign), there, spot * min(SPOT_STEP * deviation, 0.1)
    )
    by_vol = _Line(
        lambda x: pricer.price(spot, years, vol + x, rate, dividend_yield, sign),
        here,
        min(VOL_STEP, LARGEST_VOL_STEP * vol),
    )
    by_rate = _Line(lambda x: pricer.price(spot, years, vol, rate + x, dividend_yield, sign), here, RATE_STEP)
    by_yield = _Line(lambda x: pricer.price(spot, years, vol, rate, dividend_yield + x, sign), here, RATE_STEP)
    delta = by_spot.difference(_CENTRAL, _FORWARD, 1)
    gamma = by_spot.difference(_CENTRAL_SECOND, _FORWARD_SECOND, 2)
    theta = rate * price - (rate - dividend_yield) * spot * delta - 0.5 * vol * vol * spot * spot * gamma
    vega, rho, dividend_rho = (line.difference(_CENTRAL, _FORWARD, 1) for line in (by_vol, by_rate, by_yield))
    return price, delta, gamma, vega, theta, rho, dividend_rho


class PreparedAmericans:
    """American options for QdFp; see ``PreparedContracts``. Nothing that QuantLib lets us keep is free of spot."""

    def __init__(self, contracts: Contracts) -> None:
        self.refused: dict[int, str] = unpriceable(contracts)
        self._contracts = contracts
        pricer = UnitPricer()
        for row in range(len(contracts)):
            if row not in self.refused and contracts.years[row] > 0.0:
                try:
                    american_values(pricer, STRIKE, *self._terms(row))
                except CannotPriceError as error:
                    self.refused[row] = str(error)

    def _terms(self, row: int) -> tuple[float, float, float, float, float]:
        c = self._contracts
        sign = 1.0 if c.is_call[row] else -1.0
        return (
            float(c.years[row]),
            float(c.implied_vol[row]),
            float(c.risk_free_rate[row]),
            float(c.dividend_yield[row]),
            sign,
        )

    def value(self, spot: FloatArray) -> UnitValues:
        raise NotImplementedError
