"""What a viewer is sent of a board: whole tables, or the rows that changed since the revision it has seen."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.contracts import BoolArray, FloatArray, IntArray
from engine.measures import CLOSE_COMPARED, DAY_PNL
from engine.selection import TradeSelection
from live.board import GROUP_COLUMNS, Board
from live.wire import ROW_COLUMN, dictionary_encoded, encode

TABLES = ("market", "summary", "trades")
_SUMMED = (
    "market_value",
    "cash_delta",
    "cash_gamma_1pct",
    "vega_1pt",
    "theta_1d",
    "rho_1bp",
    "dividend_rho_1bp",
)
_TRADE_VALUES = ("spot", "unit_price", "market_value", "cash_delta", "cash_gamma_1pct", "vega_1pt", "theta_1d")
_TRADE_TEXT = ("book", "underlying", "contract", "exercise_style", "trade_status", "currency")


def message(board: Board, table: str, selection: TradeSelection, since: int | None) -> bytes:
    """A table of the board for one viewer: a snapshot when ``since`` is None, else what changed after that revision."""
    header: dict[str, Any] = {
        "kind": "snapshot" if since is None else "delta",
        "table": table,
        "board": board.identity,
        "revision": board.revision,
        "as_of_date": board.as_of.isoformat(),
        "observed_at": _iso(board),
    }
    if table == "trades":
        return _trades(board, selection, since, header)
    text, columns, revisions = _market(board) if table == "market" else _summary(board)
    if since is None:
        if table == "market":
            header["day"] = {row.ticker: row.day for row in board.market}
        return encode({**header, "text": {name: dictionary_encoded(values) for name, values in text.items()}}, columns)
    rows = np.flatnonzero(revisions > since)
    changing = {name: values[rows] for name, values in columns.items() if not name.startswith("close_")}
    return encode(header, {ROW_COLUMN: rows.astype(np.float64), **changing})


def summary_sums(board: Board) -> dict[str, FloatArray]:
    """The summary's numeric columns: one value a group. A sum of which no part is known is NaN, not 0."""
    groups, size = board.group_of, len(board.groups)
    valued = ~np.isnan(board.values["market_value"])
    closed = ~np.isnan(board.closes["market_value"])
    included = np.bincount(groups[valued], minlength=size).astype(np.float64)
    total = np.bincount(groups, minlength=size).astype(np.float64)
    sums = {"trades": included, "not_included": total - included}
    for name in _SUMMED:
        sums[name] = _sum(groups, board.values[name], valued, size)
    both = valued & closed
    gained = board.values["market_value"] - board.closes["market_value"]
    sums[DAY_PNL.name] = _sum(groups, gained, both, size)
    sums["pnl_unknown"] = np.bincount(groups[valued & ~closed], minlength=size).astype(np.float64)
    for name in CLOSE_COMPARED:
        sums[f"close_{name}"] = _sum(groups, board.closes[name], closed, size)
    return sums


def _sum(groups: IntArray, values: FloatArray, known: BoolArray, size: int) -> FloatArray:
    sums: FloatArray = np.bincount(groups[known], weights=values[known], minlength=size).astype(np.float64)
    sums[np.bincount(groups[known], minlength=size) == 0] = np.nan
    return sums


_Built = tuple[dict[str, Sequence[str]], dict[str, FloatArray], IntArray]


def _summary(board: Board) -> _Built:
    revisions = np.zeros(len(board.groups), np.int64)
    np.maximum.at(revisions, board.group_of, board.revisions)
    text = {name: [group[i] for group in board.groups] for i, name in enumerate(GROUP_COLUMNS)}
    return dict(text), summary_sums(board), revisions


def _market(board: Board) -> _Built:
    rows = board.market
    text = {name: [getattr(row, name) for row in rows] for name in ("ticker", "name", "sector", "currency")}
    columns = {
        name: np.array([getattr(row, name) for row in rows], np.float64)
        for name in ("quote", "previous_close", "observed_ms")
    }
    return dict(text), columns, np.array([row.revision for row in rows], np.int64)


def _trades(board: Board, selection: TradeSelection, since: int | None, header: dict[str, Any]) -> bytes:
    kept = np.flatnonzero(selection.mask(board.text))
    places = np.arange(len(kept)) if since is None else np.flatnonzero(board.revisions[kept] > since)
    rows = kept[places]
    columns = {name: board.values[name][rows] for name in _TRADE_VALUES}
    columns[DAY_PNL.name] = board.values["market_value"][rows] - board.closes["market_value"][rows]
    engines = {"priced_by": board.priced_by, "reason": board.reason}
    if since is None:
        told = {**{name: board.text[name] for name in _TRADE_TEXT}, **engines}
        text: dict[str, Any] = {name: dictionary_encoded(values[rows].tolist()) for name, values in told.items()}
        text["trade_id"] = [board.trade_ids[row] for row in rows]
        return encode({**header, "text": text}, {"quantity": board.quantity[rows], **columns})
    if (board.text_revisions[rows] > since).any():
        header["text"] = {name: dictionary_encoded(values[rows].tolist()) for name, values in engines.items()}
    return encode(header, {ROW_COLUMN: places.astype(np.float64), **columns})


def _iso(board: Board) -> str | None:
    return None if board.observed_at is None else board.observed_at.strftime("%Y-%m-%dT%H:%M:%SZ")
