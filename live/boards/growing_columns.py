"""Columns of one length that rows are appended to: they grow by doubling, so that appending copies little."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAST_ROOM = 64


class GrowingColumns:
    """Arrays by name. A column handed out is a view of its rows: it is good until the next append."""

    def __init__(self, empty: Mapping[str, tuple[type, Any]]) -> None:
        """empty: name -> type of the column, and what a new row has there."""
        self._empty = dict(empty)
        self._rooms: dict[str, NDArray[Any]] = {
            name: np.full(_LEAST_ROOM, value, dtype) for name, (dtype, value) in self._empty.items()
        }
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._rooms[name][: self._length]

    def append(self) -> int:
        """Add an empty row; returns its number."""
        if self._length == self._room():
            for name, (dtype, value) in self._empty.items():
                grown: NDArray[Any] = np.full(2 * self._length, value, dtype)
                grown[: self._length] = self._rooms[name]
                self._rooms[name] = grown
        self._length += 1
        return self._length - 1

    def frozen(self) -> "GrowingColumns":
        """A copy of the rows that are there now."""
        copy = GrowingColumns(self._empty)
        copy._rooms = {name: column[: self._length].copy() for name, column in self._rooms.items()}
        copy._length = self._length
        return copy

    def _room(self) -> int:
        return len(next(iter(self._rooms.values())))
