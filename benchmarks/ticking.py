"""A store with the demo book, and somebody who makes it tick."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.books import AS_OF, DATA
from services.pricing.pricing_state import PricingState
from services.records.incoming import Incoming
from services.writes.apply_incoming import Applied, apply_incoming
from services.writes.load_demo import load_demo
from storage.core.database import Store
from storage.market.quotes import Quote, quotes_as_known

_OPEN = datetime(AS_OF.year, AS_OF.month, AS_OF.day, 13, 30, tzinfo=UTC)
_WAVE = 500
"""After so many ticks the quotes are where they were."""


class TickingStore:
    """A folder's demo book in a store of its own, rolled to the first day of the replay by a tick of every share."""

    def __init__(self, url: str, folder: Path = DATA, make: Callable[[str], Store] = Store) -> None:
        """make: opens the store."""
        store = make(url)
        store.migrate()
        load_demo(store, folder)
        self._open(store)
        self.tick(self.tickers)

    @classmethod
    def opened(cls, url: str) -> "TickingStore":
        """One more writer of a store that is there."""
        ticking = cls.__new__(cls)
        ticking._open(Store(url))
        return ticking

    def _open(self, store: Store) -> None:
        self.store = store
        self._state = PricingState()
        with self.store.read() as connection:
            known = quotes_as_known(connection, AS_OF)
        self._closes = {name: quote.quote for name, quote in known.items()}
        self.tickers = sorted(self._closes)
        newest = max(quote.observed_at for quote in known.values())
        self._ticks = max(0, int((newest - _OPEN).total_seconds()))  # a tick that is older than what is there is late
        self._last: dict[str, float] = {}

    def tick(self, tickers: Sequence[str]) -> Applied:
        """One tick of these shares; every one of them moves."""
        quotes = Incoming(quotes=self._next_quotes(tickers))
        return apply_incoming(self.store, self._state, quotes, source="bench")

    def quote_of(self, ticker: str) -> float:
        """What the last tick said of a share."""
        return self._last[ticker]

    def _next_quotes(self, tickers: Sequence[str]) -> list[Quote]:
        self._ticks += 1
        at, factor = _OPEN + timedelta(seconds=self._ticks), 1.0 + 1e-4 * (self._ticks % _WAVE)
        self._last |= {ticker: round(self._closes[ticker] * factor, 6) for ticker in tickers}
        return [Quote(AS_OF, ticker, self._last[ticker], at) for ticker in tickers]

    def timed_tick(self, tickers: Sequence[str]) -> tuple[float, float]:
        """Milliseconds from handing the quotes over until they are committed, and of processor time in this thread."""
        started, worked = time.perf_counter(), time.thread_time()
        self.tick(tickers)
        return (time.perf_counter() - started) * 1000.0, (time.thread_time() - worked) * 1000.0

    def close(self) -> None:
        self.store.close()
