"""American options by QuantLib's QdFp engine: precise, slow, and the reference for whatever is faster.

Price: Andersen, Lake and Offengenden, "High performance American option pricing" (2016), as QuantLib's
``QdFpAmericanEngine`` has it with its high-precision scheme. The faster schemes are off by up to 0.07 per 100 of strike
in the very regions that this engine is asked about: low volatilities, long lives, high rates and yields. Greeks:
differences of those prices, of five points in spot and volatility, of three in the rates (Abramowitz and Stegun,
Handbook of Mathematical Functions, table 25.2). 13 prices give all greeks of a contract:

    delta, gamma           over steps of 5 % of vol sqrt T in spot
    vega                   over steps of 0.01 of volatility, or 5 % of it if that is less
    rho, dividend rho      over steps of 0.0002
    theta                  r V - (r - q) S delta - vol^2 S^2 gamma / 2, from the Black-Scholes equation

**Where it is worth exercising at once** the price is intrinsic, delta is sign and every other greek 0. There the
scheme's prices are up to 1e-6 above intrinsic, which is its error; so what is less than 5e-6 above it counts as
exercised. Beside that region, and beside rates that QuantLib refuses, differences are taken to the side away from it,
so that none reaches across. Where exercising early never pays (a put with r <= 0 <= q and the like) the European
formula is exact and used; that also settles the kinks at r = 0 and q = 0. The kink at r = q, where the boundary at
expiry turns, is not settled: rho and dividend rho are good to 2e-2 there.

**Scale.** A price depends on S / K, vol^2 T, r T and q T only. So every contract is priced as one of strike 100 and a
life of exactly 365 days, with volatility and rates scaled: any ``years`` is exact, without dates, and two QuantLib
options serve a whole book. They lie in the year 2190: QuantLib's global evaluation date is never set, and matters only
in that it must be earlier.
"""

import math
from collections.abc import Callable

import numpy as np
import QuantLib as ql  # noqa: N813

from engine.contracts import Contracts, FloatArray, IntArray, PreparedContracts
from engine.pricing.black_scholes import european_values, unpriceable

STRIKE = 100.0
SPOT_STEP = 0.05
VOL_STEP = 0.01
LARGEST_SPOT_STEP = 0.1
LARGEST_VOL_STEP = 0.05
RATE_STEP = 2e-4
EXERCISED = 5e-6
"""Less than this above intrinsic, for a strike of 100, counts as exercised: five times the error seen there."""
SMALLEST_DEVIATION = 1e-4
"""Below this vol * sqrt(years) the differences would be noise: refused."""

TWO_BOUNDARIES = (
    "an option with two exercise boundaries (negative rate and yield) is beyond QuantLib's QdFp engine, "
    "and these parameters are out of the range of the engine that prices such options"
)

_START = ql.Date(1, 1, 2190)

_CENTRAL = ((-2, 1 / 12), (-1, -8 / 12), (1, 8 / 12), (2, -1 / 12))
_CENTRAL_OF_THREE = ((-1, -1 / 2), (1, 1 / 2))
_FORWARD_OF_THREE = ((0, -3 / 2), (1, 4 / 2), (2, -1 / 2))
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
        engine = ql.QdFpAmericanEngine(process, scheme or ql.QdFpAmericanEngine.highPrecisionScheme())
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
            raise CannotPriceError(f"QuantLib's QdFp engine fails: {error}") from error
        return value


