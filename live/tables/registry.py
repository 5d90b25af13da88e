"""The live tables there are. A new one is a module with a ``LiveTable``, and its name here."""

from engine.selection import TradeSelection
from live.boards.board import Board
from live.tables.explore import EXPLORE
from live.tables.live_table import Header, LiveTable
from live.tables.market import MARKET
from live.tables.nodes import NODES
from live.tables.trades import TRADES

TABLES: dict[str, LiveTable] = {table.name: table for table in (MARKET, NODES, TRADES, EXPLORE)}


def message(board: Board, table: str, selection: TradeSelection, since: int | None) -> bytes:
    """A table of the board for one viewer: a snapshot when ``since`` is None, else what changed after that revision.

    Raises KeyError for a table that there is not.
    """
    header: Header = {
        "kind": "snapshot" if since is None else "delta",
        "table": table,
        "board": board.identity,
        "revision": board.revision,
        "as_of_date": board.as_of.isoformat(),
        "observed_at": None if board.observed_at is None else board.observed_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return TABLES[table].message(board, selection, since, header)
