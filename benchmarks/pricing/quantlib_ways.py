"""Repricing with QuantLib's objects: rebuilt for every trade and tick, as in the article, or built once."""

from dataclasses import dataclass
from datetime import date

import QuantLib as ql  # noqa: N813

from benchmarks.books import AS_OF, Book, Option
from engine.snapshot.parameters import Parameters

Greeks = tuple[float, float, float, float, float, float]
"""Price, delta, gamma, vega, theta, rho."""

_NO_CALENDAR = ql.NullCalendar()
_SPOT_STEP, _VOL_STEP, _RATE_STEP = 0.01, 0.01, 0.0001


def to_quantlib(day: date) -> ql.Date:
    return ql.Date(day.day, day.month, day.year)


def set_evaluation_date() -> None:
    """QuantLib's date, global to the process."""
    ql.Settings.instance().evaluationDate = to_quantlib(AS_OF)


def reprice_rebuilding(book: Book) -> list[Greeks]:
    """The article's way: every object anew for every trade and tick."""
    return [
        (_american if option.american else _european)(option, book.spots[ticker], book.parameters[ticker])
        for ticker, options in book.options.items()
        for option in options
    ]


def _european(option: Option, spot: float, parameters: Parameters) -> Greeks:
    today, day_count = to_quantlib(AS_OF), ql.Actual365Fixed()
    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(spot)),
        ql.YieldTermStructureHandle(ql.FlatForward(today, parameters.dividend_yield, day_count)),
        ql.YieldTermStructureHandle(ql.FlatForward(today, parameters.risk_free_rate, day_count)),
        ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, _NO_CALENDAR, parameters.implied_vol, day_count)),
    )
    built = vanilla(option)
    built.setPricingEngine(ql.AnalyticEuropeanEngine(process))
    return built.NPV(), built.delta(), built.gamma(), built.vega(), built.theta(), built.rho()


def _american(option: Option, spot: float, parameters: Parameters) -> Greeks:
    built = _Built.build(option, spot, parameters)
    built.option.setPricingEngine(ql.QdFpAmericanEngine(built.process, ql.QdFpAmericanEngine.fastScheme()))
    return built.bumped()


@dataclass(frozen=True, slots=True)
class _Built:
    """One trade's objects."""

    option: ql.VanillaOption
    process: ql.BlackScholesMertonProcess
    spot: ql.SimpleQuote
    vol: ql.SimpleQuote
    rate: ql.SimpleQuote

    @classmethod
    def build(cls, option: Option, spot: float, parameters: Parameters) -> "_Built":
        today, day_count = to_quantlib(AS_OF), ql.Actual365Fixed()
        quotes = [ql.SimpleQuote(x) for x in (spot, parameters.implied_vol, parameters.risk_free_rate)]
        handles = [ql.QuoteHandle(quote) for quote in quotes]
        dividends = ql.FlatForward(today, parameters.dividend_yield, day_count)
        vol = ql.BlackConstantVol(today, _NO_CALENDAR, handles[1], day_count)
        process = ql.BlackScholesMertonProcess(
            handles[0],
            ql.YieldTermStructureHandle(dividends),
            ql.YieldTermStructureHandle(ql.FlatForward(today, handles[2], day_count)),
            ql.BlackVolTermStructureHandle(vol),
        )
        return cls(vanilla(option), process, *quotes)

    def analytic(self) -> Greeks:
        """Price and greeks as the engine gives them."""
        o = self.option
        return o.NPV(), o.delta(), o.gamma(), o.vega(), o.theta(), o.rho()

    def bumped(self) -> Greeks:
        """Price and greeks by moving the quotes, of an engine that gives prices only; theta by the equation."""
        spot, vol, rate = self.spot.value(), self.vol.value(), self.rate.value()
        price = self.option.NPV()
        up, down = (self._moved(self.spot, spot, step) for step in (_SPOT_STEP * spot, -_SPOT_STEP * spot))
        delta = (up - down) / (2 * _SPOT_STEP * spot)
        gamma = (up - 2 * price + down) / (_SPOT_STEP * spot) ** 2
        vega = (self._moved(self.vol, vol, _VOL_STEP) - price) / _VOL_STEP
        rho = (self._moved(self.rate, rate, _RATE_STEP) - price) / _RATE_STEP
        theta = rate * price - rate * spot * delta - 0.5 * (vol * spot) ** 2 * gamma
        return price, delta, gamma, vega, theta, rho

    def _moved(self, quote: ql.SimpleQuote, value: float, step: float) -> float:
        quote.setValue(value + step)
        price = float(self.option.NPV())
        quote.setValue(value)
        return price


def vanilla(option: Option) -> ql.VanillaOption:
    """The contract alone."""
    maturity = to_quantlib(option.maturity)
    exercise = ql.AmericanExercise(to_quantlib(AS_OF), maturity) if option.american else ql.EuropeanExercise(maturity)
    kind = ql.Option.Call if option.is_call else ql.Option.Put
    return ql.VanillaOption(ql.PlainVanillaPayoff(kind, option.strike), exercise)


class BuiltOnce:
    """A book whose QuantLib objects are built once; the options on an underlying share its quotes."""

    def __init__(self, book: Book) -> None:
        self._spots: list[tuple[ql.SimpleQuote, float]] = []
        self._trades: list[_Built] = []
        self._american: list[bool] = []
        self._moved = False
        for ticker, options in book.options.items():
            if not options:
                continue
            shared = _Built.build(options[0], book.spots[ticker], book.parameters[ticker])
            self._spots.append((shared.spot, book.spots[ticker]))
            analytic = ql.AnalyticEuropeanEngine(shared.process)
            american = ql.QdFpAmericanEngine(shared.process, ql.QdFpAmericanEngine.fastScheme())
            for option in options:
                own = vanilla(option)
                own.setPricingEngine(american if option.american else analytic)
                self._trades.append(_Built(own, shared.process, shared.spot, shared.vol, shared.rate))
                self._american.append(option.american)

    def tick(self) -> list[Greeks]:
        """Move every spot, to and fro, and read every trade."""
        self._moved = not self._moved
        for quote, spot in self._spots:
            quote.setValue(spot * (1.0001 if self._moved else 1.0))
        return [
            trade.bumped() if american else trade.analytic()
            for trade, american in zip(self._trades, self._american, strict=True)
        ]
