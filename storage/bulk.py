"""Upsert many rows fast, the same call on both databases.

Most of the time goes into handing values to the database one by one. So a value that all rows of a batch share is
handed over once for many rows (SQLite) or once (PostgreSQL), and PostgreSQL takes each other column as one array.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy import JSON, BigInteger, Boolean, Column, Connection, Date, Float, Integer, LargeBinary, String, Table

from storage.column_arrays import FloatColumn, TextColumn
from storage.instants import UtcDateTime, to_driver

Columns = Mapping[str, Any]

_ROWS_A_STATEMENT = 32
"""How many rows one SQLite statement takes: with more it is not faster, only larger."""
_ARRAYS_FROM_ROWS = 50
"""Below this many rows PostgreSQL takes a pipelined executemany as soon as arrays."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows as the raw driver takes them: values that all share, and the other columns."""

    shared: tuple[Any, ...]
    varying: tuple[Any, ...]
    count: int


def upsert(
    connection: Connection,
    table: Table,
    columns: Columns,
    count: int,
    *,
    newer_by: str | None = None,
) -> None:
    """Insert rows, or overwrite those whose primary key is known.

    columns: every column to write, as a list or array of ``count`` values, or as one value for all rows. NaN in an
    array is stored as NULL; a column of JSON takes text. newer_by: a column; a row whose value there is older than the
    stored one is left alone. The keys must be unique among the rows.
    """
    upsert_batches(connection, table, [(columns, count)], newer_by=newer_by)


def upsert_batches(
    connection: Connection, table: Table, batches: Sequence[tuple[Columns, int]], *, newer_by: str | None = None
) -> None:
    """The same for several batches of rows, (columns, count) each; their shared values are in the same columns."""
    written = [(columns, count) for columns, count in batches if count]
    if not written:
        return
    first = written[0][0]
    shared = tuple(name for name in first if not isinstance(first[name], (list, tuple, np.ndarray)))
    varying = tuple(name for name in first if name not in shared)
    dialect = connection.dialect.name
    ready = [
        _Batch(
            tuple(_driver_value(columns[name], table.c[name], dialect) for name in shared),
            tuple(_driver_column(columns[name], table.c[name], dialect) for name in varying),
            count,
        )
        for columns, count in written
    ]
    if dialect == "sqlite":
        _upsert_rows(connection, table, shared, varying, ready, newer_by, "?", _ROWS_A_STATEMENT if varying else 0)
    elif varying and sum(batch.count for batch in ready) >= _ARRAYS_FROM_ROWS:
        _upsert_arrays(connection, table, shared, varying, ready, newer_by)
    else:
        _upsert_rows(connection, table, shared, varying, ready, newer_by, "%s", 0)


def _upsert_rows(
    connection: Connection,
    table: Table,
    shared: tuple[str, ...],
    varying: tuple[str, ...],
    batches: Sequence[_Batch],
    newer_by: str | None,
    marker: str,
    rows_a_statement: int,
) -> None:
    """Several rows a statement with the shared values once, unless rows_a_statement is 0; the rest one by one."""
    dialect = connection.dialect.name
    several: list[tuple[Any, ...]] = []
    single: list[tuple[Any, ...]] = []
    for batch in batches:
        columns = [c.tolist() if isinstance(c, (FloatColumn, TextColumn)) else c for c in batch.varying]
        done = batch.count - batch.count % rows_a_statement if rows_a_statement else 0
        if done:
            values: list[Any] = [None] * (done * len(columns))
            for place, column in enumerate(columns):
                values[place :: len(columns)] = column[:done]
            width = rows_a_statement * len(columns)
            several += [(*batch.shared, *values[at : at + width]) for at in range(0, len(values), width)]
        rest = zip(*(column[done:] for column in columns), strict=True) if columns else [()] * batch.count
        single += [(*batch.shared, *row) for row in rest]
    names = (*shared, *varying)
    if several:
        source = _rows_source(len(shared), len(varying), rows_a_statement)
        connection.exec_driver_sql(_insert_sql(table, names, newer_by, source, dialect), several)
    if single:
        source = f"VALUES ({', '.join([marker] * len(names))})"
        connection.exec_driver_sql(_insert_sql(table, names, newer_by, source, dialect), single)


def _upsert_arrays(
    connection: Connection,
    table: Table,
    shared: tuple[str, ...],
    varying: tuple[str, ...],
    batches: Sequence[_Batch],
    newer_by: str | None,
) -> None:
    """PostgreSQL: the varying columns as arrays. Rows that are known already are updated by a join; the rest is new.

    Nobody else writes meanwhile: every writer holds the row of the store's state.
    """
    values = [(*batch.shared, *batch.varying) for batch in batches]
    if newer_by is None:
        updated = connection.exec_driver_sql(_update_sql(table, shared, varying), values).rowcount
        if updated == sum(batch.count for batch in batches):
            return
    source = _arrays_source(table, shared, varying)
    connection.exec_driver_sql(_insert_sql(table, (*shared, *varying), newer_by, source, "postgresql"), values)


