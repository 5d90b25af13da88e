"""Sensitivities that somebody else computed: written into the same table as ours, with their source."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection, delete, select

from engine.measures import MEASURE_NAMES
from engine.model import Source
from storage.core.bulk import upsert
from storage.core.database import WriteUnit
from storage.core.schema import pricing_failures, sensitivities

_KEYS_A_STATEMENT = 500

Key = tuple[str, str]
"""Risk factor and trade."""


@dataclass(frozen=True, slots=True)
class WrittenReported:
    """How many rows were new and changed, and those rows for the change log."""

    new: int
    changed: int
    logged: pa.Table


def write_reported(unit: WriteUnit, as_of: date, rows: Mapping[Key, Mapping[str, Any]], source: str) -> WrittenReported:
    """Upsert the rows of one date; what is stored alike is left alone. A measure that a row lacks is not known.

    A row takes the place of ours with the same key, and of the reason why its trade had no value.
    """
    known = _known(unit.connection, as_of, rows)
    fresh = {
        key: values
        for key, record in rows.items()
        if known.get(key) != (source, values := tuple(record.get(name) for name in MEASURE_NAMES))
    }
    new = sum(key not in known for key in fresh)
    keys = list(fresh)
    table = np.array(list(fresh.values()), dtype=np.float64).reshape(len(keys), len(MEASURE_NAMES))
    shared = {
        "spot": np.full(len(keys), np.nan),
        "observed_at": datetime.combine(as_of, time.min, UTC),
        "priced_by": source,
        "parameters_source": "",
    }
    columns: dict[str, Any] = {
        "risk_factor": [risk_factor for risk_factor, _ in keys],
        "trade_id": [trade_id for _, trade_id in keys],
        **{name: table[:, i].copy() for i, name in enumerate(MEASURE_NAMES)},
        **shared,
    }
    stored = {"as_of_date": as_of, **columns, "source": source, "revision": unit.revision}
    upsert(unit.connection, sensitivities, stored, len(keys))
    for risk_factor, trade_ids in _by_risk_factor(keys).items():
        for start in range(0, len(trade_ids), _KEYS_A_STATEMENT):
            unit.connection.execute(
                delete(pricing_failures).where(
                    pricing_failures.c.as_of_date == as_of,
                    pricing_failures.c.trade_id.in_(trade_ids[start : start + _KEYS_A_STATEMENT]),
                    pricing_failures.c.risk_factor == risk_factor,
                )
            )
    return WrittenReported(new, len(keys) - new, _logged(columns, len(keys)))


def reported_keys(connection: Connection, as_of: date) -> dict[str, set[str]]:
    """Risk factor -> the trades whose sensitivity to it at a date was reported."""
    query = select(sensitivities.c.risk_factor, sensitivities.c.trade_id).where(
        sensitivities.c.as_of_date == as_of, sensitivities.c.source != Source.ENGINE
    )
    found: dict[str, set[str]] = {}
    for risk_factor, trade_id in connection.execute(query):
        found.setdefault(risk_factor, set()).add(trade_id)
    return found


def _known(connection: Connection, as_of: date, keys: Mapping[Key, Any]) -> dict[Key, tuple[str, tuple[Any, ...]]]:
    """Key -> source and measures of the rows that are stored."""
    table = sensitivities.c
    columns = [table.risk_factor, table.trade_id, table.source, *(table[name] for name in MEASURE_NAMES)]
    found: dict[Key, tuple[str, tuple[Any, ...]]] = {}
    for risk_factor, trade_ids in _by_risk_factor(list(keys)).items():
        for start in range(0, len(trade_ids), _KEYS_A_STATEMENT):
            some = trade_ids[start : start + _KEYS_A_STATEMENT]
            query = select(*columns).where(
                table.as_of_date == as_of, table.risk_factor == risk_factor, table.trade_id.in_(some)
            )
            found |= {(row[0], row[1]): (row[2], tuple(row[3:])) for row in connection.execute(query)}
    return found


def _by_risk_factor(keys: list[Key]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for risk_factor, trade_id in keys:
        found.setdefault(risk_factor, []).append(trade_id)
    return found


def _logged(columns: Mapping[str, Any], count: int) -> pa.Table:
    """As the log has our own rows."""
    return pa.table(
        {
            "trade_id": pa.array(columns["trade_id"], pa.string()),
            "risk_factor": pa.array(columns["risk_factor"], pa.string()),
            **{name: columns[name] for name in MEASURE_NAMES},
            "spot": columns["spot"],
            "observed_at": pa.repeat(pa.scalar(columns["observed_at"], pa.timestamp("us", "UTC")), count),
            "priced_by": pa.repeat(pa.scalar(columns["priced_by"], pa.string()), count),
            "parameters_source": pa.repeat(pa.scalar("", pa.string()), count),
        }
    )
