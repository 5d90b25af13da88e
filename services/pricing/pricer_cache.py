"""Which underlyings are ready to tick at a date, and what would it take to make another ready?

A ``PricerBuild`` is all that goes in and ``Ready`` all that comes out; neither is changed after it was made. So
``Preparation.made`` may run in any thread, before the store is locked or beside the ticks, and whoever uses what came
out compares what went in: a result that was overtaken is never taken for a fresh one.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import itemgetter

import numpy as np

from engine.contracts import FloatArray
from engine.model import ExerciseStyle
from engine.valuation.amending import amend_underlying
from engine.valuation.underlying_pricer import ObjectArray, Parameters, TradeArrays, UnderlyingPricer, prepare_trades
from storage.book.records import Record

Key = tuple[date, str]
"""An as-of date and a ticker."""
Trades = Mapping[str, Record]
"""Trade id -> trade, of one underlying. A mapping that was handed over is replaced, never changed."""

_DATES_KEPT = 3
_TERMS = itemgetter("product", "quantity", "strike", "maturity", "option_type", "exercise_style", "contract_multiplier")
"""What of a trade a preparation takes; its book and its status are not among it."""


@dataclass(frozen=True, slots=True)
class Ready:
    """An underlying ready to tick, and the trades that it was made of."""

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
    """Trades on an underlying to be made ready for a date. base: what an earlier one brought, or nothing."""

    ticker: str
    as_of_date: date
    parameters: Parameters
    trades: Trades
    base: Ready | None = None

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

    def made(self) -> Ready:
        """The underlying made ready. Pure; takes as long as the boundaries that the base lacks."""
        base = self._usable_base()
        if base is None:
            return Ready(self.trades, self._prepared(self.trades[trade_id] for trade_id in sorted(self.trades)))
        coming = list(_others(self.trades, base.trades))
        gone = [trade["trade_id"] for trade in _others(base.trades, self.trades)]
        if not coming and not gone:
            return Ready(self.trades, base.prepared)
        return Ready(self.trades, amend_underlying(base.prepared, gone, self._prepared(coming)))

    def _usable_base(self) -> Ready | None:
        base = self.base
        is_usable = base is not None and base.key == self.key and base.prepared.parameters == self.parameters
        return base if is_usable else None

    def _prepared(self, trades: Iterable[Record]) -> UnderlyingPricer:
        return prepare_trades(self.ticker, _arrays(list(trades)), self.parameters, self.as_of_date)


class PricerCache:
    """What was made ready, by date and ticker: kept until something else takes its place or its date is over.

    Nothing in it is ever wrong, only overtaken: who takes something out compares it with what holds now. It is for one
    thread at a time.
    """

    def __init__(self) -> None:
        self._kept: dict[Key, Ready] = {}
        self._told: dict[Key, UnderlyingPricer] = {}

    def get(self, key: Key) -> Ready | None:
        return self._kept.get(key)

    def put(self, ready: Ready) -> None:
        if not self.failures_persisted(ready):
            self._told.pop(ready.key, None)
        self._kept[ready.key] = ready

    def amend(self, ready: Ready, gone: Collection[str], fresh: UnderlyingPricer, trades: Trades) -> None:
        """Put what is ready with some trades gone and fresh ones added; what was told of the others stays told."""
        amended = Ready(trades, amend_underlying(ready.prepared, gone, fresh))
        was_told = self.failures_persisted(ready)
        self.put(amended)
        if was_told:
            self.tell(amended)

    def failures_persisted(self, ready: Ready) -> bool:
        """Whether the store has been told what of this underlying cannot be priced."""
        return self._told.get(ready.key) is ready.prepared

    def tell(self, ready: Ready) -> None:
        self._told[ready.key] = ready.prepared

    def forget_persisted_failures(self, dates: Collection[date] = ()) -> None:
        """The store no longer has what it was told, but for these dates."""
        self._told = {key: prepared for key, prepared in self._told.items() if key[0] in dates}

    def keep_to(self, last: date | None) -> None:
        """Let go of all but the newest few dates up to this one."""
        dates = {key[0] for key in self._kept}
        kept = sorted(as_of for as_of in dates if last is not None and as_of <= last)[-_DATES_KEPT:]
        if len(kept) < len(dates):
            self._kept = {key: ready for key, ready in self._kept.items() if key[0] in kept}
            self.forget_persisted_failures(kept)


def _others(trades: Trades, than: Trades) -> Iterator[Record]:
    """The trades that are not among others on the same terms."""
    for trade_id, trade in trades.items():
        other = than.get(trade_id)
        if other is not trade and (other is None or _TERMS(other) != _TERMS(trade)):
            yield trade


def _arrays(trades: Sequence[Record]) -> TradeArrays:
    """Trades as the engine takes them."""

    def texts(name: str) -> ObjectArray:
        return np.array([trade[name] for trade in trades], dtype=object)

    def numbers(name: str) -> FloatArray:
        return np.array([trade[name] for trade in trades], dtype=np.float64)

    return TradeArrays(
        [trade["trade_id"] for trade in trades],
        texts("product"),
        numbers("quantity"),
        numbers("strike"),
        np.array([trade["maturity"] for trade in trades], dtype="datetime64[D]"),
        texts("option_type"),
        texts("exercise_style"),
        numbers("contract_multiplier"),
    )
