"""Which trades somebody looks at: by status, book, a node of the booking hierarchy, or an underlying."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.contracts import BoolArray

HIERARCHY: tuple[str, ...] = ("region", "business_unit", "desk", "book", "underlying")
"""The levels of the risk tree, top down."""


@dataclass(frozen=True, slots=True)
class TradeSelection:
    """Empty parts let everything pass. path: names of the first levels of ``HIERARCHY``."""

    statuses: tuple[str, ...] = ()
    books: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    ticker: str = ""

    def mask(self, columns: Mapping[str, Any]) -> BoolArray:
        """Which trades pass. columns: arrays of one length for trade_status and each level of ``HIERARCHY``."""
        mask = np.ones(len(columns["trade_status"]), np.bool_)
        if self.statuses:
            mask &= np.isin(columns["trade_status"], self.statuses)
        if self.books:
            mask &= np.isin(columns["book"], self.books)
        if self.ticker:
            mask &= np.asarray(columns["underlying"] == self.ticker, np.bool_)
        for level, name in zip(HIERARCHY, self.path, strict=False):
            mask &= np.asarray(columns[level] == name, np.bool_)
        return mask
