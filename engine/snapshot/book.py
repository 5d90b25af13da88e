"""The trades of a book as they are known at a revision, and which of them are priced, by underlying."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from immutables import Map

from engine.model import TradeStatus

Trade = dict[str, Any]
"""A trade as the store has it: the fields of ``engine.model.TRADE_COLUMNS``."""
Trades = Mapping[str, Trade]
"""Trade id -> trade, of one underlying. A mapping that was handed over is replaced, never changed."""


@dataclass(slots=True)
class TradeChanges:
    """What records did to the trades of a book.

    changed: trades that were known before. outdated: ticker -> trades that were on it and are on another now. gone:
    ticker -> trades that are no longer there, or not as they were. coming: ticker -> trades that are new or changed.
    """

    changed: list[str] = field(default_factory=list)
    outdated: dict[str, list[str]] = field(default_factory=dict)
    gone: dict[str, set[str]] = field(default_factory=dict)
    coming: dict[str, dict[str, Trade]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BookSnapshot:
    """All trades by id, and those that are priced by ticker. Immutable: a change returns the next snapshot.

    unpriced: the statuses of trades that are not priced. A change costs what it changes, not the book.
    """

    trades: Map[str, Trade] = field(default_factory=Map)
    priced: Map[str, Trades] = field(default_factory=Map)
    unpriced: frozenset[str] = frozenset({TradeStatus.TERMINATED.value})

    @classmethod
    def of(cls, records: Iterable[Trade], unpriced: Collection[str]) -> "BookSnapshot":
        """The snapshot of these trades."""
        return cls(unpriced=frozenset(unpriced)).with_trades(list(records))[0]

    def trade(self, trade_id: str) -> Trade | None:
        """A trade as the store has it, whatever its status."""
        return self.trades.get(trade_id)

    def on(self, ticker: str) -> Trades:
        """The trades on an underlying that are priced."""
        return self.priced.get(ticker, {})

    def tickers(self) -> list[str]:
        """The underlyings that have trades to price."""
        return sorted(self.priced)

    def is_priced(self, trade: Trade) -> bool:
        """Whether a trade is priced at all: a terminated one has no risk and is no failure."""
        return trade["trade_status"] not in self.unpriced

    def with_unpriced(self, statuses: Collection[str]) -> "BookSnapshot":
        """The same trades; those of these statuses that come from now on are not priced."""
        return replace(self, unpriced=frozenset(statuses))

    def with_trades(self, records: Sequence[Trade]) -> tuple["BookSnapshot", TradeChanges]:
        """The snapshot with trades that came or changed, and what that changed."""
        changes = TradeChanges()
        priced: dict[str, dict[str, Trade]] = {}
        trades = self.trades.mutate()
        for record in records:
            trade_id, ticker = record["trade_id"], record["ticker"]
            known = trades.get(trade_id)
            if known is not None:
                changes.changed.append(trade_id)
                if self._own(priced, known["ticker"]).pop(trade_id, None) is not None:
                    changes.gone.setdefault(known["ticker"], set()).add(trade_id)
                if known["ticker"] != ticker:
                    changes.outdated.setdefault(known["ticker"], []).append(trade_id)
                changes.coming.get(known["ticker"], {}).pop(trade_id, None)
            trades[trade_id] = record
            if self.is_priced(record):
                self._own(priced, ticker)[trade_id] = record
                changes.coming.setdefault(ticker, {})[trade_id] = record
        return replace(self, trades=trades.finish(), priced=self._with(priced)), changes

    def without(self, trade_ids: Iterable[str]) -> "BookSnapshot":
        """The snapshot without these trades; one that is not there is passed over."""
        priced: dict[str, dict[str, Trade]] = {}
        trades = self.trades.mutate()
        for trade_id in trade_ids:
            known = trades.pop(trade_id, None)
            if known is not None:
                self._own(priced, known["ticker"]).pop(trade_id, None)
        return replace(self, trades=trades.finish(), priced=self._with(priced))

    def _own(self, priced: dict[str, dict[str, Trade]], ticker: str) -> dict[str, Trade]:
        """The priced trades on a ticker to be changed: a copy, once."""
        if ticker not in priced:
            priced[ticker] = dict(self.on(ticker))
        return priced[ticker]

    def _with(self, priced: Mapping[str, Trades]) -> Map[str, Trades]:
        by_ticker = self.priced.mutate()
        for ticker, trades in priced.items():
            if trades:
                by_ticker[ticker] = trades
            else:
                by_ticker.pop(ticker, None)
        return by_ticker.finish()
