"""The nodes of a hierarchy: each has an id that stays, whatever comes and goes below it."""

from collections.abc import Sequence

import numpy as np

from engine.contracts import IntArray

TOTAL = 0
"""The node above all others."""


class Hierarchy:
    """Nodes by the labels that lead to them. New ones are appended, so a node's id is above that of its parent."""

    def __init__(self, levels: Sequence[str]) -> None:
        """levels: their names, top down, without the total."""
        self.levels = tuple(levels)
        self.paths: list[tuple[str, ...]] = [()]
        """The labels from the top to each node."""
        self._ids: dict[tuple[str, ...], int] = {(): TOTAL}
        self._parents: list[int] = [TOTAL]
        self._arrays: tuple[IntArray, tuple[IntArray, ...]] | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def frozen(self) -> "Hierarchy":
        """The nodes as they are now: others that are added later are not in it."""
        frozen = Hierarchy(self.levels)
        frozen.paths, frozen._parents, frozen._ids = self.paths.copy(), self._parents.copy(), self._ids.copy()
        frozen._arrays = self._arrays
        return frozen

    def place(self, labels: Sequence[str]) -> int:
        """The node of the lowest level with these labels, one a level; those that are not there yet are added.

        Raises ValueError where there are not as many labels as levels.
        """
        path = tuple(labels)
        if len(path) != len(self.levels):
            raise ValueError(f"{len(path)} labels for the levels {', '.join(self.levels)}")
        known = self._ids.get(path)
        return self._add(path) if known is None else known

    @property
    def parents(self) -> IntArray:
        """The parent of each node; that of the total is the total."""
        return self._as_arrays()[0]

    @property
    def by_depth(self) -> tuple[IntArray, ...]:
        """The nodes of each depth: first the total, last the lowest level."""
        return self._as_arrays()[1]

    def _add(self, path: tuple[str, ...]) -> int:
        parent = TOTAL
        for depth in range(1, len(path) + 1):
            node = self._ids.setdefault(path[:depth], len(self.paths))
            if node == len(self.paths):
                self.paths.append(path[:depth])
                self._parents.append(parent)
            parent = node
        self._arrays = None
        return parent

    def _as_arrays(self) -> tuple[IntArray, tuple[IntArray, ...]]:
        if self._arrays is None:
            depths = np.array([len(path) for path in self.paths])
            by_depth = tuple(np.flatnonzero(depths == depth) for depth in range(len(self.levels) + 1))
            self._arrays = np.array(self._parents, np.int64), by_depth
        return self._arrays
