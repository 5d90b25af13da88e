"""The sums of a board's groups: found once a revision for all viewers, and only of the groups that have changed."""

import numpy as np

from engine.contracts import FloatArray, IntArray
from engine.measures import CLOSE_COMPARED, DAY_PNL, MEASURES, Additive
from engine.rollup.roll_up import Sums, add_up
from live.boards.board_rows import BoardRows

SUMMED = (
    *(measure for measure in MEASURES if measure.additive is Additive.ALWAYS),
    DAY_PNL,
)
"""The measures of the sums: those that have one over several underlyings."""
_MARKET_VALUE = [measure.name for measure in SUMMED].index("market_value")
_COMPARED = [[measure.name for measure in SUMMED].index(name) for name in CLOSE_COMPARED]
_CHANGES = tuple(f"change_{name}" for name in CLOSE_COMPARED)
COUNTS = ("trades", "not_included")
SUM_NAMES = (*(measure.name for measure in SUMMED), *_CHANGES, *COUNTS)
"""The rows of the sums: measures, their changes since the previous close, and how many trades have a value or none."""
SUM_RULES = (
    *(measure.additive for measure in SUMMED),
    *(Additive.ALWAYS for _ in _CHANGES),
    *(Additive.ANYWHERE for _ in COUNTS),
)
"""Over what each of ``SUM_NAMES`` may be summed."""


class GroupSums:
    """Of the groups of one board. What it hands out is good until the board changes."""

    def __init__(self) -> None:
        self._revision = -1
        self._values, self._unknown = np.empty((len(SUM_NAMES), 0)), np.empty((len(SUM_NAMES), 0))
        self._closes = np.empty((len(CLOSE_COMPARED), 0))

    def frozen(self) -> "GroupSums":
        """A copy, for a copy of the board."""
        frozen = GroupSums()
        frozen._revision = self._revision
        frozen._values, frozen._unknown = self._values.copy(), self._unknown.copy()
        frozen._closes = self._closes.copy()
        return frozen

    def of(self, rows: BoardRows, revision: int) -> Sums:
        """The sums at a revision: a row each of ``SUM_NAMES``, a column a group.

        A change is known of the groups where both sides are: one that is new since the close, or was over by then, has
        none.
        """
        count = len(rows.groups)
        self._make_room(count)
        changed = np.flatnonzero(rows.groups.revisions > self._revision)
        if len(changed):
            self._sum_up(rows, changed)
        self._revision = revision
        return Sums(self._values[:, :count], self._unknown[:, :count])

    def _sum_up(self, rows: BoardRows, changed: IntArray) -> None:
        count = len(changed)
        places = np.full(len(rows.groups) + 1, -1, np.int64)  # one more, for rows that are in no group
        places[changed] = np.arange(count)
        of_rows = places[rows["group"]]
        ids = np.flatnonzero(of_rows >= 0)
        place, valued, counted = of_rows[ids], rows.valued()[ids], rows["counted"][ids]
        if rows.closes_revision > self._revision:
            self._closes[:, changed] = add_up(Sums.of(_closes(rows, ids)), place, count).values
        now = add_up(Sums.of(_values(rows, ids[valued])), place[valued], count)
        changes = now.values[_COMPARED] - self._closes[:, changed]
        numbers = [np.bincount(place[mask & counted], minlength=count) for mask in (valued, ~valued)]
        self._values[:, changed] = np.vstack([now.values, changes, *numbers])
        self._unknown[: len(SUMMED), changed] = now.unknown

    def _make_room(self, count: int) -> None:
        there = self._values.shape[1]
        if count > there:
            more = ((0, 0), (0, max(count, 2 * there) - there))
            self._values, self._closes = (
                np.pad(known, more, constant_values=np.nan) for known in (self._values, self._closes)
            )
            self._unknown = np.pad(self._unknown, more)


def _values(rows: BoardRows, ids: IntArray) -> FloatArray:
    """``SUMMED`` of these rows."""
    values = [rows[measure.name].take(ids) for measure in SUMMED[:-1]]
    return np.array([*values, values[_MARKET_VALUE] - rows["close_market_value"].take(ids)])


def _closes(rows: BoardRows, ids: IntArray) -> FloatArray:
    return np.array([rows[f"close_{name}"].take(ids) for name in CLOSE_COMPARED])