class _Line:
    """Prices along one variable at whole steps from the contract, each made once; None where it leaves the region."""

    def __init__(self, price: Callable[[float], float], intrinsic: Callable[[float], float], step: float) -> None:
        self._price, self._intrinsic, self.step = price, intrinsic, step
        self._known: dict[int, tuple[float | None, bool]] = {}

    def know(self, price: float) -> None:
        """Take this price for the contract itself."""
        self._known[0] = price, True

    def at(self, k: int) -> tuple[float | None, bool]:
        """Price at k steps (None: refused), and whether the option is alive there, not to be exercised at once."""
        if k not in self._known:
            try:
                value = self._price(k * self.step)
            except CannotPriceError:
                value = math.nan
            alive = value > self._intrinsic(k * self.step) + EXERCISED
            self._known[k] = (value if math.isfinite(value) else None), alive
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

    spot > 0 on the scale of the strike; years >= 0; sign +1 call, -1 put. Raises CannotPriceError.
    """
    if years == 0.0 or equals_european(rate, dividend_yield, sign):
        price, delta, gamma, vega, theta, rho, dividend_rho = european_values(
            spot, STRIKE, years, vol, rate, dividend_yield, sign
        )
        return price, delta, gamma, vega, theta, rho, dividend_rho
    payoff = max(sign * (spot - STRIKE), 0.0)
    price = pricer.price(spot, years, vol, rate, dividend_yield, sign)
    price = max(price, european_values(spot, STRIKE, years, vol, rate, dividend_yield, sign)[0])
    if not math.isfinite(price):
        raise CannotPriceError("QuantLib's QdFp engine gives no finite price")
    if payoff > 0.0 and price <= payoff + EXERCISED:
        return payoff, sign, 0.0, 0.0, 0.0, 0.0, 0.0

    def here(_: float) -> float:
        return payoff if payoff > 0.0 else -math.inf

    def there(step: float) -> float:
        intrinsic = sign * (spot + step - STRIKE)
        return intrinsic if intrinsic > 0.0 else -math.inf

    def along(spot_step: float, vol_step: float, rate_step: float, yield_step: float) -> Callable[[float], float]:
        return lambda x: pricer.price(
            spot + x * spot_step, years, vol + x * vol_step, rate + x * rate_step, dividend_yield + x * yield_step, sign
        )

    by_spot = _Line(along(1, 0, 0, 0), there, spot * min(SPOT_STEP * vol * math.sqrt(years), LARGEST_SPOT_STEP))
    by_vol = _Line(along(0, 1, 0, 0), here, min(VOL_STEP, LARGEST_VOL_STEP * vol))
    by_rate = _Line(along(0, 0, 1, 0), here, RATE_STEP)
    by_yield = _Line(along(0, 0, 0, 1), here, RATE_STEP)
    for line in (by_spot, by_vol, by_rate, by_yield):
        line.know(price)
    delta = by_spot.difference(_CENTRAL, _FORWARD, 1)
    gamma = by_spot.difference(_CENTRAL_SECOND, _FORWARD_SECOND, 2)
    # What is beyond these bounds is noise of the prices.
    delta, gamma = sign * min(max(sign * delta, 0.0), 1.0), max(gamma, 0.0)
    theta = rate * price - (rate - dividend_yield) * spot * delta - 0.5 * vol * vol * spot * spot * gamma
    vega = max(by_vol.difference(_CENTRAL, _FORWARD, 1), 0.0)
    rho, dividend_rho = (line.difference(_CENTRAL_OF_THREE, _FORWARD_OF_THREE, 1) for line in (by_rate, by_yield))
    return price, delta, gamma, vega, theta, rho, dividend_rho


def equals_european(rate: float, dividend_yield: float, sign: float) -> bool:
    """Whether waiting is never dearer than exercising: a put when r <= 0 and r <= q, a call when q <= 0 and q <= r."""
    cost, gain = (dividend_yield, rate) if sign > 0.0 else (rate, dividend_yield)
    return cost <= 0.0 and cost <= gain


def has_two_boundaries(rate: float, dividend_yield: float, sign: float) -> bool:
    """Whether exercising pays between two spots only: a put when q < r < 0, a call when r < q < 0."""
    cost, gain = (dividend_yield, rate) if sign > 0.0 else (rate, dividend_yield)
    return gain < cost < 0.0


class PreparedAmericans(PreparedContracts):
    """American options for QdFp. Only refusals are prepared: the rest needs the spot.

    A contract that QuantLib fails at only when it sees the spot is NaN in ``value``, and joins ``refused`` then.
    """

    def __init__(self, contracts: Contracts) -> None:
        super().__init__(unpriceable(contracts), len(contracts))
        self._contracts = contracts
        for row in range(len(contracts)):
            if row not in self.refused:
                reason = _refusal(*self._terms(row))
                if reason:
                    self.refused[row] = reason

    def _terms(self, row: int) -> tuple[float, float, float, float, float]:
        c = self._contracts
        rates = float(c.risk_free_rate[row]), float(c.dividend_yield[row])
        return float(c.years[row]), float(c.implied_vol[row]), *rates, 1.0 if c.is_call[row] else -1.0

    def fill(self, spots: FloatArray, out: FloatArray, start: int) -> None:
        """NaN where a contract is refused or its spot not a positive number."""
        own = out[:, :, start : start + self.count]
        own[:] = np.nan
        pricer = UnitPricer()  # its own, so that several threads may call
        for scenario, row in zip(*np.nonzero((spots > 0.0) & (spots < np.inf)), strict=True):
            if int(row) in self.refused:
                continue
            scale = float(self._contracts.strike[row]) / STRIKE
            try:
                values = american_values(pricer, float(spots[scenario, row]) / scale, *self._terms(int(row)))
            except CannotPriceError as error:
                self.refused[int(row)] = str(error)
                continue
            own[scenario, :, row] = values
            own[scenario, [0, 3, 4, 5, 6], row] *= scale
            own[scenario, 2, row] /= scale


def _refusal(years: float, vol: float, rate: float, dividend_yield: float, sign: float) -> str:
    """Why QdFp cannot price this contract at any spot; empty if it can."""
    if years == 0.0 or equals_european(rate, dividend_yield, sign):
        return ""
    if has_two_boundaries(rate, dividend_yield, sign):
        return TWO_BOUNDARIES
    if vol * math.sqrt(years) < SMALLEST_DEVIATION:
        return f"the volatility, {vol:g} over {years:.4g} years, is too small for QdFp's greeks"
    return ""


class QdFpEngine:
    """American options by QuantLib's QdFp with its high-precision scheme, and differences of it. Not live.

    Cost: 13 prices of some 20 ms each, 0.15 s a contract on average with all greeks, because one that is exercised
    costs a single price; 0.02 ms where the European formula holds.

    Errors of the price per 100 of strike, in the regions that this engine is asked about: 4e-8 at most against finite
    differences on 25 random contracts (volatility 0.2 to 6 %, rates 0 to 12 %, more than 40 times the volatility's
    square, a month to ten years); 5e-6 where it counts as exercised. Delta is held between 0 and sign, gamma and vega
    above 0: what is beyond is noise of the differences.
    """

    name = "QdFp"
    live = False

    def prepare(self, contracts: Contracts) -> PreparedAmericans:
        """Say which contracts QuantLib refuses; the work itself needs the spot."""
        return PreparedAmericans(contracts)

    def join(self, _kept: object, _rows: IntArray, _fresh: object, contracts: Contracts) -> PreparedAmericans:
        """Nothing that is worth keeping was prepared."""
        return PreparedAmericans(contracts)
