"""The live table of trades: a row a trade of the selection."""

import numpy as np

from engine.contracts import IntArray
from engine.measures import DAY_PNL
from engine.selection import TradeSelection
from live.boards.board import Board
from live.boards.board_rows import BoardRows
from live.tables.changed_rows import changed_rows
from live.tables.live_table import Header, LiveTable, Text, encoded
from live.tables.wire import TextColumn, dictionary_encoded

_TRADE_VALUES = ("spot", "unit_price", "market_value", "cash_delta", "cash_gamma_1pct", "vega_1pt", "theta_1d")
_TRADE_GROUP_TEXT = ("book", "underlying", "trade_status", "currency")
_TRADE_TEXT = ("contract", "exercise_style", "priced_by")


def trades_message(board: Board, selection: TradeSelection, since: int | None, header: Header) -> bytes:
    """The measures of the selected trades, and their attributes where those are new."""
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

    return encoded(header, changed, len(rows), text, columns)


def _by_group(rows: BoardRows, name: str, group: IntArray) -> TextColumn:
    """A text column of rows that is the same for all rows of a group."""
    of_group = dictionary_encoded(rows.groups.column(name).tolist())
    codes = np.array(of_group["codes"], np.int64)[group]
    used, positions = np.unique(codes, return_inverse=True)
    return {"values": [str(of_group["values"][code]) for code in used], "codes": positions.tolist()}


TRADES = LiveTable("trades", trades_message, Board.changed_rows, takes_selection=True)
