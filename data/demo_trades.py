"""Which 10,000 trades make the demo book?"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from scipy.special import ndtr

from data.demo_books import BOOKS, Book, hedged_pairs
from data.demo_market import DIVIDEND_YIELD, LAST_CLOSE_BEFORE, RISK_FREE_RATE, implied_volatility
from data.price_history import FloatArray, PriceHistory

TRADE_COUNT = 10_000
AMERICAN_SHARE = 0.85
TERMINATED_COUNT = 36
OPTION_MULTIPLIER = 100
ALREADY_EXPIRED = (date(2020, 2, 21), date(2020, 2, 21), date(2020, 2, 28))
"""Maturities of trades that nobody has taken off the book: expired before the replay begins."""
UNQUOTED = (("OXY", 20.0), ("OXY", 22.5), ("OXY", 27.5), ("OXY", 35.0))
"""Ticker and strike of trades on a share that has no quote."""

EXPIRY_WEIGHTS = {
    date(2020, 3, 13): 0.4, date(2020, 3, 20): 1.0, date(2020, 3, 27): 0.8, date(2020, 4, 3): 0.8,
    date(2020, 4, 9): 0.8, date(2020, 4, 17): 10, date(2020, 5, 15): 10, date(2020, 6, 19): 15,
    date(2020, 7, 17): 7, date(2020, 8, 21): 6, date(2020, 9, 18): 11, date(2020, 10, 16): 5,
    date(2020, 12, 18): 8, date(2021, 1, 15): 13, date(2021, 3, 19): 4, date(2021, 6, 18): 5, date(2022, 1, 21): 3,
}  # fmt: skip
"""Listed expiries: third Fridays, and a few weeklies (on the Thursday where the Friday is Good Friday)."""
STRIKE_STEPS = ((5.0, 0.5), (25.0, 1.0), (100.0, 2.5), (200.0, 5.0), (float("inf"), 10.0))
"""Spot below which the strikes are this far apart."""

HEADER = [
    "TradeId", "Ticker", "Book", "Product", "Quantity", "Strike", "Maturity", "OptionType", "ExerciseStyle",
    "ContractMultiplier", "TradeStatus",
]  # fmt: skip


@dataclass(slots=True)
class Trade:
    """One booking, before it has a number. A trade in shares has no strike, maturity, option type or style."""

    ticker: str
    book: str
    quantity: int
    strike: float | None = None
    maturity: date | None = None
    option_type: str = ""
    exercise_style: str = ""
    status: str = "Live"

    def cells(self, number: int) -> list[str]:
        """The trade as a row of the file."""
        option = self.strike is not None
        return [
            f"T{number:05d}",
            self.ticker,
            self.book,
            "EQ_Option" if option else "EQ_Stock",
            str(self.quantity),
            f"{self.strike:g}" if option else "",
            self.maturity.isoformat() if self.maturity else "",
            self.option_type,
            self.exercise_style,
            str(OPTION_MULTIPLIER if option else 1),
            self.status,
        ]


def trade_rows(history: PriceHistory, streams: list[np.random.Generator]) -> list[list[str]]:
    """The rows of the file. The streams draw, in turn: options, statuses, styles, hedges, order of booking."""
    for_options, for_statuses, for_styles, for_hedges, for_order = streams
    spots = dict(zip(history.tickers, history.closes[history.row(LAST_CLOSE_BEFORE)].tolist(), strict=True))
    unpriced = _unpriced_trades(spots)
    options = _option_trades(spots, TRADE_COUNT - len(hedged_pairs()) - len(unpriced), for_options)
    for terminated in for_statuses.choice(len(options), TERMINATED_COUNT, replace=False):
        options[terminated].status = "Terminated"
    for trade, draw in zip(options, for_styles.random(len(options)), strict=True):
        trade.exercise_style = "American" if draw < AMERICAN_SHARE else "European"
    hedges = _hedge_trades(history, options, for_hedges)
    trades = [*options, *hedges, *unpriced]
    return [trades[index].cells(number) for number, index in enumerate(for_order.permutation(len(trades)), start=1)]


def strike_step(spot: float) -> float:
    """How far apart the strikes of a share at this price are."""
    return next(step for below, step in STRIKE_STEPS if spot < below)


def black_scholes_delta(trades: list[Trade], history: PriceHistory) -> FloatArray:
    """Delta of one unit of each option at the last closes before the replay (European formula for either style)."""
    column = np.array([history.tickers.index(trade.ticker) for trade in trades])
    spot = history.closes[history.row(LAST_CLOSE_BEFORE)][column]
    volatility = implied_volatility(history, LAST_CLOSE_BEFORE)[column]
    dividend_yield = np.array([DIVIDEND_YIELD[trade.ticker] for trade in trades])
    strike = np.array([trade.strike for trade in trades], dtype=np.float64)
    days = [(trade.maturity - LAST_CLOSE_BEFORE).days for trade in trades if trade.maturity is not None]
    years = np.array(days, dtype=np.float64) / 365
    is_call = np.array([trade.option_type == "call" for trade in trades])
    carry = RISK_FREE_RATE[LAST_CLOSE_BEFORE] - dividend_yield
    d1 = (np.log(spot / strike) + (carry + volatility**2 / 2) * years) / (volatility * np.sqrt(years))
    delta: FloatArray = np.exp(-dividend_yield * years) * (ndtr(d1) - np.where(is_call, 0.0, 1.0))
    return delta


def _option_trades(spots: dict[str, float], count: int, random: np.random.Generator) -> list[Trade]:
    weights = np.array([book.weight for book in BOOKS])
    shares = np.floor(count * weights / weights.sum()).astype(int)
    shares[0] += count - shares.sum()
    trades = []
    for book, share in zip(BOOKS, shares, strict=True):
        trades += [_option_trade(book, spots, random) for _ in range(share)]
    return trades


def _option_trade(book: Book, spots: dict[str, float], random: np.random.Generator) -> Trade:
    ticker = book.tickers[random.integers(len(book.tickers))]
    expiries, weights = list(EXPIRY_WEIGHTS), np.array(list(EXPIRY_WEIGHTS.values()))
    maturity = expiries[random.choice(len(expiries), p=weights / weights.sum())]
    is_call = bool(random.random() < 0.5)
    spot, step = spots[ticker], strike_step(spots[ticker])
    years = (maturity - LAST_CLOSE_BEFORE) / timedelta(days=365)
    out_of_the_money = (0.02 + 0.10 * random.standard_normal()) * min(1.0, 0.35 + np.sqrt(years))
    strike = max(step, step * round(spot * np.exp(out_of_the_money if is_call else -out_of_the_money) / step))
    bought = random.random() < (book.long_calls if is_call else book.long_puts)
    contracts = book.notional * np.exp(0.7 * random.standard_normal()) / (spot * OPTION_MULTIPLIER)
    quantity = max(10, 10 * round(contracts / 10))
    return Trade(
        ticker=ticker,
        book=book.name,
        quantity=quantity if bought else -quantity,
        strike=strike,
        maturity=maturity,
        option_type="call" if is_call else "put",
    )


def _hedge_trades(history: PriceHistory, options: list[Trade], random: np.random.Generator) -> list[Trade]:
    """Shares against the delta of the live options of a book in a ticker, most of it, in round lots of a hundred."""
    live = [option for option in options if option.status == "Live"]
    held: dict[tuple[str, str], float] = {}
    for option, delta in zip(live, black_scholes_delta(live, history), strict=True):
        pair = (option.book, option.ticker)
        held[pair] = held.get(pair, 0.0) + float(delta) * option.quantity * OPTION_MULTIPLIER
    hedges = []
    for pair in hedged_pairs():
        shares = -held.get(pair, 0.0) * random.uniform(0.85, 1.02)
        lots = max(1, round(abs(shares) / 100))
        hedges.append(Trade(ticker=pair[1], book=pair[0], quantity=100 * lots if shares > 0 else -100 * lots))
    return hedges


def _unpriced_trades(spots: dict[str, float]) -> list[Trade]:
    """The few trades that no board can price, so that the demo shows how they are told."""
    tickers = ("AAPL", "JPM", "MSFT")
    strikes = [strike_step(spots[ticker]) * round(spots[ticker] / strike_step(spots[ticker])) for ticker in tickers]
    expired = [
        Trade(ticker, "EQ_VOL_HED", 200, strike, maturity, "call", "European")
        for ticker, strike, maturity in zip(tickers, strikes, ALREADY_EXPIRED, strict=True)
    ]
    unquoted = [
        Trade(ticker, "EQ_VOL_HED", 45, strike, date(2020, 6, 19), "put", "European") for ticker, strike in UNQUOTED
    ]
    return [*expired, *unquoted]
