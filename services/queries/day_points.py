"""The points of a day: what the trades known at each moment were worth at the quotes of that moment.

A point stands for the time until the next one. It is of the trades and parameters that were known when the next quote
came, and what comes later changes nothing of it. So a point costs the underlyings that have a new quote or other trades
than at the point before, and a day is followed by its last point alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from engine.contracts import FloatArray, IntArray
from services.queries.day_book import SUMS, DayBook, UnderlyingSums, UnderlyingTrades
from storage.book.records_at import LaterVersion
from storage.market.quote_history import ReceivedQuote

BUCKET = "5min"


@dataclass(frozen=True, slots=True)
class DayPoint:
    """The sums of all groups at the last quotes of five minutes.

    figures: a row each of ``SUMS``, a column for each number in ``groups``. spots: of each underlying; observed: when
    each had its last quote in these five minutes.
    """

    groups: IntArray
    figures: FloatArray
    spots: Mapping[str, float]
    observed: Mapping[str, datetime]


@dataclass(slots=True)
class Versions:
    """What became of trades and parameters, in order, and is not in the book yet."""

    trades: list[LaterVersion] = field(default_factory=list)
    parameters: list[LaterVersion] = field(default_factory=list)

    def move_to(self, book: DayBook, until: datetime | None) -> None:
        """Put into the book what was recorded before an instant; None for all."""
        book.take_trades(_taken(self.trades, until))
        book.take_parameters(_taken(self.parameters, until))


class DayPoints:
    """The points of a date so far, by their five minutes. For one thread at a time."""

    def __init__(self, book: DayBook) -> None:
        self.book = book
        self.points: dict[pd.Timestamp, DayPoint] = {}
        self._spots: dict[str, float] = {}
        self._seen: dict[tuple[str, datetime], float] = {}
        self._newest: dict[str, datetime] = {}
        self._observed: dict[str, datetime] = {}
        self.last_received: datetime | None = None
        self._open: pd.Timestamp | None = None
        self._sums: dict[str, tuple[UnderlyingTrades, UnderlyingSums]] = {}

    def follow(self, quotes: Iterable[ReceivedQuote], versions: Versions, *, closed_at: datetime | None = None) -> bool:
        """Take new quotes, in the order of observation, and what became of trades and parameters.

        closed_at: when the date was over, or None while it is not. False where a quote came so late that points are to
        be found anew from the start; then nothing may be used any more.
        """
        by_bucket = _by_bucket(
            quote for quote in quotes if self._seen.get((quote.instrument, quote.observed_at)) != quote.quote
        )
        order = sorted({*by_bucket, *([self._open] if self._open is not None else [])})
        if self._open is not None and order[0] < self._open:
            return False
        for place, bucket in enumerate(order):
            self._take(bucket, by_bucket.get(bucket, ()))
            following = [quote.received_at for later in order[place + 1 :] for quote in by_bucket[later]]
            versions.move_to(self.book, _until(self.last_received, following, closed_at))
            self.points[bucket] = self._point()
        if not order:
            versions.move_to(self.book, closed_at)
        return True

    def price_last_again(self) -> None:
        """Find the last point again, because the book has changed."""
        if self._open is not None:
            self.points[self._open] = self._point()

    def _take(self, bucket: pd.Timestamp, quotes: Sequence[ReceivedQuote]) -> None:
        if bucket != self._open:
            self._open, self._observed = bucket, {}
        for quote in quotes:
            instrument, observed_at = quote.instrument, quote.observed_at
            self._seen[(instrument, observed_at)] = quote.quote
            if instrument not in self._newest or observed_at >= self._newest[instrument]:
                self._newest[instrument] = self._observed[instrument] = observed_at
                self._spots[instrument] = quote.quote
            if self.last_received is None or quote.received_at > self.last_received:
                self.last_received = quote.received_at

    def _point(self) -> DayPoint:
        spots: dict[str, float] = {}
        sums: dict[str, tuple[UnderlyingTrades, UnderlyingSums]] = {}
        for ticker in self.book.tickers():
            spot = self._spots.get(ticker, self.book.closes.quotes.get(ticker))
            if spot is None or not spot > 0:
                continue
            trades, known = self.book.on(ticker), self._sums.get(ticker)
            is_known = known is not None and known[0] is trades and known[1].spot == spot
            sums[ticker] = known if known is not None and is_known else (trades, trades.at(spot))
            spots[ticker] = spot
        self._sums = sums
        own = [of for _, of in sums.values()]
        groups = np.concatenate([of.groups for of in own]) if own else np.empty(0, np.int64)
        figures = np.hstack([of.figures for of in own]) if own else np.empty((len(SUMS), 0))
        return DayPoint(groups, figures, spots, dict(self._observed))


def known_until(quotes: Iterable[ReceivedQuote], closed_at: datetime | None) -> datetime | None:
    """The instant before which what is in the first point of these quotes was known; None for now."""
    first, *later = _by_bucket(quotes).values() or [[]]
    last = max((quote.received_at for quote in first), default=None)
    return _until(last, [quote.received_at for quotes in later for quote in quotes], closed_at)


def _by_bucket(quotes: Iterable[ReceivedQuote]) -> dict[pd.Timestamp, list[ReceivedQuote]]:
    found: dict[pd.Timestamp, list[ReceivedQuote]] = {}
    given = list(quotes)
    buckets = pd.DatetimeIndex([quote.observed_at for quote in given]).floor(BUCKET) if given else ()
    for bucket, quote in zip(buckets, given, strict=True):
        found.setdefault(bucket, []).append(quote)
    return found


def _until(
    last_received: datetime | None, following: Sequence[datetime], closed_at: datetime | None
) -> datetime | None:
    """When the first quote after a point came, or the date was over, and never before the point's own quotes came."""
    until = min(following) if following else closed_at
    return until if until is None or last_received is None else max(until, last_received)


def _taken(versions: list[LaterVersion], until: datetime | None) -> list[LaterVersion]:
    """Take from the list what was recorded before an instant."""
    count = len(versions) if until is None else sum(version.recorded_at < until for version in versions)
    taken = versions[:count]
    del versions[:count]
    return taken
