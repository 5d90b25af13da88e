"""How the day of some trades went: computed from the quotes of the day, never stored."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import date
from threading import Lock

import numpy as np
import pandas as pd
from sqlalchemy import select

from engine.day_path import PATH_MEASURES, left_out, sums_along
from engine.measures import DAY_PNL
from engine.preparation import ARTICLE_DEFAULTS, PreparedUnderlying, prepare_underlying
from engine.repricing import is_priced, parameters_at
from engine.selection import HIERARCHY, TradeSelection
from storage.database import Store
from storage.quotes import observations_of, quotes_as_known
from storage.read_models import trade_attributes
from storage.records import read_records
from storage.schema import sensitivities
from storage.sensitivities import previous_priced_date

_MOST_POINTS = 80
_BOOKS_KEPT = 3


@dataclass(frozen=True, slots=True)
class DayHistory:
    """A day's lines. frame: observed_at (UTC), quote (NaN unless all is on one underlying), actual_pnl, cash_delta,
    vega_1pt. left_out: trades that an engine too slow for this prices.
    """

    frame: pd.DataFrame
    left_out: int


@dataclass(frozen=True, slots=True)
class _Book:
    """The trades of a date made ready, by ticker: attributes, and the market value at the previous close."""

    trades: dict[str, pd.DataFrame]
    prepared: dict[str, PreparedUnderlying]
    closes: dict[str, float]


class DayHistories:
    """Day lines of one store; keeps the books of a few dates prepared, because each question needs one whole."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._books: OrderedDict[tuple[int, date], _Book] = OrderedDict()
        self._lock = Lock()

    def of(self, as_of: date, selection: TradeSelection) -> DayHistory:
        """The lines of the selected trades over the observations of a date, at most some 80 points."""
        book = self._book(as_of)
        chosen = {t: selection.mask({c: f[c].to_numpy() for c in f.columns}) for t, f in book.trades.items()}
        tickers = [ticker for ticker, mask in chosen.items() if mask.any()]
        with self._store.read() as connection:
            observed = observations_of(connection, as_of, tickers)
            before = quotes_as_known(connection, as_of)
            previous = previous_priced_date(connection, as_of)
            opening = quotes_as_known(connection, previous) if previous else {}
        times = _sampled(observed["observed_at"])
        if not len(times):
            return DayHistory(pd.DataFrame(columns=["observed_at", "quote", DAY_PNL.name, *PATH_MEASURES[1:]]), 0)
        lines = {name: np.zeros(len(times)) for name in (DAY_PNL.name, "cash_delta", "vega_1pt")}
        quote = np.full(len(times), np.nan)
        missing = 0
        for ticker in tickers:
            first = opening.get(ticker) or before.get(ticker)
            spots = _spots(observed, ticker, times, first.quote if first else np.nan)
            if np.isnan(spots).any():
                continue
            prepared = book.prepared[ticker]
            closes = np.array([book.closes.get(trade_id, np.nan) for trade_id in prepared.trade_ids])
            mask = chosen[ticker]
            closed = mask & ~np.isnan(closes)
            valued, gained = sums_along(prepared, [mask, closed], spots)
            missing += left_out(prepared, mask)
            live = np.isin(np.arange(len(closes)), [row for g in prepared.live_groups for row in g.rows])
            lines[DAY_PNL.name] += gained["market_value"] - closes[closed & live].sum()
            for name in ("cash_delta", "vega_1pt"):
                lines[name] += valued[name]
            quote = spots if len(tickers) == 1 else quote
        return DayHistory(pd.DataFrame({"observed_at": times, "quote": quote, **lines}), missing)

    def _book(self, as_of: date) -> _Book:
        with self._lock, self._store.read() as connection:
            key = (self._store.revisions(connection).static_revision, as_of)
            known = self._books.get(key)
            if known is not None:
                return known
            trades = trade_attributes(connection)
            trades = trades[is_priced(trades["trade_status"])]
            known_parameters = parameters_at(read_records(connection, "parameters"), as_of)
            by_ticker = {str(ticker): frame for ticker, frame in trades.groupby("ticker")}
            prepared = {
                ticker: prepare_underlying(ticker, frame, known_parameters.get(ticker, ARTICLE_DEFAULTS), as_of)
                for ticker, frame in by_ticker.items()
            }
            previous = previous_priced_date(connection, as_of)
            closes = select(sensitivities.c.trade_id, sensitivities.c.market_value)
            rows = connection.execute(closes.where(sensitivities.c.as_of_date == previous)) if previous else []
            columns = [*HIERARCHY, "trade_status"]
            book = _Book({t: f[columns] for t, f in by_ticker.items()}, prepared, {row[0]: row[1] for row in rows})
            self._books[key] = book
            while len(self._books) > _BOOKS_KEPT:
                self._books.popitem(last=False)
            return book


def _sampled(observed: pd.Series) -> pd.DatetimeIndex:
    times = pd.DatetimeIndex(observed.drop_duplicates().sort_values())
    if len(times) <= _MOST_POINTS:
        return times
    return times[np.unique(np.linspace(0, len(times) - 1, _MOST_POINTS).round().astype(int))]


def _spots(observed: pd.DataFrame, ticker: str, times: pd.DatetimeIndex, opening: float) -> np.ndarray:
    """The ticker's last quote at each time; before its first of the day, the previous close."""
    own = observed[observed["instrument"] == ticker]
    quotes = pd.Series(own["quote"].to_numpy(float), index=pd.DatetimeIndex(own["observed_at"]))
    quotes = quotes[~quotes.index.duplicated(keep="last")]
    return quotes.reindex(times, method="ffill").fillna(opening).to_numpy(float)
