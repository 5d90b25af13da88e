"""The live table of quotes: a row an instrument."""

import numpy as np

from engine.contracts import IntArray
from engine.selection import TradeSelection
from live.boards.board import Board
from live.tables.changed_rows import changed_rows
from live.tables.live_table import Header, LiveTable, Text, encoded


def market_message(board: Board, _selection: TradeSelection, since: int | None, header: Header) -> bytes:
    """Quotes and previous closes, and the points of the day: all of them, or from the first on that has changed."""
    rows = board.market.rows
    born, revisions = (np.array([getattr(row, name) for row in rows], np.int64) for name in ("born", "revision"))
    changed = changed_rows(revisions, born, revisions, np.ones(len(rows), np.bool_), since)
    if since is None:
        header["day"] = {row.ticker: row.day.points() for row in rows}
    else:
        tails = {row.ticker: row.day.tail(since) for row in rows}
        header["day_tail"] = {ticker: tail for ticker, tail in tails.items() if tail is not None}
    columns = {
        name: np.array([getattr(row, name) for row in rows], np.float64)
        for name in ("quote", "previous_close", "observed_ms")
    }

    def text(ids: IntArray) -> Text:
        return {name: [getattr(rows[i], name) for i in ids] for name in ("ticker", "name", "sector", "currency")}

    return encoded(header, changed, len(rows), text, columns)


MARKET = LiveTable("market", market_message, lambda board, _: len(board.market.rows), takes_selection=False)