@lru_cache(maxsize=256)
def _insert_sql(table: Table, names: tuple[str, ...], newer_by: str | None, source: str, dialect_name: str) -> str:
    keys = [column.name for column in table.primary_key.columns]
    into = f"INTO {table.name} ({', '.join(names)}) {source}"
    if dialect_name == "sqlite" and newer_by is None and _replaces_whole_rows(table, names):
        return f"INSERT OR REPLACE {into}"
    updates = ", ".join(f"{name} = excluded.{name}" for name in names if name not in keys)
    # SQLite cannot parse ON CONFLICT after a SELECT without a WHERE.
    select_end = " WHERE true" if source.startswith("SELECT") else ""
    action = f"UPDATE SET {updates}" if updates else "NOTHING"
    guard = f" WHERE excluded.{newer_by} >= {table.name}.{newer_by}" if newer_by and updates else ""
    return f"INSERT {into}{select_end} ON CONFLICT ({', '.join(keys)}) DO {action}{guard}"


def _replaces_whole_rows(table: Table, names: tuple[str, ...]) -> bool:
    """Whether to overwrite is to replace: all columns are given, and SQLite keeps the rows in the key itself.

    There it neither looks for a conflict nor deletes a row: one descent, and the new row lies where the old one lay.
    """
    has_rowid = table.dialect_options["sqlite"]["with_rowid"]
    return not has_rowid and not table.indexes and set(names) == set(table.c.keys())


@lru_cache(maxsize=256)
def _rows_source(shared: int, varying: int, rows: int) -> str:
    """Several rows for SQLite: the shared values first, then the others row by row."""
    selected = [*["?"] * shared, *(f"column{i + 1}" for i in range(varying))]
    row = f"({', '.join(['?'] * varying)})"
    return f"SELECT {', '.join(selected)} FROM (VALUES {', '.join([row] * rows)})"


@lru_cache(maxsize=256)
def _update_sql(table: Table, shared: tuple[str, ...], varying: tuple[str, ...]) -> str:
    keys = [column.name for column in table.primary_key.columns]
    updates = [f"{name} = fresh.{name}" for name in (*shared, *varying) if name not in keys]
    same = " AND ".join(f"{table.name}.{name} = fresh.{name}" for name in keys)
    source = _arrays_source(table, shared, varying)
    return f"UPDATE {table.name} SET {', '.join(updates)} FROM ({source}) AS fresh WHERE {same}"


@lru_cache(maxsize=256)
def _arrays_source(table: Table, shared: tuple[str, ...], varying: tuple[str, ...]) -> str:
    """Several rows for PostgreSQL: the shared values first, then an array a column."""
    selected = [*(f"%s::{_type(table.c[name])} AS {name}" for name in shared), *varying]
    arrays = ", ".join(f"%s::{_type(table.c[name])}[]" for name in varying)
    return f"SELECT {', '.join(selected)} FROM unnest({arrays}) AS rows ({', '.join(varying)})"


def _driver_value(value: Any, column: Column[Any], dialect_name: str) -> Any:
    """One value as the raw driver takes it."""
    return to_driver(value, dialect_name) if isinstance(column.type, (Date, UtcDateTime)) else value


def _driver_column(value: Any, column: Column[Any], dialect_name: str) -> Any:
    """One column as the raw driver takes it: a list, or floats and texts in a column that knows both forms."""
    if isinstance(value, np.ndarray):
        return FloatColumn(value) if value.dtype.kind == "f" else value.tolist()
    if isinstance(column.type, (Date, UtcDateTime)):
        # A tick has few instants and many rows.
        converted = {item: to_driver(item, dialect_name) for item in set(value)}
        return [converted[item] for item in value]
    if dialect_name == "postgresql" and isinstance(column.type, Float):
        return FloatColumn(np.array(value, np.float64))
    if dialect_name == "postgresql" and isinstance(column.type, (String, JSON)):
        return TextColumn(value)
    return value if isinstance(value, list) else list(value)


def _type(column: Column[Any]) -> str:
    kinds: tuple[tuple[type, str], ...] = (
        (BigInteger, "bigint"),
        (Integer, "integer"),
        (Boolean, "boolean"),
        (Float, "float8"),
        (Date, "date"),
        (LargeBinary, "bytea"),
        (UtcDateTime, "timestamptz"),
        (JSON, "json"),
    )
    return next((name for kind, name in kinds if isinstance(column.type, kind)), "varchar")
