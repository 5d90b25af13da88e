"""The trades of an as-of date as they were known at an instant of it, ready to price, by underlying.

It goes along with the day: what comes or changes is amended, and the other trades keep what was worked out for them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from engine.contracts import BoolArray, FloatArray, IntArray
from engine.snapshot.book import BookSnapshot
from engine.snapshot.parameters import ParameterHistory, Parameters
from engine.valuation.day_path import group_sums, live_rows, slow_rows
from engine.valuation.pricer_build import BuiltPricer, PricerBuild
from storage.book.records import Record
from storage.book.records_at import LaterVersion

GroupKey = tuple[str, str, str]
"""Ticker, book and status: what a selection can tell apart."""


@dataclass(slots=True)
class TradeGroups:
    """The groups of a day's trades, each with a number that stays."""

    numbers: dict[GroupKey, int] = field(default_factory=dict)

    def number(self, key: GroupKey) -> int:
        return self.numbers.setdefault(key, len(self.numbers))


@dataclass(frozen=True, slots=True)
class Closes:
    """The previous close: market values by (ticker, trade), quotes by instrument."""

    values: Mapping[tuple[str, str], float]
    quotes: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class UnderlyingSums:
    """The figures of an underlying's trades at a quote, a column a group: of the trades with a previous close the
    market value, that close and their count; of all of them cash delta, vega and the count of those left out.
    """

    groups: IntArray
    spot: float
    figures: FloatArray


SUMS: tuple[str, ...] = ("market_value", "cash_delta", "vega_1pt", "close", "with_close", "left_out")
"""The rows of ``UnderlyingSums.figures``."""


@dataclass(frozen=True, slots=True)
class UnderlyingTrades:
    """The trades on an underlying as they are known, ready to price. own: the group of each, as a column of the sums.

    fixed: the rows of the sums that do not depend on the quote.
    """

    ready: BuiltPricer
    groups: IntArray
    own: IntArray
    has_close: BoolArray
    fixed: FloatArray

    def at(self, spot: float) -> UnderlyingSums:
        sums = group_sums(self.ready.prepared, self.own, len(self.groups), self.has_close, spot)
        return UnderlyingSums(self.groups, spot, np.vstack([sums, self.fixed]))


class DayBook:
    """The trades and parameters of a date, amended version by version. For one thread at a time."""

    def __init__(
        self,
        as_of: date,
        trades: Iterable[Record],
        parameters: Iterable[Record],
        unpriced: frozenset[str],
        closes: Closes,
        made: Mapping[str, BuiltPricer],
        fallback: Parameters,
    ) -> None:
        """fallback: parameters of an underlying that has none. made: underlyings made ready for the same date before;
        what is the same of them is not found again.
        """
        self.as_of, self.closes, self.groups = as_of, closes, TradeGroups()
        self._trades = BookSnapshot.of(trades, unpriced)
        self._parameters = ParameterHistory((), fallback)
        self._ready: dict[str, BuiltPricer] = dict(made)
        self._known: dict[str, UnderlyingTrades] = {}
        for record in parameters:
            self._take_parameters(record)

    @property
    def made(self) -> Mapping[str, BuiltPricer]:
        """Underlyings as they were made ready last."""
        return self._ready

    def tickers(self) -> list[str]:
        """The underlyings that have trades now."""
        return self._trades.tickers()

    def take_trades(self, versions: Iterable[LaterVersion]) -> None:
        """Take what became of trades, in order."""
        coming: list[Record] = []
        for version in versions:
            if version.record is not None:
                coming.append(version.record)
                continue
            self._note(coming)
            coming = []
            before = self._trades.trade(version.key)
            if before is not None:
                self._known.pop(before["ticker"], None)
                self._trades = self._trades.without([version.key])
        self._note(coming)

    def _note(self, coming: list[Record]) -> None:
        self._trades, changes = self._trades.with_trades(coming)
        for ticker in {*changes.gone, *changes.coming}:
            self._known.pop(ticker, None)

    def take_parameters(self, versions: Iterable[LaterVersion]) -> None:
        """Take what became of parameters, in order."""
        for version in versions:
            day, _, ticker = version.key.partition("|")
            if version.record is not None:
                self._take_parameters(version.record)
            else:
                self._parameters = self._parameters.without(ticker, date.fromisoformat(day))
                self._known.pop(ticker, None)

    def on(self, ticker: str) -> UnderlyingTrades:
        """The trades on one of the ``tickers``, as they are known now."""
        known = self._known.get(ticker)
        if known is None:
            base = self._ready.get(ticker)
            trades = self._trades.on(ticker)
            ready = PricerBuild(ticker, self.as_of, self._parameters.on(self.as_of, ticker), trades, base).run()
            self._ready[ticker] = ready
            known = self._known[ticker] = self._grouped(ready)
        return known

    def _grouped(self, ready: BuiltPricer) -> UnderlyingTrades:
        prepared = ready.prepared
        numbers = np.array(
            [self.groups.number(_group_of(ready.trades[trade_id])) for trade_id in prepared.trade_ids], np.int64
        )
        groups, own = np.unique(numbers, return_inverse=True)
        closes = np.array([self.closes.values.get((prepared.ticker, i), np.nan) for i in prepared.trade_ids])
        has_close = ~np.isnan(closes)
        live = live_rows(prepared)
        closed = live[has_close[live]]
        count = len(groups)
        fixed = (
            np.bincount(own[closed], closes[closed], minlength=count),
            np.bincount(own[closed], minlength=count),
            np.bincount(own[slow_rows(prepared)], minlength=count),
        )
        return UnderlyingTrades(ready, groups, own, has_close, np.vstack(fixed).astype(np.float64))

    def _take_parameters(self, record: Record) -> None:
        if record["as_of_date"] <= self.as_of:
            self._parameters = self._parameters.with_records([record])
            self._known.pop(record["ticker"], None)


def _group_of(trade: Record) -> GroupKey:
    return trade["ticker"], trade["book"], trade["trade_status"]
