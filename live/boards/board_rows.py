"""The rows of a board: a row a trade and risk factor, as trades, values, failures and closes come, in whatever order.

A trade's own row is that of its ticker; it is there as soon as the trade is. What somebody reported for another risk
factor, or for a trade that nobody has described yet, is a row of its own. Our own values count on a trade's own row
alone: what was priced before its ticker was corrected belongs to nobody. Such rows stay, in no group and not shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.contracts import BoolArray, FloatArray, IntArray
from engine.measures import CLOSE_COMPARED, MEASURE_NAMES
from engine.model import TRADE_COLUMNS, UNASSIGNED, TradeStatus
from engine.pricing.spot_position import SpotEngine
from engine.snapshot.parameters import DEFAULT_PARAMETERS
from live.boards.board_groups import NO_GROUP, BoardGroups
from live.boards.growing_columns import GrowingColumns
from storage.book.hierarchy import BookHierarchy, contracts_in_words

Columns = Mapping[str, Sequence[Any] | NDArray[Any]]
VALUE_NAMES = (*MEASURE_NAMES, "spot")
TRADE_FIELDS = tuple(name for name in TRADE_COLUMNS if name != "contract_multiplier")
_EMPTY: dict[str, tuple[type, Any]] = {
    **dict.fromkeys(("quantity", *VALUE_NAMES, *(f"close_{name}" for name in CLOSE_COMPARED)), (np.float64, np.nan)),
    **dict.fromkeys(("strike", "maturity"), (np.float64, np.nan)),
    **dict.fromkeys(("contract", "option_type", "exercise_style", "priced_by", "reason"), (object, "")),
    **dict.fromkeys(("own", "counted", "stored", "reported", "by_default", "close_reported"), (np.bool_, False)),
    **dict.fromkeys(("revision", "text_revision", "moved_revision"), (np.int64, 0)),
    "group": (np.int64, NO_GROUP),
}
_CLOSES = (*CLOSE_COMPARED, "reported")


class BoardRows:
    """Row numbers are stable, and so is what a row stands for. Each row knows the revisions that last changed it."""

    def __init__(self, hierarchy: BookHierarchy) -> None:
        self.groups = BoardGroups(hierarchy)
        self.trade_ids: list[str] = []
        self.risk_factors: list[str] = []
        self.lacking: set[str] = set()
        """The measures that some reported row has lacked."""
        self.closes_revision = 0
        """When the closes of groups last changed, by other closes or by other rows in them."""
        self._columns = GrowingColumns(_EMPTY)
        self._rows: dict[tuple[str, str], int] = {}
        self._own: dict[str, int] = {}
        self._others: dict[str, list[int]] = {}
        self._spare_closes: dict[str, dict[str, tuple[Any, ...]]] = {}

    def __len__(self) -> int:
        return len(self.trade_ids)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """A column: good until rows are appended.

        quantity, strike, maturity (days since 1970), values, closes (``close_`` before the measure), contract,
        option_type, exercise_style, priced_by, reason, group,
        by_default (rows whose value depends on parameters, and found none but the defaults),
        counted (rows that stand for a trade when trades are counted), revision (last change), text_revision (last
        change of text), moved_revision (last change of group).
        """
        return self._columns[name]

    def frozen(self) -> "BoardRows":
        """The rows as they are now, to be read and not changed."""
        frozen = copy(self)
        frozen.groups = self.groups.frozen()
        frozen.trade_ids, frozen.risk_factors = self.trade_ids.copy(), self.risk_factors.copy()
        frozen.lacking = self.lacking.copy()
        frozen._columns = self._columns.frozen()
        return frozen

    def row(self, trade_id: str, risk_factor: str) -> int | None:
        """The row of a trade and risk factor."""
        return self._rows.get((trade_id, risk_factor))

    def valued(self) -> BoolArray:
        """Which rows show a value."""
        valued: BoolArray = self["stored"] & (self["own"] | self["reported"])
        return valued

    def take_trades(self, trades: Columns, revision: int) -> IntArray:
        """Trades that are new or changed, whole: ``TRADE_FIELDS``. Of several with one id the last counts.

        Returns the rows that were own rows before their trade's ticker changed.
        """
        last = {trade_id: i for i, trade_id in enumerate(trades["trade_id"])}
        columns = {name: list(trades[name]) for name in TRADE_FIELDS}
        if len(last) != len(columns["trade_id"]):
            columns = {name: [values[i] for i in last.values()] for name, values in columns.items()}
        owned = [self._own.get(trade_id, -1) for trade_id in columns["trade_id"]]
        rows = np.fromiter(map(self._own_row, columns["trade_id"], columns["ticker"]), np.int64, len(last))
        placed = zip(*(columns[name] for name in ("book", "ticker", "product", "trade_status")), strict=True)
        groups = np.fromiter((self.groups.number(*names) for names in placed), np.int64, len(last))
        words = (columns[name] for name in ("ticker", "maturity", "strike", "option_type"))
        self["contract"][rows] = _objects(contracts_in_words(*words))
        for name in ("exercise_style", "option_type"):
            self[name][rows] = _objects([word or "" for word in columns[name]])
        self["strike"][rows] = columns["strike"]
        self["maturity"][rows] = _days(columns["maturity"])
        self["quantity"][rows] = columns["quantity"]
        self["own"][rows] = self["counted"][rows] = True
        self._move(rows, groups, revision)
        if self._others:
            self._place_others((trade_id for trade_id in columns["trade_id"] if trade_id in self._others), revision)
        left = np.array(owned, np.int64)
        changed: IntArray = left[(left >= 0) & (left != rows)]
        return changed

    def forget_ours(self, rows: IntArray) -> None:
        """Forget our values of rows that were own rows before."""
        ours = rows[~self["reported"][rows]]
        for name in VALUE_NAMES:
            self[name][ours] = np.nan
        self["stored"][ours], self["priced_by"][ours] = False, ""

    def forget_our_closes(self, rows: IntArray, revision: int) -> None:
        """Forget our values of these rows at the previous close."""
        ours = rows[~self["close_reported"][rows]]
        for name in CLOSE_COMPARED:
            self[f"close_{name}"][ours] = np.nan
        self["revision"][ours] = revision
        self.groups.touch(self["group"][ours], revision)
        self.closes_revision = revision

    def take_values(self, values: Columns, revision: int) -> None:
        """Values as they are stored: trade_id, risk_factor, ``VALUE_NAMES``, priced_by, parameters_source.

        A row without a source of its parameters is one that somebody reported.
        """
        rows = self._rows_of(values["trade_id"], values["risk_factor"])
        for name in VALUE_NAMES:
            self[name][rows] = values[name]
        sources, priced_by = _objects(values["parameters_source"]), _objects(values["priced_by"])
        reported = sources == ""
        by_default = (sources == DEFAULT_PARAMETERS) & (priced_by != SpotEngine.name)
        text_changed = (self["priced_by"][rows] != priced_by) | (self["by_default"][rows] != by_default)
        text_changed |= (self["reason"][rows] != "") | ~self["stored"][rows]
        self["priced_by"][rows] = priced_by
        self["reason"][rows] = ""
        self["stored"][rows] = True
        self["reported"][rows], self["by_default"][rows] = reported, by_default
        self["revision"][rows] = revision
        self["text_revision"][rows[text_changed]] = revision
        self.groups.touch(self["group"][rows], revision)
        if reported.any():
            self.lacking |= {name for name in VALUE_NAMES if np.isnan(self[name][rows][reported]).any()}
        others = rows[~self["own"][rows]]
        if len(others):
            self._place_others({self.trade_ids[row] for row in others.tolist()}, revision)

    def take_failures(self, failures: Columns, revision: int) -> None:
        """Trades that could not be priced: trade_id, reason, detail. What somebody reported for one stays.

        A risk_factor may be given: a reason that was found for another ticker than the trade has now says nothing.
        """
        factors = failures.get("risk_factor") or repeat(None)
        found = zip(failures["trade_id"], factors, failures["reason"], failures["detail"], strict=False)
        for trade_id, risk_factor, reason, detail in found:
            row = self._own.get(trade_id)
            if row is None or risk_factor not in (None, self.risk_factors[row]):
                continue
            if not self["reported"][row]:
                for name in VALUE_NAMES:
                    self[name][row] = np.nan
                self["stored"][row], self["priced_by"][row] = False, ""
            self["reason"][row] = f"{reason}: {detail}"
            self["revision"][row] = self["text_revision"][row] = revision
            self.groups.touch(self["group"][row : row + 1], revision)

    def take_closes(self, closes: Columns, revision: int) -> None:
        """Values of the previous close: trade_id, risk_factor, ``CLOSE_COMPARED``, parameters_source."""
        reported = _objects(closes["parameters_source"]) == ""
        columns = [*(closes[name] for name in CLOSE_COMPARED), reported]
        keys = zip(closes["trade_id"], closes["risk_factor"], strict=True)
        rows = np.fromiter((self._rows.get(key, -1) for key in keys), np.int64, len(reported))
        known = rows >= 0
        for name, column in zip(_CLOSES, columns, strict=True):
            self[f"close_{name}"][rows[known]] = np.asarray(column)[known]
        for i in np.flatnonzero(~known).tolist():
            spare = self._spare_closes.setdefault(closes["trade_id"][i], {})
            spare[closes["risk_factor"][i]] = tuple(column[i] for column in columns)
        self["revision"][rows[known]] = revision
        self.groups.touch(self["group"][rows[known]], revision)
        self.closes_revision = revision

    def take_close_failures(self, failures: Columns, revision: int) -> None:
        """Trades that have no value of ours at the previous close any more: trade_id."""
        changed = []
        for trade_id in failures["trade_id"]:
            spare = self._spare_closes.get(trade_id, {})
            for risk_factor in [factor for factor, close in spare.items() if not close[-1]]:
                del spare[risk_factor]
            own = [self._own[trade_id]] if trade_id in self._own else []
            changed += [*own, *self._others.get(trade_id, ())]
        self.forget_our_closes(np.array(changed, np.int64), revision)

    def shown_reasons(self, rows: IntArray) -> list[str]:
        """Why each of these rows has no value; empty where it has one, or is terminated and wants none."""
        wanted = self.groups.alive()[self["group"][rows]] & ~self.valued()[rows]
        return [reason if want else "" for reason, want in zip(self["reason"][rows], wanted.tolist(), strict=True)]

    # --- where rows are

    def _append(self, trade_id: str, risk_factor: str) -> int:
        row = self._rows[trade_id, risk_factor] = self._columns.append()
        self.trade_ids.append(trade_id)
        self.risk_factors.append(risk_factor)
        if trade_id in self._spare_closes:
            close = self._spare_closes[trade_id].pop(risk_factor, None)
            for name, value in zip(_CLOSES, close or (), strict=False):
                self[f"close_{name}"][row] = value
        return row

    def _own_row(self, trade_id: str, ticker: str) -> int:
        """The own row of a trade on this ticker; the one of another ticker is its own no more."""
        before = self._own.get(trade_id)
        if before is not None and self.risk_factors[before] == ticker:
            return before
        row = self._rows.get((trade_id, ticker))
        if row is None:
            row = self._append(trade_id, ticker)
        else:
            self._others[trade_id].remove(row)
        if before is not None:
            self["own"][before], self["option_type"][before] = False, ""
            for name in ("quantity", "strike", "maturity"):
                self[name][before] = np.nan
            self._others.setdefault(trade_id, []).append(before)
        self._own[trade_id] = row
        return row

    def _rows_of(self, trade_ids: Iterable[str], risk_factors: Iterable[str]) -> IntArray:
        """The rows of trades and risk factors; those that are not there yet are appended, in no group."""
        rows = np.fromiter(map(self._own.get, trade_ids, repeat(-1)), np.int64)
        for i, (row, trade_id, risk_factor) in enumerate(zip(rows.tolist(), trade_ids, risk_factors, strict=True)):
            if row >= 0 and self.risk_factors[row] == risk_factor:
                continue
            known = self._rows.get((trade_id, risk_factor))
            if known is None:
                known = self._append(trade_id, risk_factor)
                self._others.setdefault(trade_id, []).append(known)
            rows[i] = known
        return rows

    def _place_others(self, trade_ids: Iterable[str], revision: int) -> None:
        """Group the rows of these trades that are not their own; what nobody reported is not shown."""
        rows: list[int] = []
        groups: list[int] = []
        for trade_id in trade_ids:
            own = self._own.get(trade_id)
            book, status = (UNASSIGNED, str(TradeStatus.LIVE))
            if own is not None:
                book, status = self.groups.book_and_status(int(self["group"][own]))
            counted = own is None  # a trade is counted once, however many values it has
            for row in sorted(self._others[trade_id], key=self.risk_factors.__getitem__):
                shown = self["stored"][row] and self["reported"][row]
                risk_factor = self.risk_factors[row]
                self["counted"][row] = counted and shown
                counted = counted and not shown
                self["contract"][row], self["exercise_style"][row] = f"{risk_factor}, reported", ""
                rows.append(row)
                groups.append(self.groups.number(book, risk_factor, "", status) if shown else NO_GROUP)
        self._move(np.array(rows, np.int64), np.array(groups, np.int64), revision)

    def _move(self, rows: IntArray, groups: IntArray, revision: int) -> None:
        before: IntArray = self["group"][rows]
        self["group"][rows] = groups
        self["revision"][rows] = self["text_revision"][rows] = revision
        moved = before != groups
        self["moved_revision"][rows[moved]] = revision
        self.groups.touch(groups, revision)
        if moved.any():
            self.groups.move(before[moved], groups[moved], revision)
            self.closes_revision = revision


def _days(dates: Sequence[Any]) -> FloatArray:
    """Days since 1970, NaN where there is no date (None or NaT)."""
    days = np.array([None if day is None or day != day else day for day in dates], "datetime64[D]")
    return np.where(np.isnat(days), np.nan, days.astype(np.float64))


def _objects(values: Sequence[Any] | NDArray[Any]) -> NDArray[np.object_]:
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    return objects
