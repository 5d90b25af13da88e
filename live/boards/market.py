"""The underlyings of a board: who they are, their last quote, their previous close, and their day so far."""

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection

from storage.book.records import read_records
from storage.market.quote_history import observations_of
from storage.market.quotes import Quote, previous_quoted_date, quotes_as_known

_NOBODY = ("", "", "")


@dataclass(slots=True)
class MarketRow:
    """An underlying; its day is a list of (epoch ms, quote). born: the revision it came with."""

    ticker: str
    name: str
    sector: str
    currency: str
    born: int
    revision: int
    quote: float = np.nan
    previous_close: float = np.nan
    observed_ms: float = np.nan
    day: list[tuple[float, float]] = field(default_factory=list)


class Market:
    """Row numbers are stable; an underlying that is quoted or traded for the first time is appended."""

    def __init__(
        self,
        as_of: date,
        described: Mapping[str, tuple[str, str, str]],
        quotes: Mapping[str, Quote],
        close_date: date | None,
        closes: Mapping[str, Quote],
    ) -> None:
        """described: ticker -> (name, sector, currency); quotes, closes: as known at the two dates."""
        self.rows: list[MarketRow] = []
        self._as_of = as_of
        self._described = described
        self._quotes = dict(quotes)
        self._close_date = close_date
        self._closes = dict(closes)
        self._numbers: dict[str, int] = {}

    def show(self, tickers: Iterable[str], revision: int) -> None:
        """Make sure that these underlyings have a row."""
        for ticker in tickers:
            if ticker not in self._numbers:
                self._numbers[ticker] = len(self.rows)
                self.rows.append(MarketRow(ticker, *self._described.get(ticker, _NOBODY), revision, revision))
                self._fill(ticker, revision)

    def frozen(self) -> "Market":
        """The underlyings as they are now, to be read and not changed."""
        frozen = copy(self)
        frozen.rows = [replace(row, day=row.day.copy()) for row in self.rows]
        return frozen

    def take_quotes(self, as_of: date, columns: Mapping[str, list[Any]], revision: int) -> None:
        """Quotes of this date or an earlier one, as the change log has them: instrument, quote, observed_at."""
        is_close = self._close_date is None or as_of >= self._close_date
        if as_of < self._as_of and is_close:
            self._close_date = as_of
        for values in zip(columns["instrument"], columns["quote"], columns["observed_at"], strict=True):
            quote = Quote(as_of, *values)
            if as_of < self._as_of:
                _take(self._closes, quote)
            _take(self._quotes, quote)
            if as_of == self._as_of:
                self.show([quote.instrument], revision)
            if quote.instrument in self._numbers:
                self._fill(quote.instrument, revision)
                if as_of == self._as_of:
                    self.add_to_day(quote.instrument, quote.observed_at, quote.quote)

    def add_to_day(self, ticker: str, observed_at: datetime, quote: float) -> None:
        """An observation of the day of an underlying that has a row."""
        self.rows[self._numbers[ticker]].day.append((_milliseconds(observed_at), float(quote)))

    def _fill(self, ticker: str, revision: int) -> None:
        row = self.rows[self._numbers[ticker]]
        row.revision = revision
        if quote := self._quotes.get(ticker):
            row.quote, row.observed_ms = float(quote.quote), _milliseconds(quote.observed_at)
        if close := self._closes.get(ticker):
            row.previous_close = float(close.quote)


def _take(known: dict[str, Quote], quote: Quote) -> None:
    """Of two dates the later counts, of one date what comes last."""
    before = known.get(quote.instrument)
    if before is None or before.as_of_date <= quote.as_of_date:
        known[quote.instrument] = quote


def read_market(connection: Connection, as_of: date, traded: Iterable[str], revision: int) -> Market:
    """The underlyings that are traded or have a quote of this date, by name."""
    instruments = read_records(connection, "instruments")
    described = zip(instruments["name"], instruments["sector"], instruments["currency"], strict=True)
    previous = previous_quoted_date(connection, as_of)
    known = quotes_as_known(connection, as_of)
    closes = quotes_as_known(connection, previous) if previous else {}
    market = Market(as_of, dict(zip(instruments["ticker"], described, strict=True)), known, previous, closes)
    market.show(sorted({*traded, *(t for t, quote in known.items() if quote.as_of_date == as_of)}), revision)
    day = observations_of(connection, as_of)
    for observation in zip(day["instrument"], day["observed_at"], day["quote"], strict=True):
        market.add_to_day(*observation)
    return market


def _milliseconds(instant: datetime) -> float:
    return instant.astimezone(UTC).timestamp() * 1000.0
