"""Random trades that could be real: listed strikes around the spot, listed expiries, books that exist."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from engine.model import FALLBACK_PARAMETERS, ExerciseStyle, OptionType, Product
from engine.pricing.black_scholes import european_price
from engine.trading_calendar import is_trading_day, previous_trading_day
from ingestion.generate.market import Market

_MONTHS = (1, 2, 3, 4, 5, 6, 9, 12, 18, 24)
"""How far ahead the expiries are, in months."""
_NEAREST_EXPIRY = timedelta(days=14)
_STRIKE_STEPS = ((5.0, 0.5), (25.0, 1.0), (100.0, 2.5), (200.0, 5.0), (float("inf"), 10.0))
"""Spot below which the strikes are this far apart."""
_STRIKE_WIDTH = 0.12
"""Standard deviation of the strikes around the spot, of its logarithm."""
_LARGEST_LOTS = 400
_LOT = 5


def random_trades(market: Market, seed: int | None, american: float) -> Iterator[dict[str, Any]]:
    """Trades as messages, without end; the same from the same seed and market.

    A message is the article's: AsOfDate, TradeId, Ticker, Book, Product, Quantity, Strike, Maturity, OptionType and
    MarketValue, which is that of a European option with the article's parameters. american: the share of American
    options; where it is above 0 every message says its ExerciseStyle. The numbers of the trades do not meet those of
    another seed, or of another run without one.
    """
    draw = random.Random(seed)
    run = f"{draw.getrandbits(32):08X}"
    tickers, expiries = sorted(market.spots), listed_expiries(market.as_of)
    number = 0
    while True:
        number += 1
        ticker = draw.choice(tickers)
        spot = market.spots[ticker]
        strike = listed_strike(spot, draw.lognormvariate(0.0, _STRIKE_WIDTH))
        maturity, option_type = draw.choice(expiries), draw.choice(list(OptionType))
        quantity = draw.choice((-1, 1)) * _LOT * draw.randint(1, _LARGEST_LOTS)
        trade: dict[str, Any] = {
            "AsOfDate": market.as_of.isoformat(),
            "TradeId": f"G{run}-{number:06d}",
            "Ticker": ticker,
            "Book": draw.choice(market.books),
            "Product": Product.OPTION.value,
            "Quantity": quantity,
            "Strike": strike,
            "Maturity": maturity.isoformat(),
            "OptionType": option_type.value,
            "MarketValue": quantity * _unit_value(spot, strike, (maturity - market.as_of).days, option_type),
        }
        if american > 0:
            style = ExerciseStyle.AMERICAN if draw.random() < american else ExerciseStyle.EUROPEAN
            trade["ExerciseStyle"] = style.value
        yield trade


def listed_strike(spot: float, moneyness: float) -> float:
    """The strike that is listed nearest to a multiple of the spot."""
    step = next(step for below, step in _STRIKE_STEPS if spot < below)
    return max(step, round(spot * moneyness / step) * step)


def listed_expiries(after: date) -> list[date]:
    """Third Fridays of the months to come, or the trading day before where the exchange is closed."""
    expiries = []
    for months in (0, *_MONTHS):
        year, month = divmod(after.year * 12 + after.month - 1 + months, 12)
        first = date(year, month + 1, 1)
        friday = first + timedelta(days=(4 - first.weekday()) % 7 + 14)
        expiry = friday if is_trading_day(friday) else previous_trading_day(friday)
        if expiry >= after + _NEAREST_EXPIRY:
            expiries.append(expiry)
    return expiries


def _unit_value(spot: float, strike: float, days: int, option_type: OptionType) -> float:
    sign = 1.0 if option_type is OptionType.CALL else -1.0
    vol, rate, dividend_yield = (
        FALLBACK_PARAMETERS[name] for name in ("implied_vol", "risk_free_rate", "dividend_yield")
    )
    return float(european_price(spot, strike, days / 365, vol, rate, dividend_yield, sign))
