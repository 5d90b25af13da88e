"""Sensitivities and the trades without a value, as they are written and found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, delete, func, select

from engine.contracts import FloatArray
from engine.measures import MEASURE_NAMES
from engine.model import Source
from storage.bulk import upsert
from storage.change_log import arrow_table
from storage.database import WriteUnit
from storage.schema import pricing_failures, sensitivities

_KEYS_A_STATEMENT = 500


@dataclass(slots=True)
class ValuationRows:
    """Rows to write for one as-of date: the values of trades, and the trades that have none.

    measures: name -> array; all columns have one length. failures: (trade id, risk factor, reason, detail).
    """

    trade_id: list[str] = field(default_factory=list)
    risk_factor: list[str] = field(default_factory=list)
    spot: list[float] = field(default_factory=list)
    observed_at: list[datetime] = field(default_factory=list)
    priced_by: list[str] = field(default_factory=list)
    parameters_source: list[str] = field(default_factory=list)
    measures: dict[str, list[FloatArray]] = field(default_factory=lambda: {name: [] for name in MEASURE_NAMES})
    failures: list[tuple[str, str, str, str]] = field(default_factory=list)

    def columns(self) -> dict[str, Any]:
        """The columns by name, measures joined into one array each."""
        return {
            "trade_id": self.trade_id,
            "risk_factor": self.risk_factor,
            **{n: np.concatenate(parts) if parts else np.empty(0) for n, parts in self.measures.items()},
            "spot": self.spot,
            "observed_at": self.observed_at,
            "priced_by": self.priced_by,
            "parameters_source": self.parameters_source,
        }


def write_valuations(unit: WriteUnit, as_of: date, rows: ValuationRows) -> dict[str, pa.Table]:
    """Store values and failures of one as-of date: a trade has either a value or a failure, never both.

    Returns the changed rows as Arrow by table name, for the change log.
    """
    columns = rows.columns()
    count = len(rows.trade_id)
    common = {"as_of_date": as_of, "source": str(Source.ENGINE), "revision": unit.revision}
    upsert(unit.connection, sensitivities, {**common, **columns}, count)
    failed = rows.failures
    known_failures = failed_trades(unit.connection, as_of)
    mended = [trade_id for trade_id in rows.trade_id if trade_id in known_failures]
    _delete(unit.connection, pricing_failures, as_of, mended)
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
    _delete(unit.connection, sensitivities, as_of, [f[0] for f in fresh])
    return {
        "sensitivities": arrow_table(columns, count),
        "failures": pa.table(
            {
                "trade_id": pa.array([f[0] for f in fresh], pa.string()),
                "reason": pa.array([f[2] for f in fresh], pa.string()),
                "detail": pa.array([f[3] for f in fresh], pa.string()),
            }
        ),
    }


def failed_trades(connection: Connection, as_of: date) -> dict[str, tuple[str, str]]:
    """Trade -> (reason, detail) of the trades without a value at a date."""
    query = select(pricing_failures).where(pricing_failures.c.as_of_date == as_of)
    return {row.trade_id: (row.reason, row.detail) for row in connection.execute(query)}


def forget_values(unit: WriteUnit, as_of: date, trade_ids: Sequence[str]) -> None:
    """Take the values of trades off a date, because they are about to be priced anew."""
    _delete(unit.connection, sensitivities, as_of, trade_ids)


def forget_failures(unit: WriteUnit, as_of: date, trade_ids: Sequence[str]) -> None:
    """Take the reasons why trades have no value off a date, because the trades have changed."""
    _delete(unit.connection, pricing_failures, as_of, trade_ids)


def priced_dates(connection: Connection) -> list[date]:
    """The as-of dates that have sensitivities or failures, oldest first."""
    dates = set(connection.execute(select(sensitivities.c.as_of_date).distinct()).scalars())
    dates |= set(connection.execute(select(pricing_failures.c.as_of_date).distinct()).scalars())
    return sorted(dates)


def previous_priced_date(connection: Connection, as_of: date) -> date | None:
    """The as-of date whose values are the previous close of this one, or None."""
    return connection.execute(
        select(func.max(sensitivities.c.as_of_date)).where(sensitivities.c.as_of_date < as_of)
    ).scalar()


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


def _delete(connection: Connection, table: Any, as_of: date, trade_ids: Sequence[str]) -> None:
    for start in range(0, len(trade_ids), _KEYS_A_STATEMENT):
        some = trade_ids[start : start + _KEYS_A_STATEMENT]
        connection.execute(delete(table).where(table.c.as_of_date == as_of, table.c.trade_id.in_(some)))
