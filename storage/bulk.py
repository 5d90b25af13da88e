"""Upsert many rows fast, the same call on both databases: raw executemany on SQLite, binary COPY on PostgreSQL."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, Boolean, Column, Connection, Date, Float, Integer, LargeBinary, Table

from storage.schema import UtcDateTime, to_driver

_COPY_FROM_ROWS = 100
"""Below this many rows PostgreSQL takes a pipelined executemany sooner than a COPY through a temporary table."""


def upsert(
    connection: Connection,
    table: Table,
    columns: Mapping[str, Any],
    count: int,
    *,
    newer_by: str | None = None,
) -> None:
    """Insert rows, or overwrite those whose primary key is known.

    columns: every column to write, as a sequence or float array of ``count`` values, or as one value for all rows.
    NaN is stored as NULL. newer_by: a column; a row whose value there is older than the stored one is left alone.
    The keys must be unique among the rows.
    """
    if count == 0:
        return
    names = tuple(columns)
    dialect = connection.dialect.name
    rows = zip(*(_driver_values(columns[name], count, table.c[name], dialect) for name in names), strict=True)
    if dialect == "sqlite" or count < _COPY_FROM_ROWS:
        marker = "?" if dialect == "sqlite" else "%s"
        values = f"VALUES ({', '.join([marker] * len(names))})"
        connection.exec_driver_sql(_upsert_sql(table, names, newer_by, values), list(rows))
        return
    stage = f"stage_{table.name}"
    listed = ", ".join(names)
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {stage} (LIKE {table.name}) ON COMMIT DELETE ROWS"
    )
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {stage} ({listed}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types([_copy_type(table.c[name]) for name in names])
        for row in rows:
            copy.write_row(row)
    connection.exec_driver_sql(_upsert_sql(table, names, newer_by, f"SELECT {listed} FROM {stage}"))
    connection.exec_driver_sql(f"DELETE FROM {stage}")


@lru_cache(maxsize=64)
def _upsert_sql(table: Table, names: tuple[str, ...], newer_by: str | None, values: str) -> str:
    keys = [column.name for column in table.primary_key.columns]
    updates = ", ".join(f"{name} = excluded.{name}" for name in names if name not in keys)
    # SQLite cannot parse ON CONFLICT after a SELECT without a WHERE.
    select_end = " WHERE true" if values.startswith("SELECT") else ""
    action = f"UPDATE SET {updates}" if updates else "NOTHING"
    guard = f" WHERE excluded.{newer_by} >= {table.name}.{newer_by}" if newer_by and updates else ""
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) {values}{select_end} "
        f"ON CONFLICT ({', '.join(keys)}) DO {action}{guard}"
    )


def _driver_values(value: Any, count: int, column: Column[Any], dialect_name: str) -> Any:
    """One column as the raw driver takes it: a sequence of ``count`` values."""
    if isinstance(value, np.ndarray):
        plain = value.tolist()
        if value.dtype.kind == "f" and np.isnan(value).any():
            return [None if item != item else item for item in plain]
        return plain
    timed = isinstance(column.type, (Date, UtcDateTime))
    if isinstance(value, Sequence) and not isinstance(value, str):
        if not timed:
            return value
        # A tick has few instants and many rows.
        converted = {item: to_driver(item, dialect_name) for item in set(value)}
        return [converted[item] for item in value]
    return repeat(to_driver(value, dialect_name) if timed else value, count)


def _copy_type(column: Column[Any]) -> str:
    kinds: tuple[tuple[type, str], ...] = (
        (BigInteger, "int8"),
        (Integer, "int4"),
        (Boolean, "bool"),
        (Float, "float8"),
        (Date, "date"),
        (LargeBinary, "bytea"),
        (UtcDateTime, "timestamptz"),
    )
    return next((name for kind, name in kinds if isinstance(column.type, kind)), "varchar")
