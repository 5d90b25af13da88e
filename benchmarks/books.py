"""The books that are priced: the demo book, and a random book of American options."""

from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from engine.contracts import Contracts
from engine.model import ExerciseStyle, OptionType, Product
from engine.snapshot.parameters import ARTICLE_DEFAULTS, ParameterHistory, Parameters
from engine.valuation.underlying_pricer import UnderlyingPricer, prepare_underlying
from services.files.file_limits import FileLimits
from services.files.read_file import read_file
from services.records.record_kinds import RECORD_KINDS

DATA = Path(__file__).resolve().parent.parent / "data"
AS_OF = date(2020, 3, 9)
DAYS_A_YEAR = 365.0
COPIED_COLUMNS: dict[str, str] = {
    column.name: column.field
    for column in RECORD_KINDS["trades"].columns
    if column.field not in ("trade_id", "quantity", "trade_status")
}
"""What a made-up trade takes over from one of the demo book: column in files -> field."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option as somebody with a pricing library in hand sees it."""

    ticker: str
    is_call: bool
    strike: float
    maturity: date
    american: bool


@dataclass(frozen=True, slots=True)
class Book:
    """A book by underlying: what our engine has prepared, the options one by one, parameters and spots."""

    prepared: dict[str, UnderlyingPricer]
    options: dict[str, list[Option]]
    parameters: dict[str, Parameters]
    spots: dict[str, float]

    def of(self, ticker: str) -> "Book":
        """The part on one underlying."""
        return Book({ticker: self.prepared[ticker]}, {ticker: self.options[ticker]}, self.parameters, self.spots)

    @property
    def size(self) -> int:
        return sum(map(len, self.options.values()))

    @property
    def middle_ticker(self) -> str:
        """The underlying with the most usual number of options."""
        by_size = sorted(self.options, key=lambda ticker: len(self.options[ticker]))
        return by_size[len(by_size) // 2]


def demo_book(style: ExerciseStyle | None) -> Book:
    """The options of the demo book that are alive at ``AS_OF``, all taken as of one style, or each as it is (None).

    With None the shares are prepared too, as on the board.
    """
    trades, parameters, spots = _demo_files()
    alive = (trades["product"] == Product.OPTION) & (trades["maturity"] >= pd.Timestamp(AS_OF))
    kept = trades[alive | (trades["product"] == Product.STOCK)] if style is None else trades[alive]
    kept = kept[kept["ticker"].isin(spots)]
    if style is not None:
        kept = kept.assign(exercise_style=style.value)
    by_ticker = {str(ticker): frame for ticker, frame in kept.groupby("ticker")}
    used = {ticker: parameters.get(ticker, ARTICLE_DEFAULTS) for ticker in by_ticker}
    return Book(
        {ticker: prepare_underlying(ticker, frame, used[ticker], AS_OF) for ticker, frame in by_ticker.items()},
        {ticker: _options(frame) for ticker, frame in by_ticker.items()},
        used,
        spots,
    )


def random_americans(count: int) -> tuple[Contracts, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Contracts and spots: strikes 60 to 140 % of spot, 5 days to 2 years, volatility 0.15 to 0.8, rate 0 to 5 %,
    yield 0 to 4 %; no two of them share a boundary.
    """
    random = np.random.default_rng(20200309)
    spot = random.uniform(20.0, 300.0, count)
    contracts = Contracts(
        strike=spot * random.uniform(0.6, 1.4, count),
        years=random.integers(5, 731, count) / DAYS_A_YEAR,
        implied_vol=random.uniform(0.15, 0.8, count),
        risk_free_rate=random.uniform(0.0, 0.05, count),
        dividend_yield=random.uniform(0.0, 0.04, count),
        is_call=random.random(count) < 0.5,
    )
    return contracts, spot


@lru_cache(maxsize=1)
def _demo_files() -> tuple[pd.DataFrame, dict[str, Parameters], dict[str, float]]:
    frames = {
        kind: pd.DataFrame(read_file(DATA / name, kind, FileLimits()).records.records)
        for kind, name in (
            ("trades", "trades.csv"),
            ("parameters", "pricing_parameters.csv"),
            ("quotes", "market_data_closes.csv"),
        )
    }
    trades = frames["trades"].assign(maturity=pd.to_datetime(frames["trades"]["maturity"]))
    closes = frames["quotes"].sort_values("as_of_date").drop_duplicates("instrument", keep="last")
    spots = dict(zip(closes["instrument"], closes["quote"], strict=True))
    known = ParameterHistory(
        [{str(name): cell for name, cell in row.items()} for row in frames["parameters"].to_dict("records")]
    )
    return trades, {ticker: known.on(AS_OF, ticker) for ticker in spots}, spots


def _options(trades: pd.DataFrame) -> list[Option]:
    options = trades[trades["product"] == Product.OPTION]
    return [
        Option(ticker, kind == OptionType.CALL, strike, maturity.date(), style == ExerciseStyle.AMERICAN)
        for ticker, kind, strike, maturity, style in zip(
            options["ticker"],
            options["option_type"],
            options["strike"],
            options["maturity"],
            options["exercise_style"],
            strict=True,
        )
    ]


def sampled(book: Book, count: int) -> Book:
    """Every so many-th option of a book, about ``count`` of them."""
    step = max(1, book.size // count)
    everything = [option for options in book.options.values() for option in options][::step]
    by_ticker: dict[str, list[Option]] = {}
    for option in everything:
        by_ticker.setdefault(option.ticker, []).append(option)
    return replace(book, options=by_ticker)
