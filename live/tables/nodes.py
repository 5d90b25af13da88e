"""The live table of the risk tree: a row a node of region, business unit, desk, book and underlying, and the total.

Its sums are rolled up here, of one revision: a browser shows them and adds nothing.
"""

import numpy as np

from engine.contracts import BoolArray, FloatArray, IntArray
from engine.measures import DAY_PNL
from engine.rollup.hierarchy import TOTAL
from engine.rollup.roll_up import RolledUp, highest, roll_up
from engine.selection import TradeSelection
from live.boards.board import Board
from live.boards.board_groups import BoardGroups
from live.boards.group_sums import SUM_NAMES, SUM_RULES, SUMMED
from live.tables.changed_rows import changed_rows
from live.tables.live_table import Header, LiveTable, Text, encoded

SEPARATOR = "\x1f"
"""Between the labels of a path, and between currencies."""


def nodes_message(board: Board, selection: TradeSelection, since: int | None, header: Header) -> bytes:
    """The sums of the nodes that have selected trades; with ``since``, of those where one of their groups changed.

    trades, not_included: those with a value and those without. change_ before a measure: since the previous close.
    pnl_unknown, and unknown_ before a measure that somebody has not reported for all: how many values the sum lacks.
    """
    groups = board.rows.groups
    selected = groups.selected(selection)[:-1]
    rolled = roll_up(groups.nodes, groups.leaves, board.group_sums(), SUM_RULES, selected & (groups.sizes > 0))
    there = rolled.leaves > 0
    there[TOTAL] = True
    changed = changed_rows(*_revisions(groups, selected), there, since)

    def text(ids: IntArray) -> Text:
        return {
            "path": [SEPARATOR.join(groups.nodes.paths[node]) for node in ids.tolist()],
            "currencies": _currencies(groups.currencies, rolled, ids),
        }

    return encoded(header, changed, len(groups.nodes), text, _columns(board, rolled))


def _columns(board: Board, rolled: RolledUp) -> dict[str, FloatArray]:
    columns = dict(zip(SUM_NAMES, rolled.values, strict=True))
    unknown = dict(zip(SUM_NAMES, rolled.unknown, strict=True))
    lacking = {f"unknown_{each.name}": unknown[each.name] for each in SUMMED if each.name in board.rows.lacking}
    return {**columns, **lacking, "pnl_unknown": unknown[DAY_PNL.name]}


def _revisions(groups: BoardGroups, selected: BoolArray) -> tuple[IntArray, IntArray, IntArray]:
    """When each node last changed, when one of its groups last came or went, and again when it changed.

    What comes and goes may bring a node or take it, and changes its currencies: those rows are sent with text.
    """
    nodes = groups.leaves.nodes[selected]
    came_or_went = np.where(groups.sizes > 0, groups.text_revisions, groups.revisions)
    changes = highest(groups.nodes, nodes, groups.revisions[selected])
    return changes, highest(groups.nodes, nodes, came_or_went[selected]), changes


def _currencies(names: list[str], rolled: RolledUp, ids: IntArray) -> list[str]:
    """The currencies below each of these nodes, in the order of their names."""
    order = sorted(range(len(names)), key=names.__getitem__)
    columns = rolled.currencies[:, ids].T
    return [SEPARATOR.join(names[code] for code in order if below[code]) for below in columns.tolist()]


NODES = LiveTable("nodes", nodes_message, Board.changed_groups, takes_selection=True)
