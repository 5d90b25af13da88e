"""Templates of files to upload: the columns of a kind with one example row that is valid."""

from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from services.records.record_kinds import RECORD_KINDS

_DAY = date(2026, 6, 18)
EXAMPLES: dict[str, dict[str, Any]] = {
    "trades": {
        "TradeId": "EXAMPLE-1",
        "Ticker": "AAPL",
        "Book": "EQ_VOL_HED",
        "Product": "EQ_Option",
        "Quantity": -10,
        "Strike": 75.5,
        "Maturity": _DAY,
        "OptionType": "put",
        "ExerciseStyle": "American",
        "ContractMultiplier": 100,
        "TradeStatus": "Live",
    },
    "books": {
        "Book": "EQ_VOL_HED",
        "Desk": "Volatility",
        "BusinessUnit": "Equity derivatives",
        "Region": "Americas",
    },
    "instruments": {
        "Ticker": "AAPL",
        "Name": "Apple",
        "Sector": "Technology",
        "Region": "Americas",
        "Currency": "USD",
    },
    "parameters": {
        "AsOfDate": _DAY,
        "Ticker": "AAPL",
        "ImpliedVol": 0.3,
        "RiskFreeRate": 0.04,
        "DividendYield": 0.005,
    },
    "quotes": {"AsOfDate": _DAY, "Instrument": "AAPL", "Quote": 75.25},
    "sensitivities": {
        "AsOfDate": _DAY,
        "TradeId": "EXAMPLE-1",
        "RiskFactor": "AAPL",
        "MarketValue": -12500.5,
        "CashDelta": 48000,
    },
}
"""Kind -> column -> a value; a column without one is left empty."""


def template_table(_connection: Connection, kind: str) -> pd.DataFrame:
    """All columns of a kind, and one row. Raises KeyError for an unknown kind."""
    columns = [column.name for column in RECORD_KINDS[kind].columns]
    return pd.DataFrame([[EXAMPLES[kind].get(name) for name in columns]], columns=pd.Index(columns), dtype=object)
