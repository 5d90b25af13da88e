"""What did the market look like in the demo's fortnight? Closes, parameters and simulated ticks between closes."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from data.price_history import (
    TRADING_DAYS_A_YEAR,
    FloatArray,
    PriceHistory,
    ewma_daily_volatility,
    year_daily_volatility,
)

HISTORY_FIRST_DAY = date(2019, 1, 2)
LAST_CLOSE_BEFORE = date(2020, 3, 6)
REPLAY_FIRST_DAY = date(2020, 3, 9)
REPLAY_LAST_DAY = date(2020, 3, 20)

NEW_YORK = ZoneInfo("America/New_York")
SESSION_OPENS = time(9, 30)
SESSION_MINUTES = 390

OVERNIGHT_SHARE = 0.25
"""Part of a day's variance that falls between the previous close and the opening tick."""
MARKET_SHARE = 0.6
"""Part of each share's variance that it has in common with all the others."""
OPENING_TICK_PROBABILITY = 0.7
TICK_PROBABILITY = {
    "AAPL": 0.78, "AMD": 0.76, "BAC": 0.76, "GE": 0.74, "MSFT": 0.72, "XOM": 0.62, "JPM": 0.58, "PFE": 0.54,
    "KO": 0.50, "CVX": 0.48, "WMT": 0.48, "JNJ": 0.46, "PG": 0.44, "MRK": 0.42, "HD": 0.40, "UNH": 0.38,
    "PEP": 0.36, "BBY": 0.33, "LLY": 0.31, "RRC": 0.28,
}  # fmt: skip

VOLATILITY_FLOOR = 0.12
VOLATILITY_CAP = 1.20
RISK_FREE_RATE = {
    date(2020, 3, 6): 0.0060, date(2020, 3, 9): 0.0052, date(2020, 3, 10): 0.0050, date(2020, 3, 11): 0.0050,
    date(2020, 3, 12): 0.0047, date(2020, 3, 13): 0.0044, date(2020, 3, 16): 0.0030, date(2020, 3, 17): 0.0026,
    date(2020, 3, 18): 0.0022, date(2020, 3, 19): 0.0018, date(2020, 3, 20): 0.0015,
}  # fmt: skip
DIVIDEND_YIELD = {
    "AAPL": 0.011, "AMD": 0.0, "BAC": 0.028, "BBY": 0.027, "CVX": 0.054, "GE": 0.004, "HD": 0.026, "JNJ": 0.028,
    "JPM": 0.033, "KO": 0.030, "LLY": 0.021, "MRK": 0.030, "MSFT": 0.013, "PEP": 0.029, "PFE": 0.044, "PG": 0.025,
    "RRC": 0.0, "UNH": 0.016, "WMT": 0.019, "XOM": 0.070,
}  # fmt: skip


def replay_days(history: PriceHistory) -> tuple[date, ...]:
    """The trading days of the fortnight that is replayed."""
    return history.days(REPLAY_FIRST_DAY, REPLAY_LAST_DAY)


def implied_volatility(history: PriceHistory, day: date) -> FloatArray:
    """A year's volatility per ticker, from closes before `day`: half recent, half of the last year, four decimals."""
    returns = history.log_returns_before(day)
    daily = 0.5 * ewma_daily_volatility(returns) + 0.5 * year_daily_volatility(returns)
    yearly = daily * np.sqrt(TRADING_DAYS_A_YEAR)
    rounded: FloatArray = np.round(np.clip(yearly, VOLATILITY_FLOOR, VOLATILITY_CAP), 4)
    return rounded


def pricing_parameter_rows(history: PriceHistory) -> list[list[str]]:
    """A row a day and ticker: volatility from the real history, our rates and dividend yields."""
    rows = []
    for day in (LAST_CLOSE_BEFORE, *replay_days(history)):
        volatilities = implied_volatility(history, day)
        for ticker, volatility in zip(history.tickers, volatilities, strict=True):
            rate, dividend_yield = RISK_FREE_RATE[day], DIVIDEND_YIELD[ticker]
            rows.append([day.isoformat(), ticker, f"{volatility:.4f}", f"{rate:.4f}", f"{dividend_yield:.4f}"])
    return rows


def close_rows(history: PriceHistory) -> list[list[str]]:
    """A row a day and ticker: the real closes before the replay, as they stand in the source."""
    rows = []
    for day in history.days(HISTORY_FIRST_DAY, LAST_CLOSE_BEFORE):
        for ticker, close in zip(history.tickers, history.text[history.row(day)], strict=True):
            rows.append([day.isoformat(), ticker, close])
    return rows


def tick_rows(history: PriceHistory, random: np.random.Generator) -> list[list[str]]:
    """A row a minute of every session, from the opening to the close: a price where the share ticked, else blank."""
    probability = np.array([TICK_PROBABILITY[ticker] for ticker in history.tickers])
    rows = []
    for day in replay_days(history):
        row = history.row(day)
        path = _day_path(history, day, random)
        ticked = random.random(path.shape) < probability
        ticked[0] = random.random(len(probability)) < OPENING_TICK_PROBABILITY
        for minute, stamp in enumerate(_session_minutes(day)):
            if minute == SESSION_MINUTES:
                prices = list(history.text[row])
            else:
                prices = [f"{price:.2f}" if on else "" for price, on in zip(path[minute], ticked[minute], strict=True)]
            rows.append([f"{stamp:%Y-%m-%dT%H:%M:%SZ}", *prices])
    return rows


def _session_minutes(day: date) -> list[datetime]:
    opens = datetime.combine(day, SESSION_OPENS, tzinfo=NEW_YORK).astimezone(UTC)
    return [opens + timedelta(minutes=minute) for minute in range(SESSION_MINUTES + 1)]


def _day_path(history: PriceHistory, day: date, random: np.random.Generator) -> FloatArray:
    """Prices at every minute of the session: Brownian bridges in log price from the previous close to the close.

    The bridge's clock is variance: the night takes its share of the day's, then every minute the same.
    """
    row = history.row(day)
    start, end = np.log(history.closes[row - 1]), np.log(history.closes[row])
    volatility = ewma_daily_volatility(history.log_returns_before(day))
    minute = (1 - OVERNIGHT_SHARE) / SESSION_MINUTES
    step = np.array([OVERNIGHT_SHARE, *[minute] * SESSION_MINUTES])
    common = random.standard_normal((len(step), 1))
    own = random.standard_normal((len(step), len(start)))
    shocks = np.sqrt(MARKET_SHARE) * common + np.sqrt(1 - MARKET_SHARE) * own
    walk = np.cumsum(np.sqrt(step)[:, None] * shocks, axis=0) * volatility
    clock = np.cumsum(step)[:, None]
    path: FloatArray = np.exp(start + (end - start) * clock + walk - clock * walk[-1])
    return path
