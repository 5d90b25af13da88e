"""What a board says, in a form that two boards can be compared by, whatever the numbers of their rows."""

from typing import Any

import numpy as np

from engine.measures import CLOSE_COMPARED
from engine.selection import TradeSelection
from live.boards.board import Board
from live.boards.board_rows import VALUE_NAMES
from live.boards.group_sums import SUM_NAMES
from live.tables.nodes import SEPARATOR
from live.tables.registry import message
from live.tables.wire import decode, plain_text

_NUMBERS = ("quantity", "strike", "maturity", *VALUE_NAMES, *(f"close_{name}" for name in CLOSE_COMPARED))
_TEXT = ("contract", "option_type", "exercise_style", "priced_by")


def contents(board: Board) -> dict[str, Any]:
    """Rows by trade and risk factor, sums by group, the market by ticker, and the counts. NaN is None."""
    rows, groups = board.rows, board.rows.groups
    shown = np.flatnonzero(rows["group"] >= 0)
    reasons = dict(zip(shown.tolist(), rows.shown_reasons(shown), strict=True))
    sums = board.group_sums()
    return {
        "revision": board.revision,
        "rows": {
            (rows.trade_ids[row], rows.risk_factors[row]): (
                *groups.names[rows["group"][row]],
                *(rows[name][row] for name in _TEXT),
                reasons[row],
                bool(rows["counted"][row]),
                *(plain(rows[name][row]) for name in _NUMBERS),
            )
            for row in shown.tolist()
        },
        "groups": {
            name: {column: (rounded(sums.values[row, i]), sums.unknown[row, i]) for row, column in enumerate(SUM_NAMES)}
            for i, name in enumerate(groups.names)
            if groups.sizes[i]
        },
        "nodes": {path: tuple(map(rounded, values)) for path, values in nodes_of(board).items()},
        "market": {
            row.ticker: (row.name, row.sector, row.currency, row.quote, plain(row.previous_close), row.day.points())
            for row in board.market.rows
            if not np.isnan(row.quote)
        },
        "counts": (*board.live_counts(), board.with_default_parameters()),
        "close": board.close_date,
    }


def nodes_of(board: Board, selection: TradeSelection | None = None) -> dict[tuple[str, ...], tuple[float, ...]]:
    """The sums of the nodes by their paths: a value each of ``SUM_NAMES``."""
    header, columns = decode(message(board, "nodes", selection or TradeSelection(), None))
    values = zip(*(columns[name].tolist() for name in SUM_NAMES), strict=True)
    paths = [tuple(path.split(SEPARATOR)) if path else () for path in plain_text(header["text"]["path"])]
    return dict(zip(paths, values, strict=True))


def plain(number: float) -> float | None:
    return None if np.isnan(number) else float(number)


def rounded(number: float) -> float | None:
    """Sums over rows in another order differ in the last digits."""
    return None if np.isnan(number) else float(f"{number:.9g}")


def value(board: Board, trade_id: str, risk_factor: str, column: str = "market_value") -> float:
    row = board.rows.row(trade_id, risk_factor)
    assert row is not None
    return float(board.rows[column][row])


def differences(board: Board, other: Board) -> list[str]:
    """Where two boards do not say the same. An underlying that is traded no more may still be in the first's market."""
    ours, theirs = contents(board), contents(other)
    plain_parts = [name for name in ("revision", "counts", "close") if ours[name] != theirs[name]]
    found = [f"{name}: {ours[name]} and {theirs[name]}" for name in plain_parts]
    for name in ("rows", "groups", "nodes", "market"):
        keys = theirs[name].keys() | (set() if name == "market" else ours[name].keys())
        for key in sorted(keys):
            if ours[name].get(key) != theirs[name].get(key):
                found.append(f"{name} {key}: {ours[name].get(key)} and {theirs[name].get(key)}")
    return found
