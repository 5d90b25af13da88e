"""The risk tree as the server would send it, of a few leaves that a test makes up."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.measures import Additive
from engine.rollup.hierarchy import TOTAL, Hierarchy
from engine.rollup.roll_up import Leaves, RolledUp, Sums, roll_up
from engine.selection import HIERARCHY
from live.tables import wire
from live.tables.nodes import SEPARATOR

Header = dict[str, Any]
_COUNTS = ("trades", "not_included")
_NODES = Hierarchy(HIERARCHY)


@dataclass(frozen=True)
class Leaf:
    """The trades of a book on an underlying: what of them is in the columns of the nodes."""

    path: tuple[str, ...]
    numbers: dict[str, float]
    currency: str = "USD"
    status: str = "Live"

    def where(self, **numbers: float) -> "Leaf":
        return replace(self, numbers={**self.numbers, **numbers})


def tree_snapshot(header: Header, leaves: list[Leaf]) -> bytes:
    """All nodes of these leaves."""
    return _message(header, leaves, [])


def tree_delta(header: Header, before: list[Leaf], after: list[Leaf]) -> bytes:
    """The nodes that differ; with text where leaves came or went."""
    return _message(header, after, before)


def selected(leaves: list[Leaf], statuses: list[str], books: list[str]) -> list[Leaf]:
    return [
        leaf for leaf in leaves if (not statuses or leaf.status in statuses) and (not books or leaf.path[3] in books)
    ]


def _message(header: Header, leaves: list[Leaf], before: list[Leaf]) -> bytes:
    names = sorted({name for leaf in (*leaves, *before) for name in leaf.numbers})
    rolled, former = _rolled_up(leaves, names), _rolled_up(before, names)
    there, gone = rolled.leaves > 0, (former.leaves > 0) & (rolled.leaves == 0)
    there[TOTAL], gone[TOTAL] = True, False
    if header["kind"] == "delta":
        same = (rolled.values == former.values) | (np.isnan(rolled.values) & np.isnan(former.values))
        there &= ~same.all(axis=0) | (rolled.leaves != former.leaves)
    ids = np.flatnonzero(there)
    columns = {"row": ids.astype(np.float64), **dict(zip(names, rolled.values[:, ids], strict=True))}
    if header["kind"] == "snapshot" or len(leaves) != len(before):
        currencies = sorted({leaf.currency for leaf in leaves})
        below = rolled.currencies[:, ids].T.tolist()
        header["text"] = {
            "path": [SEPARATOR.join(_NODES.paths[node]) for node in ids.tolist()],
            "currencies": [
                SEPARATOR.join(name for name, is_below in zip(currencies, of_node, strict=True) if is_below)
                for of_node in below
            ],
        }
    if gone.any():
        header["gone"] = np.flatnonzero(gone).tolist()
    return wire.encode(header, columns)


def _rolled_up(leaves: list[Leaf], names: list[str]) -> RolledUp:
    nodes = [_NODES.place(leaf.path) for leaf in leaves]
    currencies = sorted({leaf.currency for leaf in leaves})
    codes = [currencies.index(leaf.currency) for leaf in leaves]
    values = np.array([[leaf.numbers.get(name, np.nan) for leaf in leaves] for name in names], np.float64)
    placed = Leaves(*(np.array(numbers, np.int64) for numbers in (nodes, codes, codes)))
    rules = [Additive.ANYWHERE if name in _COUNTS or "unknown" in name else Additive.ALWAYS for name in names]
    sums = Sums.of(values.reshape(len(names), len(leaves)))
    return roll_up(_NODES, placed, sums, rules, np.ones(len(leaves), np.bool_))
