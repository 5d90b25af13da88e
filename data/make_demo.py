"""Makes the demo files from the real closes, the same bytes every time: python -m data.make_demo [FOLDER]."""

import argparse
import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from data import demo_trades
from data.demo_books import BOOKS, INSTRUMENTS
from data.demo_market import close_rows, pricing_parameter_rows, tick_rows
from data.price_history import read_price_history

HERE = Path(__file__).resolve().parent
SEED = 20200309

FILES = (
    "books.csv",
    "instruments.csv",
    "market_data_closes.csv",
    "pricing_parameters.csv",
    "stock_price_tick_data.csv",
    "trades.csv",
)


def make_demo(folder: Path) -> list[Path]:
    """Write the demo files into the folder, over any that are there, and say which."""
    history = read_price_history(HERE / "sp500_daily_close.csv")
    for_ticks, *for_trades = _streams(6)
    folder.mkdir(parents=True, exist_ok=True)
    tables = (
        (["Book", "Desk", "BusinessUnit", "Region"], _book_rows()),
        (["Ticker", "Name", "Sector", "Region", "Currency"], _instrument_rows()),
        (["AsOfDate", "Instrument", "Quote"], close_rows(history)),
        (["AsOfDate", "Ticker", "ImpliedVol", "RiskFreeRate", "DividendYield"], pricing_parameter_rows(history)),
        (["AsOfDate", *history.tickers], tick_rows(history, for_ticks)),
        (demo_trades.HEADER, demo_trades.trade_rows(history, for_trades)),
    )
    written = []
    for name, (header, rows) in zip(FILES, tables, strict=True):
        written.append(folder / name)
        _write(folder / name, [header, *rows])
    return written


def _streams(count: int) -> list[np.random.Generator]:
    """A random stream for each question, so that a change to one leaves the others' answers as they are."""
    return [np.random.Generator(np.random.PCG64([SEED, number])) for number in range(count)]


def _book_rows() -> list[list[str]]:
    return [[book.name, book.desk, book.business_unit, book.region] for book in BOOKS]


def _instrument_rows() -> list[list[str]]:
    return [[ticker, name, sector, "Americas", "USD"] for ticker, name, sector in INSTRUMENTS]


def _write(path: Path, rows: Iterable[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m data.make_demo", description="Make the demo files.")
    parser.add_argument("folder", nargs="?", type=Path, default=HERE, help="where to (default: beside this script)")
    for path in make_demo(parser.parse_args().folder):
        print(path)


if __name__ == "__main__":
    main()
