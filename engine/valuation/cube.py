"""``value(snapshot, scenarios)``: the one way from a book and a market to numbers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.contracts import FloatArray
from engine.measures import MEASURE_NAMES
from engine.snapshot.book import BookSnapshot, Trades
from engine.snapshot.market import MarketSnapshot
from engine.snapshot.parameters import Parameters
from engine.snapshot.scenarios import AS_IT_IS, ScenarioSet, Shift
from engine.valuation.pricer_build import PricerBuild
from engine.valuation.underlying_pricer import Failure, UnderlyingPricer

PricerSource = Callable[[str, Trades, Parameters], UnderlyingPricer]
"""Gives the pricer of an underlying: a cache, or what builds one."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A book and a market as known at one revision of the store, on a branch. Immutable."""

    book: BookSnapshot
    market: MarketSnapshot
    revision: int = 0
    branch: str = "base"


@dataclass(frozen=True, slots=True)
class UnderlyingCube:
    """Values of the trades on one underlying.

    values: trades by measures by scenarios; NaN where a trade has no value in a scenario.
    """

    ticker: str
    trade_ids: Sequence[str]
    values: FloatArray


@dataclass(frozen=True, slots=True)
class Cube:
    """Values by trade, measure and scenario, an underlying at a time; and the trades that have none at all.

    Units of the measures are those of ``engine.measures.MEASURES``.
    """

    measures: tuple[str, ...]
    scenarios: ScenarioSet
    underlyings: Mapping[str, UnderlyingCube]
    failures: tuple[Failure, ...]

    def of(self, measure: str) -> Mapping[str, FloatArray]:
        """Trade id -> values of a measure, one a scenario. Raises ValueError for a measure that was not asked for."""
        place = self.measures.index(measure)
        return {
            trade_id: part.values[row, place]
            for part in self.underlyings.values()
            for row, trade_id in enumerate(part.trade_ids)
        }


def value(
    snapshot: Snapshot,
    scenarios: ScenarioSet = AS_IT_IS,
    *,
    measures: Sequence[str] = MEASURE_NAMES,
    tickers: Iterable[str] | None = None,
    pricers: PricerSource | None = None,
) -> Cube:
    """Value a book in every scenario, by full revaluation.

    Parameters
    ----------
    snapshot
        Trades, statuses and hierarchy, and the market data as of a date.
    scenarios
        Shifted markets, in their order.
    measures
        Names of ``engine.measures.MEASURES``.
    tickers
        The underlyings to value, as those that a tick has moved; None for all.
    pricers
        Where pricers come from; by default each is built. A scenario that shifts volatility, rate or yield needs a
        pricer of its own for each combination, one that shifts spot alone does not.

    Returns
    -------
    Cube
        Slow engines' trades are valued like all others here.
    """
    pricer_of = pricers or _built(snapshot.market)
    wanted = snapshot.book.tickers() if tickers is None else sorted(tickers)
    parts: dict[str, UnderlyingCube] = {}
    failures: list[Failure] = []
    for ticker in wanted:
        trades, spot = snapshot.book.on(ticker), snapshot.market.spot(ticker)
        parameters = snapshot.market.parameters_of(ticker)
        pricer = pricer_of(ticker, trades, parameters)
        if spot is None or not 0.0 < spot < np.inf:
            failures += pricer.without_quote()
            continue
        failures += pricer.failures
        parts[ticker] = _in_scenarios(pricer, spot, scenarios.shift(ticker), measures, trades, pricer_of)
    return Cube(tuple(measures), scenarios, parts, tuple(failures))


def _in_scenarios(
    pricer: UnderlyingPricer,
    spot: float,
    shift: Shift,
    measures: Sequence[str],
    trades: Trades,
    pricer_of: PricerSource,
) -> UnderlyingCube:
    """The trades on an underlying in all scenarios, those of one volatility, rate and yield at a time."""
    spots = spot * (1.0 + shift.spot_return)
    values = np.full((len(pricer.trade_ids), len(measures), len(spots)), np.nan)
    row_of = {trade_id: row for row, trade_id in enumerate(pricer.trade_ids)}
    levels, level_of = np.unique(
        np.column_stack([shift.vol, shift.rate, shift.dividend_yield]), axis=0, return_inverse=True
    )
    for number, level in enumerate(levels):
        own = pricer
        if level.any():
            own = pricer_of(pricer.ticker, trades, _shifted(pricer.parameters, *level.tolist()))
        there = np.flatnonzero(level_of == number)
        rows = np.array([row_of[trade_id] for trade_id in own.priced_trade_ids], np.int64)
        found = own.measures_at(spots[there], measures)
        values[np.ix_(rows, np.arange(len(measures)), there)] = found.transpose(2, 1, 0)
    return UnderlyingCube(pricer.ticker, pricer.trade_ids, values)


def _shifted(parameters: Parameters, vol: float, rate: float, dividend_yield: float) -> Parameters:
    return replace(
        parameters,
        implied_vol=parameters.implied_vol + vol,
        risk_free_rate=parameters.risk_free_rate + rate,
        dividend_yield=parameters.dividend_yield + dividend_yield,
    )


def _built(market: MarketSnapshot) -> PricerSource:
    def build(ticker: str, trades: Trades, parameters: Parameters) -> UnderlyingPricer:
        return PricerBuild(ticker, market.as_of, parameters, trades).run().prepared

    return build
