"""The board at one as-of date, in memory: a row a trade, brought up to date by the change log's entries.

Row i of every array is trade i, in the order of trade ids, until trades or static data change; then a fresh board is
loaded. Each row knows the revision that last changed it, and so any viewer's delta is found without a queue.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection

from engine.contracts import FloatArray, IntArray
from engine.measures import CLOSE_COMPARED, MEASURE_NAMES
from engine.model import TradeStatus
from engine.selection import HIERARCHY
from storage.change_log import Entry
from storage.database import StoreRevisions
from storage.quotes import last_observation, observations_of, previous_quoted_date, quotes_as_known
from storage.read_models import trade_attributes
from storage.records import read_records
from storage.sensitivities import failed_trades, previous_priced_date, stored_values

ObjectArray = NDArray[np.object_]
GROUP_COLUMNS = (*HIERARCHY, "product", "trade_status", "currency")


@dataclass(slots=True)
class MarketRow:
    """An underlying: who it is, its last quote, its previous close, and its day so far (epoch ms, quote)."""

    ticker: str
    name: str
    sector: str
    currency: str
    quote: float
    previous_close: float
    observed_ms: float
    day: list[tuple[float, float]]
    revision: int


@dataclass(slots=True)
class Board:
    """Everything that the live panels show of one as-of date, as of one revision."""

    as_of: date
    close_date: date | None
    identity: str
    """Tells one loading of a board from another: row numbers and closes hold within one loading alone."""
    revision: int
    observed_at: datetime | None
    trade_ids: list[str]
    text: dict[str, ObjectArray]
    """Attributes of trades, by column."""
    quantity: FloatArray
    values: dict[str, FloatArray]
    """Measures and ``spot``; NaN where a trade has no value."""
    closes: dict[str, FloatArray]
    priced_by: ObjectArray
    reason: ObjectArray
    revisions: IntArray
    text_revisions: IntArray
    groups: list[tuple[str, ...]]
    group_of: IntArray
    market: list[MarketRow]
    _rows: dict[str, int] = field(init=False)
    _market_rows: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self._rows = {trade_id: row for row, trade_id in enumerate(self.trade_ids)}
        self._market_rows = {row.ticker: i for i, row in enumerate(self.market)}

    def apply(self, entry: Entry) -> bool:
        """Take an entry of the change log; False when it needs a fresh board (a trade or a ticker not known here)."""
        quotes = entry.tables.get(("quotes", self.as_of))
        if quotes is not None and not self._apply_quotes(quotes.to_pydict(), entry.revision):
            return False
        values = entry.tables.get(("sensitivities", self.as_of))
        if values is not None and not self._apply_values(values, entry.revision):
            return False
        failures = entry.tables.get(("failures", self.as_of))
        if failures is not None and not self._apply_failures(failures.to_pydict(), entry.revision):
            return False
        self.revision = entry.revision
        if entry.as_of_date == self.as_of and entry.observed_at is not None:
            self.observed_at = max(entry.observed_at, self.observed_at or entry.observed_at)
        return True

    def live_counts(self) -> tuple[int, int, dict[str, int]]:
        """Of the trades that are not terminated: how many, how many have a value, and reason -> how many have none."""
        alive = self.text["trade_status"] != TradeStatus.TERMINATED
        valued = ~np.isnan(self.values["market_value"])
        reasons, counts = np.unique(self.reason[alive & ~valued].astype(str), return_counts=True)
        missing = {reason.split(":")[0] or "not priced yet": 0 for reason in reasons}
        for reason, count in zip(reasons, counts, strict=True):
            missing[reason.split(":")[0] or "not priced yet"] += int(count)
        return int(alive.sum()), int((alive & valued).sum()), missing

    def _apply_quotes(self, columns: dict[str, list[Any]], revision: int) -> bool:
        for ticker, quote, observed_at in zip(*columns.values(), strict=True):
            row = self._market_rows.get(str(ticker))
            if row is None:
                return False
            line = self.market[row]
            line.quote, line.revision = float(quote), revision
            line.observed_ms = _milliseconds(observed_at)
            line.day.append((line.observed_ms, line.quote))
        return True

    def _apply_values(self, table: Any, revision: int) -> bool:
        columns = {name: table.column(name) for name in table.column_names}
        try:
            rows = np.array([self._rows[trade_id] for trade_id in columns["trade_id"].to_pylist()], np.int64)
        except KeyError:
            return False
        for name in (*MEASURE_NAMES, "spot"):
            self.values[name][rows] = columns[name].to_numpy()
        priced_by = np.array(columns["priced_by"].to_pylist(), dtype=object)
        changed = rows[(self.priced_by[rows] != priced_by) | (self.reason[rows] != "")]
        self.priced_by[rows] = priced_by
        self.reason[rows] = ""
        self.revisions[rows] = revision
        self.text_revisions[changed] = revision
        return True

    def _apply_failures(self, columns: dict[str, list[str]], revision: int) -> bool:
        for trade_id, reason, detail in zip(columns["trade_id"], columns["reason"], columns["detail"], strict=True):
            row = self._rows.get(trade_id)
            if row is None:
                return False
            for values in self.values.values():
                values[row] = np.nan
            self.priced_by[row], self.reason[row] = "", f"{reason}: {detail}"
            self.revisions[row] = self.text_revisions[row] = revision
        return True


def load_board(connection: Connection, as_of: date, revisions: StoreRevisions) -> Board:
    """Read the board of a date as the transaction of this connection sees the store."""
    trades = trade_attributes(connection)
    n = len(trades)
    row_of = {trade_id: row for row, trade_id in enumerate(trades["trade_id"])}
    values = {name: np.full(n, np.nan) for name in (*MEASURE_NAMES, "spot")}
    priced_by, reason = np.full(n, "", dtype=object), np.full(n, "", dtype=object)
    row_revisions = np.zeros(n, np.int64)
    _fill(connection, as_of, row_of, values, priced_by, row_revisions)
    for trade_id, (why, detail) in failed_trades(connection, as_of).items():
        if trade_id in row_of:
            reason[row_of[trade_id]] = f"{why}: {detail}"
    close_date = previous_priced_date(connection, as_of)
    closes = {name: np.full(n, np.nan) for name in CLOSE_COMPARED}
    if close_date is not None:
        _fill(connection, close_date, row_of, closes, None, None)
    keys = trades[list(GROUP_COLUMNS)]
    group_of, groups = pd.factorize(pd.MultiIndex.from_frame(keys), sort=True)
    market = _market(connection, as_of, sorted(set(trades["underlying"])), revisions.revision)
    return Board(
        as_of=as_of,
        close_date=close_date,
        identity=uuid.uuid4().hex,
        revision=revisions.revision,
        observed_at=last_observation(connection, as_of),
        trade_ids=trades["trade_id"].tolist(),
        text={name: trades[name].to_numpy(dtype=object) for name in (*GROUP_COLUMNS, "contract", "exercise_style")},
        quantity=trades["quantity"].to_numpy(dtype=np.float64),
        values=values,
        closes=closes,
        priced_by=priced_by,
        reason=reason,
        revisions=row_revisions,
        text_revisions=row_revisions.copy(),
        groups=[tuple(group) for group in groups],
        group_of=group_of.astype(np.int64),
        market=market,
    )


def _fill(
    connection: Connection,
    as_of: date,
    row_of: dict[str, int],
    values: dict[str, FloatArray],
    priced_by: ObjectArray | None,
    revisions: IntArray | None,
) -> None:
    names = list(values)
    found = [(row_of[row[0]], row) for row in stored_values(connection, as_of, names) if row[0] in row_of]
    if not found:
        return
    rows = np.array([row for row, _ in found], np.int64)
    table = np.array([row[3:] for _, row in found], dtype=np.float64)
    for column, name in enumerate(names):
        values[name][rows] = table[:, column]
    if priced_by is not None and revisions is not None:
        priced_by[rows] = np.array([row[1] for _, row in found], dtype=object)
        revisions[rows] = np.array([row[2] for _, row in found], np.int64)


def _market(connection: Connection, as_of: date, traded: Sequence[str], revision: int) -> list[MarketRow]:
    instruments = read_records(connection, "instruments").set_index("ticker")
    known = quotes_as_known(connection, as_of)
    previous = previous_quoted_date(connection, as_of)
    closes = quotes_as_known(connection, previous) if previous else {}
    days = {str(ticker): frame for ticker, frame in observations_of(connection, as_of).groupby("instrument")}
    rows: list[MarketRow] = []
    for ticker in sorted({*traded, *(t for t, quote in known.items() if quote.as_of_date == as_of)}):
        quote = known.get(ticker)
        described = instruments.loc[ticker] if ticker in instruments.index else None
        day = days.get(ticker)
        rows.append(
            MarketRow(
                ticker,
                "" if described is None else str(described["name"]),
                "" if described is None else str(described["sector"]),
                "" if described is None else str(described["currency"]),
                np.nan if quote is None else quote.quote,
                closes[ticker].quote if ticker in closes else np.nan,
                np.nan if quote is None else _milliseconds(quote.observed_at),
                []
                if day is None
                else [(_milliseconds(at), float(q)) for at, q in zip(day["observed_at"], day["quote"], strict=True)],
                revision,
            )
        )
    return rows


def _milliseconds(instant: datetime) -> float:
    return instant.astimezone(UTC).timestamp() * 1000.0
