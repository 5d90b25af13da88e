"""Which trades there are in memory, and which of them are priced, by underlying."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from services.pricing.pricer_cache import Trades
from storage.book.records import Record


@dataclass(slots=True)
class NotedTrades:
    """What some trades did to those in memory.

    changed: trades that were known before. outdated: ticker -> trades that were on it and are on another now. gone:
    ticker -> trades that are no longer there, or not as they were. coming: ticker -> trades that are new or changed.
    """

    changed: list[str] = field(default_factory=list)
    outdated: dict[str, list[str]] = field(default_factory=dict)
    gone: dict[str, set[str]] = field(default_factory=dict)
    coming: dict[str, dict[str, Record]] = field(default_factory=dict)


class PricedTrades:
    """All trades by id, and those that are priced by ticker. What ``on`` hands over is replaced, never changed."""

    def __init__(self, records: Iterable[Record] = (), unpriced: Collection[str] = ()) -> None:
        """unpriced: the statuses of trades that are not priced."""
        self._unpriced = unpriced
        self._all: dict[str, Record] = {}
        self._live: dict[str, Trades] = {}
        self.note(list(records))

    def trade(self, trade_id: str) -> Record | None:
        """A trade as the store has it, whatever its status; its fields are those of ``TRADE_COLUMNS``."""
        return self._all.get(trade_id)

    def on(self, ticker: str) -> Trades:
        """The trades on an underlying that are priced."""
        return self._live.get(ticker, {})

    def tickers(self) -> list[str]:
        """The underlyings that have trades to price."""
        return sorted(self._live)

    def is_priced(self, trade: Record) -> bool:
        """Whether a trade is priced at all: a terminated one has no risk and is no failure."""
        return trade["trade_status"] not in self._unpriced

    def price_none_of(self, statuses: Collection[str]) -> None:
        """Trades of these statuses that come from now on are not priced."""
        self._unpriced = statuses

    def note(self, records: Sequence[Record]) -> NotedTrades:
        """Put trades that were written into memory."""
        noted = NotedTrades()
        live: dict[str, dict[str, Record]] = {}
        for record in records:
            trade_id, ticker = record["trade_id"], record["ticker"]
            known = self._all.get(trade_id)
            if known is not None:
                noted.changed.append(trade_id)
                if self._own(live, known["ticker"]).pop(trade_id, None) is not None:
                    noted.gone.setdefault(known["ticker"], set()).add(trade_id)
                if known["ticker"] != ticker:
                    noted.outdated.setdefault(known["ticker"], []).append(trade_id)
                noted.coming.get(known["ticker"], {}).pop(trade_id, None)
            self._all[trade_id] = record
            if self.is_priced(record):
                self._own(live, ticker)[trade_id] = record
                noted.coming.setdefault(ticker, {})[trade_id] = record
        self._replace(live)
        return noted

    def drop(self, trade_ids: Iterable[str]) -> None:
        """Forget trades that were taken off the store."""
        live: dict[str, dict[str, Record]] = {}
        for trade_id in trade_ids:
            known = self._all.pop(trade_id, None)
            if known is not None:
                self._own(live, known["ticker"]).pop(trade_id, None)
        self._replace(live)

    def _own(self, live: dict[str, dict[str, Record]], ticker: str) -> dict[str, Record]:
        """The trades on a ticker to be changed: a copy, once."""
        if ticker not in live:
            live[ticker] = dict(self._live.get(ticker, {}))
        return live[ticker]

    def _replace(self, live: Mapping[str, Trades]) -> None:
        self._live = {ticker: trades for ticker, trades in {**self._live, **live}.items() if trades}
