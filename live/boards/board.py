"""The board at one as-of date, in memory, brought up to date by the change log's entries.

A board that took the entries one by one is the same as one that is loaded afresh, but for the numbers of its rows. Each
row and group knows the revision that last changed it, and so any viewer's delta is found without a queue.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection

from engine.measures import CLOSE_COMPARED
from engine.rollup.roll_up import Sums
from live.boards.board_lock import BoardLock
from live.boards.board_rows import TRADE_FIELDS, VALUE_NAMES, BoardRows, Columns
from live.boards.group_sums import GroupSums
from live.boards.market import Market, read_market
from storage.book.hierarchy import read_hierarchy
from storage.book.records import read_records
from storage.core.change_log import NO_DATE, Entry
from storage.core.database import StoreRevisions
from storage.market.quotes import last_observation, newest_as_of
from storage.market.sensitivities import previous_priced_date, read_failures, stored_values

NOT_PRICED_YET = "not priced yet"
"""The reason of a trade that has no value and no failure at a date."""


@dataclass(slots=True)
class Board:
    """Everything that the live panels show of one as-of date, as of one revision."""

    as_of: date
    close_date: date | None
    close_is_ours: bool
    """Whether the previous close has values that our engines found; else it is what somebody reported."""
    newest_quoted: date | None
    """The newest date of all that has a quote."""
    revision: int
    observed_at: datetime | None
    rows: BoardRows
    market: Market
    lock: BoardLock = field(default_factory=BoardLock, repr=False)
    identity: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Tells one loading of a board from another: row numbers hold within one loading alone."""
    _sums: GroupSums = field(default_factory=GroupSums, repr=False)
    _counted: tuple[int, tuple[int, int, dict[str, int]], int] | None = field(default=None, repr=False)
    """The counts, and the revision that they are of: every viewer's status has them, once a second."""

    def takes(self, entry: Entry) -> bool:
        """Whether an entry of the change log can be applied; not when static data or the date of the close changed."""
        earlier = [(day, table) for (name, day), table in entry.tables.items() if name == "sensitivities"]
        return not entry.reload and not any(
            self._moves_close(day, table) for day, table in earlier if NO_DATE < day < self.as_of
        )

    def apply(self, entry: Entry) -> None:
        """Take the next entry, one that ``takes`` says yes to."""
        revision = entry.revision
        for (name, as_of), table in sorted(entry.tables.items(), key=lambda item: item[0][1]):
            if name == "quotes":
                self.newest_quoted = max(as_of, self.newest_quoted or as_of)
                if as_of <= self.as_of:
                    self.market.take_quotes(as_of, table.to_pydict(), revision)
            elif name == "observations" and as_of == self.as_of:
                self.market.take_observations(table.to_pydict(), revision)
        trades = entry.tables.get(("trades", NO_DATE))
        if trades is not None:
            columns = _columns(trades, TRADE_FIELDS)
            left = self.rows.take_trades(columns, revision)
            # Our values on the ticker that a trade had before are taken off the newest date, and off no other.
            if len(left) and self.as_of == self.newest_quoted:
                self.rows.forget_ours(left)
            if len(left) and self.close_date is not None and self.close_date == self.newest_quoted:
                self.rows.forget_our_closes(left, revision)
            self.market.show(sorted(set(columns["ticker"])), revision)
        closes, gone = self._changed(entry, self.close_date)
        if closes is not None:
            self.rows.take_closes(closes, revision)
        if gone is not None:
            self.rows.take_close_failures(gone, revision)
        values, failures = self._changed(entry, self.as_of)
        if values is not None:
            self.rows.take_values(values, revision)
        if failures is not None:
            self.rows.take_failures(failures, revision)
        self.revision = revision
        if entry.as_of_date == self.as_of and entry.observed_at is not None:
            self.observed_at = max(entry.observed_at, self.observed_at or entry.observed_at)

    def changed_rows(self, since: int | None) -> int:
        """How many rows have changed after a revision; None: all of them."""
        return len(self.rows) if since is None else int(np.count_nonzero(self.rows["revision"] > since))

    def changed_groups(self, since: int | None) -> int:
        """How many groups have changed after a revision; None: all of them."""
        groups = self.rows.groups
        return len(groups) if since is None else int(np.count_nonzero(groups.revisions > since))

    def frozen(self) -> "Board":
        """The board as it is now, which later entries do not change: what takes long is read from it without the lock.

        It copies columns, and so takes milliseconds where a large message takes a second.
        """
        self.group_sums()  # once, and not again for every copy
        sums, market = self._sums.frozen(), self.market.frozen()
        return replace(self, rows=self.rows.frozen(), market=market, lock=BoardLock(), _sums=sums)

    def group_sums(self) -> Sums:
        """The sums of its groups (``SUM_NAMES``), the same for all viewers; good until the next entry is taken."""
        return self._sums.of(self.rows, self.revision)

    def live_counts(self) -> tuple[int, int, dict[str, int]]:
        """Of the trades that are not terminated: how many, how many have a value, and reason -> how many have none."""
        return self._counts()[0]

    def with_default_parameters(self) -> int:
        """How many of them are priced with default parameters, because their ticker has none."""
        return self._counts()[1]

    def counted(self) -> tuple[int, int, dict[str, int], int]:
        """What ``live_counts`` and ``with_default_parameters`` say; as last counted while somebody has the board.

        For the event loop, which waits for nobody.
        """
        if self._counted is None or self._counted[0] != self.revision:
            with self.lock.reading_at_once() as is_free:
                if is_free:
                    self._counts()
        if self._counted is None:
            return 0, 0, {}, 0
        _, counts, by_default = self._counted
        return *counts, by_default

    def _counts(self) -> tuple[tuple[int, int, dict[str, int]], int]:
        if self._counted is None or self._counted[0] != self.revision:
            self._counted = self.revision, *self._count()
        return self._counted[1:]

    def _count(self) -> tuple[tuple[int, int, dict[str, int]], int]:
        rows = self.rows
        alive = rows.groups.alive()[rows["group"]] & rows["counted"]
        valued = rows.valued()
        missing: dict[str, int] = {}
        reasons, counts = np.unique(rows["reason"][alive & ~valued].astype(str), return_counts=True)
        for reason, count in zip(reasons.tolist(), counts.tolist(), strict=True):
            name = reason.split(":")[0] or NOT_PRICED_YET
            missing[name] = missing.get(name, 0) + count
        by_default = int((alive & valued & rows["by_default"]).sum())
        return (int(alive.sum()), int((alive & valued).sum()), missing), by_default

    def _moves_close(self, as_of: date, values: pa.Table) -> bool:
        """Whether the values of an earlier date may make it the previous close."""
        is_later = self.close_date is None or as_of > self.close_date
        if self.close_is_ours:
            return is_later and _has_ours(values)
        return is_later or _has_ours(values)

    @staticmethod
    def _changed(entry: Entry, as_of: date | None) -> tuple[Columns | None, Columns | None]:
        """The values and the failures of a date that the entry has."""
        values, failures = (entry.tables.get((name, as_of or NO_DATE)) for name in ("sensitivities", "failures"))
        return (
            None if values is None else _columns(values, values.column_names),
            None if failures is None else _columns(failures, failures.column_names),
        )


