"""What it takes to build the pricer of an underlying, and what came out of it.

A ``PricerBuild`` is all that goes in and ``BuiltPricer`` all that comes out; neither is changed after it was made. So
``PricerBuild.run`` may run in any thread, before the store is locked or concurrently with the ticks, and whoever uses
what came out compares what went in: a result that was overtaken is never taken for a fresh one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from operator import itemgetter

from engine.model import ExerciseStyle
from engine.snapshot.book import Trade, Trades
from engine.snapshot.parameters import Parameters
from engine.snapshot.trade_arrays import TradeArrays
from engine.valuation.amending import amend_underlying
from engine.valuation.underlying_pricer import UnderlyingPricer, prepare_trades

Key = tuple[date, str]
"""An as-of date and a ticker."""

_TERMS = itemgetter("product", "quantity", "strike", "maturity", "option_type", "exercise_style", "contract_multiplier")
"""What of a trade a build takes; its book and its status are not among it."""


@dataclass(frozen=True, slots=True)
class BuiltPricer:
    """The pricer of an underlying, and the trades that it was built of."""

    trades: Trades
    prepared: UnderlyingPricer

    @property
    def key(self) -> Key:
        return self.prepared.as_of_date, self.prepared.ticker

    def is_of(self, trades: Trades, parameters: Parameters) -> bool:
        """Whether these trades with these parameters would come out the same."""
        if self.prepared.parameters != parameters or len(self.trades) != len(trades):
            return False
        return self.trades is trades or not any(_others(trades, self.trades))

    def is_among(self, trades: Trades, parameters: Parameters) -> bool:
        """Whether its trades are among these on the same terms, and the parameters the same."""
        return self.prepared.parameters == parameters and not any(_others(self.trades, trades))


@dataclass(frozen=True, slots=True)
class PricerBuild:
    """Trades on an underlying whose pricer is to be built for a date. base: an earlier one, or nothing."""

    ticker: str
    as_of_date: date
    parameters: Parameters
    trades: Trades
    base: BuiltPricer | None = None

    @property
    def key(self) -> Key:
        return self.as_of_date, self.ticker

    @property
    def boundaries(self) -> int:
        """How many exercise boundaries must be found, some 20 microseconds each: one a maturity, and puts and calls.

        All contracts on an underlying have one volatility, rate and yield.
        """
        base = self._usable_base()
        return len(
            {
                (trade["maturity"], trade["option_type"])
                for trade in (self.trades.values() if base is None else _others(self.trades, base.trades))
                if trade["exercise_style"] == ExerciseStyle.AMERICAN
            }
        )

    def run(self) -> BuiltPricer:
        """Build the pricer. Pure; takes as long as the boundaries that the base lacks."""
        base = self._usable_base()
        if base is None:
            return BuiltPricer(self.trades, self._prepared(self.trades[trade_id] for trade_id in sorted(self.trades)))
        coming = list(_others(self.trades, base.trades))
        gone = [trade["trade_id"] for trade in _others(base.trades, self.trades)]
        if not coming and not gone:
            return BuiltPricer(self.trades, base.prepared)
        return BuiltPricer(self.trades, amend_underlying(base.prepared, gone, self._prepared(coming)))

    def _usable_base(self) -> BuiltPricer | None:
        base = self.base
        is_usable = base is not None and base.key == self.key and base.prepared.parameters == self.parameters
        return base if is_usable else None

    def _prepared(self, trades: Iterable[Trade]) -> UnderlyingPricer:
        return prepare_trades(self.ticker, TradeArrays.of(list(trades)), self.parameters, self.as_of_date)


def _others(trades: Trades, than: Trades) -> Iterator[Trade]:
    """The trades that are not among others on the same terms."""
    for trade_id, trade in trades.items():
        other = than.get(trade_id)
        if other is not trade and (other is None or _TERMS(other) != _TERMS(trade)):
            yield trade
