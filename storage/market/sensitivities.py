"""Sensitivities and the trades without a value, as they are written and found."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import CTE, ColumnElement, Connection, Select, bindparam, exists, func, select, union

from engine.contracts import FloatArray
from engine.measures import MEASURE_NAMES
from engine.model import Source
from engine.snapshot.parameters import Parameters
from storage.core.bulk import remove, upsert, upsert_batches
from storage.core.column_arrays import FloatColumn
from storage.core.database import WriteUnit
from storage.core.schema import pricing_failures, sensitivities, trades

_KEYS_A_STATEMENT = 500

_FAILED = select(pricing_failures.c.trade_id, pricing_failures.c.reason, pricing_failures.c.detail).where(
    pricing_failures.c.as_of_date == bindparam("as_of")
)
_FAILED_ON = _FAILED.where(pricing_failures.c.risk_factor.in_(bindparam("risk_factors", expanding=True)))
"""Made once: every tick asks it while it holds the store's lock."""

FailedTrade = tuple[str, str, str, str]
"""Trade id, risk factor, reason, detail."""


@dataclass(frozen=True)
class ValuedTrades:
    """The values of trades on one underlying at one quote: columns of one length, and what all rows share.

    parameters: what they were computed with; None where they were not computed.
    """

    risk_factor: str
    spot: float
    observed_at: datetime
    parameters_source: str
    trade_id: list[str]
    priced_by: list[str]
    measures: Mapping[str, FloatArray]
    parameters: Parameters | None = None

    def __len__(self) -> int:
        return len(self.trade_id)

    def without(self, trade_ids: Collection[str]) -> "ValuedTrades":
        """The values of the other trades."""
        kept = [row for row, trade_id in enumerate(self.trade_id) if trade_id not in trade_ids]
        return replace(
            self,
            trade_id=[self.trade_id[row] for row in kept],
            priced_by=[self.priced_by[row] for row in kept],
            measures={name: values[kept] for name, values in self.measures.items()},
        )

    def prepare(self, dialect_name: str, *, alone: bool) -> None:
        """Make now, before the store is locked, what the database and the change log will take.

        alone: whether these will be all values of their transaction, and their rows of the change log the whole table.
        """
        for column in self._floats.values():
            column.prepare(dialect_name)
        _ = self.logged if alone else self.logged_texts

    @cached_property
    def _floats(self) -> dict[str, FloatColumn]:
        return {name: FloatColumn(values) for name, values in self.measures.items()}

    @cached_property
    def logged_texts(self) -> tuple[pa.Array, pa.Array]:
        """Trade ids and engines as the change log has them."""
        return pa.array(self.trade_id, pa.string()), pa.array(self.priced_by, pa.string())

    @cached_property
    def logged(self) -> pa.Table:
        """All rows as the change log has them."""
        return _logged([self])

    def columns(self) -> dict[str, Any]:
        """By name: columns and lists a value a row, all else a value for all rows."""
        return {
            "risk_factor": self.risk_factor,
            "spot": self.spot,
            "observed_at": self.observed_at,
            "parameters_source": self.parameters_source,
            "trade_id": self.trade_id,
            "priced_by": self.priced_by,
            **self._floats,
        }


@dataclass(slots=True)
class ValuationRows:
    """What to write for one as-of date: the values of trades, and the trades that have none."""

    valued: list[ValuedTrades] = field(default_factory=list)
    failures: list[FailedTrade] = field(default_factory=list)

    def without(self, keys: Mapping[str, Collection[str]]) -> "ValuationRows":
        """The rows but for these: risk factor -> trades."""
        if not keys:
            return self
        return ValuationRows(
            [part.without(keys[part.risk_factor]) if part.risk_factor in keys else part for part in self.valued],
            [failure for failure in self.failures if failure[0] not in keys.get(failure[1], ())],
        )


