"""What a viewer is sent of a board: whole tables, or the rows that changed since the revision it has seen."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from engine.contracts import BoolArray, FloatArray, IntArray
from engine.measures import CLOSE_COMPARED, DAY_PNL
from engine.selection import TradeSelection
from live.boards.board import Board
from live.boards.board_groups import GROUP_COLUMNS
from live.boards.board_rows import BoardRows
from live.boards.changed_rows import ChangedRows, changed_rows
from live.boards.explore import explore_message
from live.boards.wire import ROW_COLUMN, TextColumn, dictionary_encoded, encode

TABLES = ("market", "summary", "trades", "explore")
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
_TRADE_GROUP_TEXT = ("book", "underlying", "trade_status", "currency")
_TRADE_TEXT = ("contract", "exercise_style", "priced_by")

Text = dict[str, TextColumn]


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
    if table == "market":
        return _market(board, since, header)
    if table == "summary":
        return _summary(board, since, header)
    if table == "explore":
        return explore_message(board, selection, since, header)
    return _trades(board, selection, since, header)


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


def _summary(board: Board, since: int | None, header: dict[str, Any]) -> bytes:
    groups = board.rows.groups
    sums = summary_sums(board)
    there = groups.sizes > 0
    changed = changed_rows(groups.revisions, groups.text_revisions, groups.revisions, there, since)
    if since is not None and since >= board.rows.closes_revision:
        sums = {name: values for name, values in sums.items() if not name.startswith("close_")}

    def text(ids: IntArray) -> Text:
        return {name: dictionary_encoded(groups.column(name)[ids].tolist()) for name in GROUP_COLUMNS}

    return _encoded(header, changed, len(groups), text, sums)


def _market(board: Board, since: int | None, header: dict[str, Any]) -> bytes:
    rows = board.market.rows
    born, revisions = (np.array([getattr(row, name) for row in rows], np.int64) for name in ("born", "revision"))
    changed = changed_rows(revisions, born, revisions, np.ones(len(rows), np.bool_), since)
    if since is None:
        header["day"] = {row.ticker: row.day for row in rows}
    columns = {
        name: np.array([getattr(row, name) for row in rows], np.float64)
        for name in ("quote", "previous_close", "observed_ms")
    }

    def text(ids: IntArray) -> Text:
        return {name: [getattr(rows[i], name) for i in ids] for name in ("ticker", "name", "sector", "currency")}

    return _encoded(header, changed, len(rows), text, columns)


def _trades(board: Board, selection: TradeSelection, since: int | None, header: dict[str, Any]) -> bytes:
    rows = board.rows
    wanted = rows.groups.selected(selection)[rows["group"]]
    changed = changed_rows(rows["revision"], rows["text_revision"], rows["moved_revision"], wanted, since)
    columns = {name: rows[name] for name in _TRADE_VALUES}
    columns[DAY_PNL.name] = rows["market_value"] - rows["close_market_value"]
    if changed.with_text:
        columns["quantity"] = rows["quantity"]

    def text(ids: IntArray) -> Text:
        group = rows["group"][ids]
        told: Text = {name: _by_group(rows, name, group) for name in _TRADE_GROUP_TEXT}
        told |= {name: dictionary_encoded(rows[name][ids].tolist()) for name in _TRADE_TEXT}
        told["reason"] = dictionary_encoded(rows.shown_reasons(ids))
        return {"trade_id": [rows.trade_ids[i] for i in ids], **told}

    return _encoded(header, changed, len(rows), text, columns)


def _by_group(rows: BoardRows, name: str, group: IntArray) -> TextColumn:
    """A text column of rows that is the same for all rows of a group."""
    of_group = dictionary_encoded(rows.groups.column(name).tolist())
    codes = np.array(of_group["codes"], np.int64)[group]
    used, positions = np.unique(codes, return_inverse=True)
    return {"values": [str(of_group["values"][code]) for code in used], "codes": positions.tolist()}


def _encoded(
    header: dict[str, Any],
    changed: ChangedRows,
    total: int,
    text: Callable[[IntArray], Text],
    columns: Mapping[str, FloatArray],
) -> bytes:
    ids, with_text = changed.ids, changed.with_text
    sent: dict[str, FloatArray] = {name: values[ids] for name, values in columns.items()}
    if header["kind"] == "delta" or len(ids) < total:
        sent = {ROW_COLUMN: ids.astype(np.float64), **sent}
    if with_text or header["kind"] == "snapshot":
        header["text"] = text(ids[:with_text])
    if with_text and with_text < len(ids):
        header["text_rows"] = with_text
    if len(changed.gone):
        header["gone"] = changed.gone.tolist()
    return encode(header, sent)


def _iso(board: Board) -> str | None:
    return None if board.observed_at is None else board.observed_at.strftime("%Y-%m-%dT%H:%M:%SZ")
