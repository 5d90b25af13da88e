"""The pivots that Explore offers before anybody has saved one."""

from typing import Any

_RISK = ["Market value", "Cash delta", "Gamma 1 %", "Vega 1 pt", "Theta 1 d", "Day P&L"]
_COUNTED = ["Trades", "Without a value"]


def _pulsing(*names: str) -> dict[str, Any]:
    return {name: {"bg_mode": "pulse"} for name in names}


STARTERS: dict[str, dict[str, Any]] = {
    "Risk by desk": {
        "group_by": ["Region", "Business unit", "Desk", "Book"],
        "columns": [*_RISK, *_COUNTED],
        "columns_config": _pulsing("Market value", "Cash delta", "Day P&L"),
    },
    "Risk by underlying": {
        "group_by": ["Sector", "Underlying"],
        "columns": [*_RISK, *_COUNTED],
        "columns_config": _pulsing("Market value", "Cash delta", "Day P&L"),
    },
    "Delta in shares": {
        "group_by": ["Underlying"],
        "group_rollup_mode": "flat",
        "columns": ["Spot", "Delta, shares", "Cash delta", "Gamma 1 %", *_COUNTED],
        "columns_config": _pulsing("Spot", "Delta, shares"),
    },
    "Vega by expiry": {
        "group_by": ["Underlying"],
        "split_by": ["Expiry bucket"],
        "columns": ["Vega 1 pt"],
    },
    "Gamma by moneyness": {
        "group_by": ["Moneyness bucket", "Option type"],
        "columns": ["Gamma 1 %", "Theta 1 d", "Vega 1 pt", *_COUNTED],
    },
    "Delta by desk, chart": {
        "plugin": "Y Bar",
        "group_by": ["Desk"],
        "split_by": ["Option type"],
        "columns": ["Cash delta"],
    },
    "All trades": {
        "group_by": [],
        "columns": ["Trade", "Contract", "Book", "Status", "Quantity", "Spot", "Unit price", *_RISK, "Priced by"],
        "sort": [["Market value", "desc"]],
        "columns_config": _pulsing("Spot", "Market value", "Cash delta", "Day P&L"),
    },
}
"""Name -> configuration of the pivot. The first is what Explore opens with."""


def starter_of(pivot: dict[str, Any]) -> str:
    """The name of the starter that a pivot is; empty where somebody arranged it, and for the one that opens first."""
    others = list(STARTERS.items())[1:]
    return next((name for name, configuration in others if configuration == pivot), "")