def write_valuations(unit: WriteUnit, as_of: date, rows: ValuationRows) -> dict[str, pa.Table]:
    """Store values and failures of one as-of date: a trade has either a value or a failure, never both.

    Returns the changed rows as Arrow by table name, for the change log.
    """
    common = {"as_of_date": as_of, "source": str(Source.ENGINE), "revision": unit.revision}
    upsert_batches(unit.connection, sensitivities, [({**common, **part.columns()}, len(part)) for part in rows.valued])
    failed = rows.failures
    known_failures = failed_trades(
        unit.connection, as_of, {part.risk_factor for part in rows.valued} | {f[1] for f in failed}
    )
    if known_failures:
        fixed = [trade_id for part in rows.valued for trade_id in part.trade_id if trade_id in known_failures]
        forget_failures(unit, as_of, fixed)
    fresh = [f for f in failed if known_failures.get(f[0]) != f[2:]]
    upsert(
        unit.connection,
        pricing_failures,
        {
            "as_of_date": as_of,
            "trade_id": [f[0] for f in fresh],
            "risk_factor": [f[1] for f in fresh],
            "reason": [f[2] for f in fresh],
            "detail": [f[3] for f in fresh],
            "revision": unit.revision,
        },
        len(fresh),
    )
    by_risk_factor: dict[str, list[str]] = {}
    for trade_id, risk_factor, _, _ in fresh:
        by_risk_factor.setdefault(risk_factor, []).append(trade_id)
    for risk_factor, trade_ids in by_risk_factor.items():
        forget_values(unit, as_of, risk_factor, trade_ids)
    return {
        "sensitivities": rows.valued[0].logged if len(rows.valued) == 1 else _logged(rows.valued),
        "failures": pa.table(
            {
                "trade_id": pa.array([f[0] for f in fresh], pa.string()),
                "reason": pa.array([f[2] for f in fresh], pa.string()),
                "detail": pa.array([f[3] for f in fresh], pa.string()),
            }
        ),
    }


def _logged(valued: Sequence[ValuedTrades]) -> pa.Table:
    """All rows as one Arrow table; texts and times that repeat are dictionary encoded."""
    counts = [len(part) for part in valued]
    part_of_row = pa.array(np.repeat(np.arange(len(valued)), counts))

    def shared(name: str, kind: pa.DataType) -> pa.Array:
        return pa.array([getattr(part, name) for part in valued], kind).dictionary_encode().take(part_of_row)

    texts = [part.logged_texts for part in valued]
    trade_ids, engines = (pa.chunked_array([text[place] for text in texts], pa.string()) for place in (0, 1))
    return pa.table(
        {
            "trade_id": trade_ids.combine_chunks(),
            "risk_factor": shared("risk_factor", pa.string()),
            **{name: np.concatenate([np.empty(0), *(p.measures[name] for p in valued)]) for name in MEASURE_NAMES},
            "spot": np.repeat(np.array([part.spot for part in valued], np.float64), counts),
            "observed_at": shared("observed_at", pa.timestamp("us", "UTC")),
            "priced_by": engines.combine_chunks().dictionary_encode(),
            "parameters_source": shared("parameters_source", pa.string()),
        }
    )


def failed_trades(
    connection: Connection, as_of: date, risk_factors: Collection[str] | None = None
) -> dict[str, tuple[str, str]]:
    """Trade -> (reason, detail) of the trades without a value at a date, of all underlyings or of these."""
    if risk_factors is None or len(risk_factors) > _KEYS_A_STATEMENT:
        found = connection.execute(_FAILED, {"as_of": as_of})
    else:
        found = connection.execute(_FAILED_ON, {"as_of": as_of, "risk_factors": list(risk_factors)})
    return {row.trade_id: (row.reason, row.detail) for row in found}


def read_failures(connection: Connection, as_of: date) -> Mapping[str, list[str]]:
    """The trades without a value at a date, by column: trade_id, risk_factor, reason, detail."""
    names = ("trade_id", "risk_factor", "reason", "detail")
    query = select(*(pricing_failures.c[name] for name in names)).where(pricing_failures.c.as_of_date == as_of)
    rows = connection.execute(query).all()
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def forget_values(unit: WriteUnit, as_of: date, risk_factor: str | Sequence[str], trade_ids: Sequence[str]) -> None:
    """Take our values of trades off a date, because the trades are no longer what was valued.

    risk_factor: the underlying of all of them, or of each.
    """
    ours = {"as_of_date": as_of, "risk_factor": risk_factor, "trade_id": trade_ids, "source": str(Source.ENGINE)}
    remove(unit.connection, sensitivities, ours, len(trade_ids))


def forget_failures(unit: WriteUnit, as_of: date, trade_ids: Sequence[str]) -> None:
    """Take the reasons why trades have no value off a date, because the trades have changed."""
    remove(unit.connection, pricing_failures, {"as_of_date": as_of, "trade_id": trade_ids}, len(trade_ids))


def stored_values(connection: Connection, as_of: date, names: Sequence[str]) -> Sequence[Any]:
    """A row a sensitivity of a date: trade_id, priced_by, revision, then the columns of these names."""
    columns = (sensitivities.c[name] for name in ("trade_id", "priced_by", "revision", *names))
    return connection.execute(select(*columns).where(sensitivities.c.as_of_date == as_of)).all()


