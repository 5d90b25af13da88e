"""The underlyings of a board: who they are, their last quote, their previous close, and their day so far."""

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection

from storage.book.records import read_records
from storage.market.day_points import POINT_SECONDS, point_of
from storage.market.quote_history import observations_of
from storage.market.quotes import Quote, previous_quoted_date, quotes_as_known

_NOBODY = ("", "", "")


class Day:
    """The points of an underlying's day, by the five minutes that they stand for: the last observation of each.

    Whether the observations come one by one, in batches or all at once from the store, the points are the same.
    """

    def __init__(self) -> None:
        self._points: dict[int, tuple[float, float]] = {}
        self._revisions: dict[int, int] = {}

    def take(self, observed_at: datetime, quote: float, revision: int) -> None:
        """An observation; of one instant the one that comes last counts."""
        point, at = point_of(observed_at), _milliseconds(observed_at)
        known = self._points.get(point)
        if known is None or known[0] <= at:
            self._points[point] = (at, quote)
            self._revisions[point] = revision

    def copy(self) -> "Day":
        """The points as they are now."""
        day = Day()
        day._points, day._revisions = self._points.copy(), self._revisions.copy()
        return day

    def points(self) -> list[tuple[float, float]]:
        """(epoch ms, quote) in the order of time."""
        return [self._points[point] for point in sorted(self._points)]

    def tail(self, revision: int) -> tuple[float, list[tuple[float, float]]] | None:
        """From when on (epoch ms) the points are others than at a revision, and which; None: they are the same."""
        first = min((point for point, changed in self._revisions.items() if changed > revision), default=None)
        if first is None:
            return None
        return first * POINT_SECONDS * 1000.0, [self._points[point] for point in sorted(self._points) if point >= first]


@dataclass(slots=True)
class MarketRow:
    """An underlying. born: the revision it came with."""

    ticker: str
    name: str
    sector: str
    currency: str
    born: int
    revision: int
    quote: float = np.nan
    previous_close: float = np.nan
    observed_ms: float = np.nan
    day: Day = field(default_factory=Day)


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
        self._days: dict[str, Day] = {}

    def show(self, tickers: Iterable[str], revision: int) -> None:
        """Make sure that these underlyings have a row."""
        for ticker in tickers:
            if ticker not in self._numbers:
                self._numbers[ticker] = len(self.rows)
                row = MarketRow(ticker, *self._described.get(ticker, _NOBODY), revision, revision)
                row.day = self._days.setdefault(ticker, row.day)
                self.rows.append(row)
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
            self.take_observations(columns, revision)

    def take_observations(self, columns: Mapping[str, Any], revision: int) -> None:
        """Observations of this date, also such as price nothing: instrument, quote, observed_at."""
        for ticker, quote, observed_at in zip(
            columns["instrument"], columns["quote"], columns["observed_at"], strict=True
        ):
            self._days.setdefault(ticker, Day()).take(observed_at, float(quote), revision)
            if ticker in self._numbers:
                self.rows[self._numbers[ticker]].revision = revision

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
    day = observations_of(connection, as_of)
    market.take_observations({str(name): day[name] for name in day}, revision)
    market.show(sorted({*traded, *(t for t, quote in known.items() if quote.as_of_date == as_of)}), revision)
    return market


def _milliseconds(instant: datetime) -> float:
    return instant.astimezone(UTC).timestamp() * 1000.0
