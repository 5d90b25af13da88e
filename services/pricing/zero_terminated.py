"""Terminated trades are worth nothing: zeros in the place of their newest values, where a setting wants it so."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from engine.measures import MEASURE_NAMES
from services.pricing.price_book import note_changes
from services.pricing.unit_of_work import UnitOfWork
from storage.book.records import Record
from storage.market.sensitivities import ValuationRows, ValuedTrades

TERMINATED = "terminated"
"""What stands as the engine and as the source of parameters where zeros were written."""


def write_zeros(work: UnitOfWork, as_of: date, trades: Sequence[Record]) -> None:
    """Make trades that were terminated worth nothing at a date: each measure is 0. Reported values stay.

    A trade without a quote has no value that could be zeroed.
    """
    by_ticker: dict[str, list[str]] = {}
    for trade in trades:
        by_ticker.setdefault(trade["ticker"], []).append(trade["trade_id"])
    quotes = work.state.quotes(work.unit.connection, as_of)
    rows = ValuationRows()
    for ticker, trade_ids in by_ticker.items():
        quote = quotes.get(ticker)
        if quote is not None:
            rows.valued.append(
                ValuedTrades(
                    risk_factor=ticker,
                    spot=quote.quote,
                    observed_at=quote.observed_at,
                    parameters_source=TERMINATED,
                    trade_id=trade_ids,
                    priced_by=[TERMINATED] * len(trade_ids),
                    measures={name: np.zeros(len(trade_ids)) for name in MEASURE_NAMES},
                )
            )
    note_changes(work, as_of, rows)
