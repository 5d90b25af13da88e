"""What did the shares really close at, and how much did they move?"""

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

TRADING_DAYS_A_YEAR = 252
EWMA_DECAY = 0.94


@dataclass(frozen=True, slots=True)
class PriceHistory:
    """Daily closes: a row a trading day, a column a ticker. `text` is each close as it stands in the source."""

    tickers: tuple[str, ...]
    dates: tuple[date, ...]
    text: tuple[tuple[str, ...], ...]
    closes: FloatArray

    def row(self, day: date) -> int:
        """The row of a trading day."""
        return self.dates.index(day)

    def days(self, first: date, last: date) -> tuple[date, ...]:
        """The trading days from first to last, both included."""
        return tuple(day for day in self.dates if first <= day <= last)

    def log_returns_before(self, day: date) -> FloatArray:
        """Daily log returns known before the session of `day`, oldest first."""
        return np.diff(np.log(self.closes[: self.row(day)]), axis=0)


def read_price_history(path: Path) -> PriceHistory:
    """Read a file of a `Date` column and a column of closes per ticker."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return PriceHistory(
        tickers=tuple(header[1:]),
        dates=tuple(date.fromisoformat(row[0]) for row in rows),
        text=tuple(tuple(row[1:]) for row in rows),
        closes=np.array([[float(value) for value in row[1:]] for row in rows]),
    )


def ewma_daily_volatility(returns: FloatArray) -> FloatArray:
    """Volatility of one day per ticker, recent days counting most (decay 0.94 a day, mean taken as zero)."""
    weights = EWMA_DECAY ** np.arange(len(returns) - 1, -1, -1.0)
    variance: FloatArray = weights @ returns**2 / weights.sum()
    return np.sqrt(variance)


def year_daily_volatility(returns: FloatArray) -> FloatArray:
    """Volatility of one day per ticker over the last year, every day counting the same."""
    variance: FloatArray = (returns[-TRADING_DAYS_A_YEAR:] ** 2).mean(axis=0)
    return np.sqrt(variance)
