"""Templates of files to upload: the columns of a kind with one example row that is valid."""

import csv
import io
from datetime import date
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Font

from services.record_kinds import RECORD_KINDS

_DAY = date(2026, 6, 19)
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


def template_csv(kind: str) -> bytes:
    """Header and one example row as CSV. Raises KeyError for an unknown kind."""
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet)
    writer.writerows(_rows(kind))
    return sheet.getvalue().encode()


def template_xlsx(kind: str) -> bytes:
    """The same as an Excel workbook; dates are dates there. Raises KeyError for an unknown kind."""
    workbook = Workbook()
    sheet = workbook.active
    sheet.title = kind
    for row in _rows(kind):
        sheet.append(row)
    for place, cell in enumerate(sheet[1]):
        cell.font = Font(bold=True)
        sheet.column_dimensions[cell.column_letter].width = max(12, len(str(cell.value)) + 2)
        if isinstance(sheet[2][place].value, date):
            sheet[2][place].number_format = "yyyy-mm-dd"
    sheet.freeze_panes = "A2"
    content = io.BytesIO()
    workbook.save(content)
    workbook.close()
    return content.getvalue()


def _rows(kind: str) -> list[list[Any]]:
    columns = [column.name for column in RECORD_KINDS[kind].columns]
    return [columns, [EXAMPLES[kind].get(name) for name in columns]]