def load_board(connection: Connection, as_of: date, revisions: StoreRevisions) -> Board:
    """Read the board of a date as the transaction of this connection sees the store."""
    revision = revisions.revision
    trades = read_records(connection, "trades")
    for name in ("exercise_style", "option_type"):
        trades[name] = trades[name].fillna("")
    rows = BoardRows(read_hierarchy(connection))
    rows.take_trades({name: trades[name].tolist() for name in TRADE_FIELDS}, revision)
    rows.take_failures(read_failures(connection, as_of), revision)
    rows.take_values(_stored(connection, as_of, VALUE_NAMES), revision)  # a value counts more than an old failure
    close_date = previous_priced_date(connection, as_of)
    closes = _stored(connection, close_date or date.min, CLOSE_COMPARED)
    rows.take_closes(closes, revision)
    return Board(
        as_of=as_of,
        close_date=close_date,
        close_is_ours=any(closes["parameters_source"]),
        newest_quoted=newest_as_of(connection),
        revision=revision,
        observed_at=last_observation(connection, as_of),
        rows=rows,
        market=read_market(connection, as_of, set(trades["ticker"]), revision),
    )


def _stored(connection: Connection, as_of: date, names: Sequence[str]) -> Columns:
    """What is stored of a date, as the change log has it; what is not known is NaN."""
    texts = ("risk_factor", "parameters_source")
    found = stored_values(connection, as_of, (*texts, *names))
    every = ("trade_id", "priced_by", "revision", *texts, *names)
    columns = dict(zip(every, zip(*found, strict=True) if found else [()] * len(every), strict=True))
    numbers = {name: np.array(columns[name], np.float64) for name in names}
    return {**{name: list(columns[name]) for name in ("trade_id", "priced_by", *texts)}, **numbers}


def _columns(table: pa.Table, names: Sequence[str]) -> dict[str, Any]:
    """Numbers as arrays, NaN where there is none; all else as lists."""
    columns = {name: table.column(name) for name in names}
    return {
        name: column.to_numpy() if pa.types.is_floating(column.type) else column.to_pylist()
        for name, column in columns.items()
    }


def _has_ours(values: pa.Table) -> bool:
    return any(values.column("parameters_source").to_pylist())
