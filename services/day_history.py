"""How the day of some trades went: computed from the quotes of the day, never stored."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import date
from threading import Lock
from typing import TypeVar

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from engine.contracts import FloatArray
from engine.day_path import left_out, sums_along
from engine.measures import DAY_PNL
from engine.preparation import ARTICLE_DEFAULTS, PreparedUnderlying, prepare_underlying
from engine.repricing import parameters_at
from engine.selection import HIERARCHY, TradeSelection
from storage.database import Store
from storage.quotes import observations_of, quotes_as_known
from storage.read_models import trade_attributes
from storage.records import read_records
from storage.schema import sensitivities
from storage.sensitivities import previous_priced_date
from storage.trade_statuses import read_unpriced

HISTORY_MEASURES: tuple[str, ...] = ("quote", DAY_PNL.name, "cash_delta", "vega_1pt")
_BUCKET = "5min"
_BOOKS_KEPT = 3
_PATHS_KEPT = 64

Key = TypeVar("Key")
Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class DayHistory:
    """A day's lines. frame: observed_at (UTC) and ``HISTORY_MEASURES``; the quote is NaN unless all trades are on one
    underlying. left_out: trades that an engine too slow for this prices.
    """

    frame: pd.DataFrame
    left_out: int


@dataclass(frozen=True, slots=True)
class _Book:
    """The trades of a date made ready, by ticker: attributes, market value at the previous close, opening quote."""

    trades: dict[str, pd.DataFrame]
    prepared: dict[str, PreparedUnderlying]
    closes: dict[str, FloatArray]
    opening: dict[str, float]


@dataclass(slots=True)
class _Path:
    """The points computed so far: (time, observations up to then) -> the values of ``HISTORY_MEASURES``."""

    points: dict[tuple[pd.Timestamp, int], FloatArray] = field(default_factory=dict)


class DayHistories:
    """Day lines of one store. Keeps books prepared and points computed: a question asked again costs its last point."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._books: OrderedDict[tuple[int, date], _Book] = OrderedDict()
        self._paths: OrderedDict[tuple[int, date, TradeSelection], _Path] = OrderedDict()
        self._lock = Lock()

    def of(self, as_of: date, selection: TradeSelection) -> DayHistory:
        """The lines of the selected trades over a date: a point for the last observation of each five minutes."""
        with self._lock, self._store.read() as connection:
            static_revision = self._store.revisions(connection).static_revision
            book = self._books.get((static_revision, as_of))
            if book is None:
                book = _read_book(connection, as_of)
                _keep(self._books, (static_revision, as_of), book, _BOOKS_KEPT)
            path = self._paths.get((static_revision, as_of, selection)) or _Path()
            _keep(self._paths, (static_revision, as_of, selection), path, _PATHS_KEPT)
            chosen = {ticker: selection.mask(_columns(trades)) for ticker, trades in book.trades.items()}
            tickers = [ticker for ticker, mask in chosen.items() if mask.any()]
            observed = observations_of(connection, as_of, tickers)
            points = _sampled(observed["observed_at"])
            new = [point for point in points if point not in path.points]
            if new:
                times = pd.DatetimeIndex([time for time, _ in new])
                values = _values(book, {ticker: chosen[ticker] for ticker in tickers}, observed, times)
                path.points.update(zip(new, values, strict=True))
            path.points = {point: path.points[point] for point in points}
        table = np.array(list(path.points.values())).reshape(len(points), len(HISTORY_MEASURES))
        frame = pd.DataFrame(table, columns=list(HISTORY_MEASURES))
        frame.insert(0, "observed_at", pd.to_datetime([time for time, _ in points], utc=True))
        return DayHistory(frame, sum(left_out(book.prepared[ticker], chosen[ticker]) for ticker in tickers))


def _values(
    book: _Book, chosen: dict[str, np.ndarray], observed: pd.DataFrame, times: pd.DatetimeIndex
) -> list[FloatArray]:
    """The values of ``HISTORY_MEASURES`` at each time."""
    lines = {name: np.zeros(len(times)) for name in HISTORY_MEASURES}
    lines["quote"][:] = np.nan
    has_close = False
    for ticker, mask in chosen.items():
        spots = _spots(observed, ticker, times, book.opening.get(ticker, np.nan))
        if np.isnan(spots).any():
            continue
        prepared, closes = book.prepared[ticker], book.closes[ticker]
        closed = mask & ~np.isnan(closes)
        all_of_them, with_close = sums_along(prepared, [mask, closed], spots)
        live = np.isin(np.arange(len(closes)), [row for group in prepared.live_groups for row in group.rows])
        has_close |= bool((closed & live).any())
        lines[DAY_PNL.name] += with_close["market_value"] - closes[closed & live].sum()
        for name in ("cash_delta", "vega_1pt"):
            lines[name] += all_of_them[name]
        if len(chosen) == 1:
            lines["quote"] = spots
    if not has_close:
        lines[DAY_PNL.name][:] = np.nan  # without any previous close it is not known, and not 0
    return list(np.column_stack([lines[name] for name in HISTORY_MEASURES]))


def _read_book(connection: Connection, as_of: date) -> _Book:
    trades = trade_attributes(connection)
    trades = trades[~trades["trade_status"].isin(read_unpriced(connection))]
    parameters = parameters_at(read_records(connection, "parameters"), as_of)
    by_ticker = {str(ticker): frame for ticker, frame in trades.groupby("ticker")}
    previous = previous_priced_date(connection, as_of)
    query = select(sensitivities.c.trade_id, sensitivities.c.market_value)
    rows = connection.execute(query.where(sensitivities.c.as_of_date == previous)) if previous else ()
    values = {row.trade_id: row.market_value for row in rows}
    quotes = quotes_as_known(connection, previous) if previous else {}
    return _Book(
        {ticker: frame[[*HIERARCHY, "trade_status"]] for ticker, frame in by_ticker.items()},
        {
            ticker: prepare_underlying(ticker, frame, parameters.get(ticker, ARTICLE_DEFAULTS), as_of)
            for ticker, frame in by_ticker.items()
        },
        {t: np.array([values.get(i, np.nan) for i in frame["trade_id"]], float) for t, frame in by_ticker.items()},
        {ticker: quote.quote for ticker, quote in quotes.items()},
    )


def _columns(trades: pd.DataFrame) -> dict[str, np.ndarray]:
    return {str(name): trades[name].to_numpy(dtype=object) for name in trades.columns}


def _sampled(observed: pd.Series) -> list[tuple[pd.Timestamp, int]]:
    """The last time in each bucket, with the number of observations up to it: a late one makes the point anew."""
    times = pd.DatetimeIndex(observed)
    last = pd.Series(np.arange(1, len(times) + 1), index=times).groupby(times.floor(_BUCKET)).max()
    return [(times[count - 1], int(count)) for count in last]


def _spots(observed: pd.DataFrame, ticker: str, times: pd.DatetimeIndex, opening: float) -> FloatArray:
    """The ticker's last quote at each time; before its first of the day, the previous close."""
    own = observed[observed["instrument"] == ticker]
    at = pd.DatetimeIndex(own["observed_at"]).searchsorted(times, side="right") - 1
    quotes = own["quote"].to_numpy(float)
    return np.where(at >= 0, quotes[np.maximum(at, 0)] if len(quotes) else opening, opening)


def _keep(kept: OrderedDict[Key, Kept], key: Key, value: Kept, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
