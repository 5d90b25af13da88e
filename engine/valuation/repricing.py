"""Reprice a book: quotes, trades and parameters in; a frame of measures and the trades without a value out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from engine.measures import MEASURE_NAMES
from engine.model import NotPriced, TradeStatus
from engine.snapshot.parameters import ParameterHistory
from engine.valuation.underlying_pricer import Failure, UnderlyingPricer, Valued, prepare_underlying


@dataclass(frozen=True, slots=True)
class Repricing:
    """The result of ``reprice``.

    frame: a row a priced trade: as_of_date, trade_id, risk_factor, the measures of ``MEASURE_NAMES``, spot,
    priced_by (engine), parameters_source (date or "default"). failures: a row a trade without a value: trade_id,
    reason (``NotPriced``), detail.
    """

    frame: pd.DataFrame
    failures: pd.DataFrame


def parameter_history(parameters: pd.DataFrame) -> ParameterHistory:
    """The parameters of a frame with the columns of ``engine.model.PARAMETER_COLUMNS``; as_of_date is datetime64.

    A ticker that has none on or before a date prices with ``ARTICLE_DEFAULTS``.
    """
    dated = parameters.assign(as_of_date=parameters["as_of_date"].dt.date)
    return ParameterHistory({str(name): value for name, value in row.items()} for row in dated.to_dict("records"))


def is_priced(trade_status: pd.Series) -> pd.Series:
    """Which trades are priced at all, by their status: a terminated trade has no risk and is no failure."""
    return trade_status != TradeStatus.TERMINATED


def reprice(quotes: Mapping[str, float], trades: pd.DataFrame, parameters: pd.DataFrame, as_of: date) -> Repricing:
    """Value every trade that is not terminated at these quotes.

    quotes: ticker -> price. trades, parameters: the columns of ``engine.model``. Trades that cannot be valued are in
    ``failures`` with their reason; nothing raises for a single bad trade.
    """
    known = parameter_history(parameters)
    frames: list[pd.DataFrame] = []
    failures: list[Failure] = []
    priced = trades[is_priced(trades["trade_status"])]
    for ticker, group in priced.groupby("ticker", sort=True):
        prepared = prepare_underlying(str(ticker), group, known.on(as_of, str(ticker)), as_of)
        valued, failed = value_at_quote(prepared, quotes.get(str(ticker)))
        failures += failed
        if valued is not None:
            failures += valued.failures
            frames.append(valued_frame(prepared, valued, quotes[str(ticker)]))
    columns = ["as_of_date", "trade_id", "risk_factor", *MEASURE_NAMES, "spot", "priced_by", "parameters_source"]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    return Repricing(
        frame,
        pd.DataFrame([(f.trade_id, f.reason, f.detail) for f in failures], columns=["trade_id", "reason", "detail"]),
    )


def value_at_quote(prepared: UnderlyingPricer, quote: float | None) -> tuple[Valued | None, list[Failure]]:
    """Every row of an underlying at its quote, and what failed before any quote; without a quote every row fails."""
    failures = list(prepared.failures)
    if quote is not None and np.isfinite(quote) and quote > 0:
        return prepared.value(quote), failures
    failed_already = {failure.trade_id for failure in failures}
    reason = f"{prepared.ticker} has no quote on or before {prepared.as_of_date:%Y-%m-%d}"
    failures += [
        Failure(trade_id, NotPriced.NO_QUOTE, reason)
        for trade_id in prepared.trade_ids
        if trade_id not in failed_already
    ]
    return None, failures


def valued_frame(prepared: UnderlyingPricer, valued: Valued, spot: float) -> pd.DataFrame:
    """The rows of one underlying as the frame that ``Repricing`` documents."""
    return pd.DataFrame(
        {
            "as_of_date": pd.Timestamp(prepared.as_of_date),
            "trade_id": valued.trade_ids,
            "risk_factor": prepared.ticker,
            **valued.measures,
            "spot": spot,
            "priced_by": valued.priced_by,
            "parameters_source": prepared.parameters.source,
        }
    )