def valued_dates(connection: Connection) -> list[date]:
    """The as-of dates that have sensitivities, newest first."""
    return list(connection.execute(_valued_dates().order_by(_DATES.c.as_of_date.desc())).scalars())


def _step_down() -> CTE:
    """A step down the key for each date; DISTINCT would read every row of every date."""
    newest = select(func.max(sensitivities.c.as_of_date).label("as_of_date")).cte("dates", recursive=True)
    earlier = select(func.max(sensitivities.c.as_of_date)).where(sensitivities.c.as_of_date < newest.c.as_of_date)
    return newest.union_all(select(earlier.scalar_subquery()).where(newest.c.as_of_date.is_not(None)))


_DATES = _step_down()


def _valued_dates() -> Select[Any]:
    return select(_DATES.c.as_of_date).where(_DATES.c.as_of_date.is_not(None))


def _is_ours() -> ColumnElement[bool]:
    """Whether a date of ``_DATES`` has a sensitivity of ours."""
    of_date = sensitivities.c.as_of_date == _DATES.c.as_of_date
    return exists().where(of_date, sensitivities.c.source == Source.ENGINE)


def priced_dates(connection: Connection) -> list[date]:
    """The as-of dates that we priced: those with sensitivities of ours or failures, oldest first."""
    dates = union(_valued_dates().where(_is_ours()), select(pricing_failures.c.as_of_date).distinct())
    return sorted(connection.execute(dates).scalars())


def written_dates(connection: Connection, dates: Iterable[date], revision: int) -> list[date]:
    """Those of these dates that have a value or a failure which this revision or a later one wrote."""
    of_date = sensitivities.c.as_of_date == _DATES.c.as_of_date
    valued = _valued_dates().where(exists().where(of_date, sensitivities.c.revision >= revision))
    failed = select(pricing_failures.c.as_of_date).where(pricing_failures.c.revision >= revision)
    return sorted({*dates} & {*connection.execute(union(valued, failed)).scalars()})


def previous_priced_date(connection: Connection, as_of: date) -> date | None:
    """The as-of date whose values are the previous close of this one, or None.

    It is the newest earlier date that we priced: one that has nothing but a few reported rows is no close of the book.
    Only where we have priced no earlier date, the newest that was reported counts.
    """
    earlier = _valued_dates().where(_DATES.c.as_of_date < as_of)
    ours = earlier.where(_is_ours()).order_by(_DATES.c.as_of_date.desc()).limit(1)
    found: date | None = connection.execute(ours).scalar()
    if found is None:
        found = connection.execute(earlier.order_by(_DATES.c.as_of_date.desc()).limit(1)).scalar()
    return found


def counts(connection: Connection, as_of: date) -> Mapping[str, Any]:
    """``priced``: how many trades have a value at a date; ``not_priced``: reason -> how many have none."""
    priced = connection.execute(
        select(func.count(func.distinct(sensitivities.c.trade_id))).where(sensitivities.c.as_of_date == as_of)
    ).scalar_one()
    reasons = connection.execute(
        select(pricing_failures.c.reason, func.count())
        .where(pricing_failures.c.as_of_date == as_of)
        .group_by(pricing_failures.c.reason)
    )
    return {"priced": priced, "not_priced": {row[0]: row[1] for row in reasons}}


@dataclass(frozen=True, slots=True)
class TickerSums:
    """Sums over some trades on a ticker. values: a sum a measure, NaN where none is known. trades: that have values."""

    ticker: str
    values: tuple[float, ...]
    trades: int


def sums_by_ticker(
    connection: Connection, as_of: date, trade_ids: Sequence[str], measures: Sequence[str]
) -> list[TickerSums]:
    """The sums of these measures over trades at a date; of many trades a ticker has several."""
    found: list[TickerSums] = []
    for start in range(0, len(trade_ids), _KEYS_A_STATEMENT):
        sums = (func.sum(sensitivities.c[name]) for name in measures)
        query = (
            select(trades.c.ticker, func.count(func.distinct(trades.c.trade_id)), *sums)
            .join(trades, trades.c.trade_id == sensitivities.c.trade_id)
            .where(sensitivities.c.as_of_date == as_of)
            .where(sensitivities.c.trade_id.in_(trade_ids[start : start + _KEYS_A_STATEMENT]))
            .group_by(trades.c.ticker)
        )
        for ticker, count, *values in connection.execute(query):
            known = tuple(math.nan if value is None else float(value) for value in values)
            found.append(TickerSums(ticker, known, count))
    return found
