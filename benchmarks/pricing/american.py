"""American options: what is prepared, what a tick costs, and other people's engines beside it."""

import math
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import QuantLib as ql  # noqa: N813

from benchmarks.books import random_americans
from benchmarks.machine import cores
from benchmarks.pricing.american_peers import TREE_STEPS, grid_prices, tree_prices
from benchmarks.pricing.contest import Way, contest
from benchmarks.results import Result
from engine.contracts import Contracts, FloatArray
from engine.pricing.american.engine import BoundaryEngine
from engine.pricing.qdfp import STRIKE, CannotPriceError, UnitPricer, american_values

NAME = "american"
COUNT, ONE_UNDERLYING = 10_000, 500
_FAST_SAMPLE, _ACCURATE_SAMPLE, _TREE_SAMPLE, _FORMULA_SAMPLE, _PEER_SAMPLE = 400, 40, 20, 400, 4
_TREE_STEPS = 801


def run(quick: bool) -> list[Result]:
    """10,000 random Americans, no two with the same boundary."""
    contracts, spots = random_americans(COUNT)
    one = np.arange(ONE_UNDERLYING)
    few, few_spots = contracts.take(one), spots[one]
    engine = BoundaryEngine()
    rounds = 3 if quick else 7
    whole, part = engine.prepare(contracts), engine.prepare(few)
    prices = "prices only"
    with ProcessPoolExecutor(cores(), mp_context=get_context("spawn")) as pool:

        def bumped(scheme: str, size: int) -> Callable[[], object]:
            rows = np.array_split(np.arange(size), cores())
            parts = [(scheme, contracts.take(some), spots[some]) for some in rows]
            return lambda: list(pool.map(qdfp_bumped, parts))

        processes = f"price and greeks by bumps, {cores()} processes"
        ways = [
            Way("QdFp, accurate scheme", bumped("accurate", _ACCURATE_SAMPLE), _ACCURATE_SAMPLE / COUNT, processes),
            Way("QdFp, fast scheme", bumped("fast", _FAST_SAMPLE), _FAST_SAMPLE / COUNT, processes),
            Way(
                f"binomial tree, {_TREE_STEPS} steps",
                _prices(contracts, spots, _TREE_SAMPLE, _tree),
                _TREE_SAMPLE / COUNT,
                prices,
            ),
            *(
                Way(name, _prices(contracts, spots, _FORMULA_SAMPLE, engine_of), _FORMULA_SAMPLE / COUNT, prices)
                for name, engine_of in (
                    ("Bjerksund-Stensland", ql.BjerksundStenslandApproximationEngine),
                    ("Barone-Adesi and Whaley", ql.BaroneAdesiWhaleyApproximationEngine),
                    ("Ju and Zhong", ql.JuQuadraticApproximationEngine),
                )
            ),
            Way(
                "finite differences, 100 times 100",
                _prices(contracts, spots, _TREE_SAMPLE, _grid),
                _TREE_SAMPLE / COUNT,
                prices,
            ),
            Way(
                f"derivatives-pricing, binomial tree, {TREE_STEPS} steps",
                tree_prices(contracts, spots, _PEER_SAMPLE),
                _PEER_SAMPLE / COUNT,
                prices,
            ),
            Way(
                "derivatives-pricing, finite differences, 200 times 200",
                grid_prices(contracts, spots, 1),
                1 / COUNT,
                prices,
            ),
            Way("ours, a tick", lambda: whole.value(spots), note="price and six greeks, one thread"),
        ]
        results = contest(NAME, f"{COUNT:,} random Americans", ways, rounds=rounds)
    ours = [
        Way(f"a tick of {ONE_UNDERLYING} trades", lambda: part.value(few_spots)),
        Way(f"boundaries of {ONE_UNDERLYING} trades", lambda: engine.prepare(few)),
        Way(f"boundaries of {COUNT:,} trades", lambda: engine.prepare(contracts)),
    ]
    return results + contest(NAME, "our engine, one thread", ours, rounds=rounds, compared=False)


def qdfp_bumped(work: tuple[str, Contracts, FloatArray]) -> int:
    """Price and greeks of some contracts by QdFp and differences of it; how many had a value. Runs in a worker."""
    scheme, contracts, spots = work
    schemes = {"fast": ql.QdFpAmericanEngine.fastScheme, "accurate": ql.QdFpAmericanEngine.accurateScheme}
    pricer = UnitPricer(schemes[scheme]())
    valued = 0
    for row in range(len(contracts)):
        spot = float(spots[row] / contracts.strike[row]) * STRIKE
        try:
            american_values(pricer, spot, *_terms(contracts, row))
        except CannotPriceError:
            continue
        valued += 1
    return valued


def _terms(contracts: Contracts, row: int) -> tuple[float, float, float, float, float]:
    years, vol = float(contracts.years[row]), float(contracts.implied_vol[row])
    rates = float(contracts.risk_free_rate[row]), float(contracts.dividend_yield[row])
    return years, vol, *rates, 1.0 if contracts.is_call[row] else -1.0


def _tree(process: ql.BlackScholesMertonProcess) -> ql.PricingEngine:
    return ql.BinomialVanillaEngine(process, "crr", _TREE_STEPS)


def _grid(process: ql.BlackScholesMertonProcess) -> ql.PricingEngine:
    return ql.FdBlackScholesVanillaEngine(process, 100, 100)


def _prices(
    contracts: Contracts,
    spots: FloatArray,
    count: int,
    engine_of: Callable[[ql.BlackScholesMertonProcess], ql.PricingEngine],
) -> Callable[[], list[float]]:
    """The prices of the first contracts, their QuantLib objects built once; every tick moves every spot."""
    start, day_count = ql.Date(1, 1, 2190), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = start
    options: list[tuple[ql.SimpleQuote, float, ql.VanillaOption]] = []
    for row in range(count):
        years, vol, rate, dividend_yield, sign = _terms(contracts, row)
        quote = ql.SimpleQuote(float(spots[row]))
        process = ql.BlackScholesMertonProcess(
            ql.QuoteHandle(quote),
            ql.YieldTermStructureHandle(ql.FlatForward(start, dividend_yield, day_count)),
            ql.YieldTermStructureHandle(ql.FlatForward(start, rate, day_count)),
            ql.BlackVolTermStructureHandle(ql.BlackConstantVol(start, ql.NullCalendar(), vol, day_count)),
        )
        payoff = ql.PlainVanillaPayoff(ql.Option.Call if sign > 0 else ql.Option.Put, float(contracts.strike[row]))
        option = ql.VanillaOption(payoff, ql.AmericanExercise(start, start + math.ceil(years * 365)))
        option.setPricingEngine(engine_of(process))
        options.append((quote, float(spots[row]), option))
    moved = [False]

    def prices() -> list[float]:
        moved[0] = not moved[0]
        for quote, spot, _ in options:
            quote.setValue(spot * (1.0001 if moved[0] else 1.0))
        return [option.NPV() for _, _, option in options]

    return prices
