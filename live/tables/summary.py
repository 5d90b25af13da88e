"""The live table of sums: a row for the trades of one book, underlying, product and status."""

import numpy as np

from engine.contracts import BoolArray, FloatArray, IntArray
from engine.measures import CLOSE_COMPARED, DAY_PNL
from engine.selection import TradeSelection
from live.boards.board import Board
from live.boards.board_groups import GROUP_COLUMNS
from live.boards.board_rows import BoardRows
from live.tables.changed_rows import changed_rows
from live.tables.live_table import Header, LiveTable, Text, encoded
from live.tables.wire import dictionary_encoded

_SUMMED = (
    "market_value",
    "cash_delta",
    "cash_gamma_1pct",
    "vega_1pt",
    "theta_1d",
    "rho_1bp",
    "dividend_rho_1bp",
)


def summary_sums(board: Board) -> dict[str, FloatArray]:
    """The summary's numeric columns: one value a group. A sum of which no part is known is NaN, not 0.

    trades, not_included: those with a value and those without. pnl_unknown, and unknown_ before a measure that somebody
    has not reported for all: how many values the sum lacks.
    """
    rows = board.rows
    group, valued, counted = rows["group"], rows.valued(), rows["counted"]
    sums = {"trades": _count(rows, valued & counted), "not_included": _count(rows, ~valued & counted)}
    for name in _SUMMED:
        values = rows[name]
        sums[name] = _sum(rows, values, valued)
        if name in rows.lacking:
            sums[f"unknown_{name}"] = _count(rows, valued & np.isnan(values))
    gained = rows["market_value"] - rows["close_market_value"]
    sums[DAY_PNL.name] = _sum(rows, gained, valued)
    sums["pnl_unknown"] = _count(rows, valued & np.isnan(gained))
    for name in CLOSE_COMPARED:
        sums[f"close_{name}"] = _sum(rows, rows[f"close_{name}"], group >= 0)
    return sums


def _count(rows: BoardRows, mask: BoolArray) -> FloatArray:
    """How many rows of each group the mask has."""
    return np.bincount(rows["group"][mask] + 1, minlength=len(rows.groups) + 1)[1:].astype(np.float64)


def _sum(rows: BoardRows, values: FloatArray, shown: BoolArray) -> FloatArray:
    known = shown & ~np.isnan(values)
    bins, size = rows["group"][known] + 1, len(rows.groups) + 1
    sums: FloatArray = np.bincount(bins, weights=values[known], minlength=size).astype(np.float64)
    sums[np.bincount(bins, minlength=size) == 0] = np.nan
    return sums[1:]


def summary_message(board: Board, _selection: TradeSelection, since: int | None, header: Header) -> bytes:
    """The sums of the groups; those of the previous close only where they changed."""
    groups = board.rows.groups
    sums = summary_sums(board)
    there = groups.sizes > 0
    changed = changed_rows(groups.revisions, groups.text_revisions, groups.revisions, there, since)
    if since is not None and since >= board.rows.closes_revision:
        sums = {name: values for name, values in sums.items() if not name.startswith("close_")}

    def text(ids: IntArray) -> Text:
        return {name: dictionary_encoded(groups.column(name)[ids].tolist()) for name in GROUP_COLUMNS}

    return encoded(header, changed, len(groups), text, sums)


SUMMARY = LiveTable("summary", summary_message, takes_selection=False)
