"""The groups of a board: trades that have in common what can be selected or summed over, and when each last changed.

They are the leaves of the risk tree, whose nodes keep their ids as groups do.
"""

from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.contracts import BoolArray, IntArray
from engine.model import UNASSIGNED
from engine.rollup.hierarchy import Hierarchy
from engine.rollup.roll_up import Leaves
from engine.selection import HIERARCHY, TradeSelection
from live.boards.growing_columns import GrowingColumns
from storage.book.hierarchy import BookHierarchy

GROUP_COLUMNS = (*HIERARCHY, "product", "trade_status", "currency")
NO_GROUP = -1
"""The group of a row that is in no group: it is not shown."""
_COLUMNS = ("revision", "text_revision", "size", "node", "currency", "underlying")
_BOOK, _STATUS = GROUP_COLUMNS.index("book"), GROUP_COLUMNS.index("trade_status")


class BoardGroups:
    """A group keeps its number for as long as the board lives, with or without rows; new ones are appended."""

    def __init__(self, hierarchy: BookHierarchy) -> None:
        self._hierarchy = hierarchy
        self.names: list[tuple[str, ...]] = []
        """The values of ``GROUP_COLUMNS``, a group each."""
        self._numbers: dict[tuple[str, str, str, str], int] = {}
        self.nodes = Hierarchy(HIERARCHY)
        """The risk tree, with the nodes that there ever were: the same for every selection."""
        self.currencies: list[str] = []
        """The currencies of the underlyings, by their codes in ``leaves``."""
        self._underlyings: dict[str, int] = {}
        self._columns = GrowingColumns(dict.fromkeys(_COLUMNS, (np.int64, 0)))
        self._names_by_column: dict[str, NDArray[np.object_]] = {}

    def __len__(self) -> int:
        return len(self.names)

    @property
    def revisions(self) -> IntArray:
        """When each last changed: a value in it, or which rows are in it."""
        return self._columns["revision"]

    @property
    def text_revisions(self) -> IntArray:
        """When each last came to have rows."""
        return self._columns["text_revision"]

    @property
    def sizes(self) -> IntArray:
        """How many rows are in each."""
        return self._columns["size"]

    def number(self, book: str, underlying: str, product: str, status: str) -> int:
        """The group of such trades; a new one where there is none."""
        known = self._numbers.get((book, underlying, product, status))
        if known is None:
            currency = self._hierarchy.currency(underlying)
            self.names.append((*self._hierarchy.levels(book), book, underlying, product, status, currency))
            known = self._numbers[book, underlying, product, status] = self._columns.append()
            labels = (*self._hierarchy.levels(book), book, underlying)
            if currency not in self.currencies:
                self.currencies.append(currency)
            self._columns["node"][known] = self.nodes.place([label or UNASSIGNED for label in labels])
            self._columns["currency"][known] = self.currencies.index(currency)
            self._columns["underlying"][known] = self._underlyings.setdefault(underlying, len(self._underlyings))
        return known

    @property
    def leaves(self) -> Leaves:
        """The groups as leaves of ``nodes``."""
        return Leaves(*(self._columns[name] for name in ("node", "currency", "underlying")))

    def book_and_status(self, number: int) -> tuple[str, str]:
        return self.names[number][_BOOK], self.names[number][_STATUS]

    def issuers(self) -> tuple[list[str], list[str]]:
        """The sectors and the regions of the underlyings of the groups, a group each."""
        found = [self._hierarchy.issuer(str(ticker)) for ticker in self.column("underlying")]
        return [sector for sector, _ in found], [region for _, region in found]

    def touch(self, numbers: IntArray, revision: int) -> None:
        """Values in these groups have changed."""
        self._columns["revision"][numbers[numbers != NO_GROUP]] = revision

    def move(self, before: IntArray, after: IntArray, revision: int) -> None:
        """Rows have moved from these groups to those, one by one; both are told."""
        self.touch(before, revision)
        self.touch(after, revision)
        sizes = self._columns["size"]
        empty = sizes == 0
        np.subtract.at(sizes, before[before != NO_GROUP], 1)
        np.add.at(sizes, after[after != NO_GROUP], 1)
        self._columns["text_revision"][empty & (sizes > 0)] = revision

    def frozen(self) -> "BoardGroups":
        """The groups as they are now, to be read and not changed."""
        frozen = copy(self)
        frozen.names = self.names.copy()
        frozen._columns = self._columns.frozen()
        frozen._names_by_column = self._names_by_column.copy()
        frozen.nodes, frozen.currencies = self.nodes.frozen(), self.currencies.copy()
        return frozen

    def column(self, name: str) -> NDArray[np.object_]:
        """A column of ``GROUP_COLUMNS``, a group each."""
        known = self._names_by_column.get(name)
        if known is None or len(known) != len(self.names):
            place = GROUP_COLUMNS.index(name)
            known = np.empty(len(self.names), dtype=object)
            known[:] = [names[place] for names in self.names]
            self._names_by_column[name] = known
        return known

    def selected(self, selection: TradeSelection) -> BoolArray:
        """Which groups pass, with one more for ``NO_GROUP``, which never does: take it by the groups of rows."""
        columns: dict[str, Any] = {name: self.column(name) for name in (*HIERARCHY, "trade_status")}
        return np.append(selection.mask(columns), False)

    def alive(self) -> BoolArray:
        """Which groups are of trades that are priced, by their status; one more, False, for ``NO_GROUP``."""
        return np.append(~np.isin(self.column("trade_status"), list(self._hierarchy.unpriced)), False)
