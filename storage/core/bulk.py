"""Upsert, insert and remove many rows fast, the same calls on both databases.

Most of the time goes into handing values to the database one by one. So a value that all rows of a batch share is
handed over once for many rows (SQLite) or once (PostgreSQL). PostgreSQL takes each other column as one array, and rows
that are new as one COPY.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy import JSON, BigInteger, Boolean, Column, Connection, Date, Float, Integer, LargeBinary, String, Table

from storage.core.column_arrays import FloatColumn, TextColumn
from storage.core.copy_rows import copy_rows
from storage.core.instants import UtcDateTime, to_driver

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

    columns: every column to write, as a list, array or ``FloatColumn`` of ``count`` values, or as one value for all
    rows. NaN in an array is stored as NULL; a column of JSON takes text. newer_by: a column; a row whose value there is
    older than the stored one is left alone. The keys must be unique among the rows.
    """
    upsert_batches(connection, table, [(columns, count)], newer_by=newer_by)


def upsert_batches(
    connection: Connection, table: Table, batches: Sequence[tuple[Columns, int]], *, newer_by: str | None = None
) -> None:
    """The same for several batches of rows, (columns, count) each; their shared values are in the same columns."""
    written = [(columns, count) for columns, count in batches if count]
    if not written:
        return
    if _takes_arrays(connection, written):
        _upsert_arrays(connection, table, written, newer_by)
    else:
        _write_rows(connection, table, written, newer_by, new=False)


def insert(connection: Connection, table: Table, columns: Columns, count: int) -> None:
    """Insert rows whose primary keys are not there: one that is there is an error. Columns are as in ``upsert``."""
    if not count:
        return
    if _takes_arrays(connection, [(columns, count)]):
        copy_rows(connection, table, [(columns, count)])
    else:
        _write_rows(connection, table, [(columns, count)], None, new=True)


def remove(connection: Connection, table: Table, columns: Columns, count: int) -> None:
    """Delete the rows that have these values, of as many columns as are given. Columns are as in ``upsert``."""
    if not count:
        return
    shared, varying = _parted(columns)
    batch = _batch(connection, table, columns, count)
    if _takes_arrays(connection, [(columns, count)]):
        connection.exec_driver_sql(_remove_sql(table, shared, varying), (*batch.shared, *batch.varying))
        return
    marker = "?" if connection.dialect.name == "sqlite" else "%s"
    same = " AND ".join(f"{name} = {marker}" for name in (*shared, *varying))
    connection.exec_driver_sql(f"DELETE FROM {table.name} WHERE {same}", list(_rows(batch, 0)))


def _parted(columns: Columns) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns that have one value for all rows, and the others."""
    shared = tuple(
        name for name, values in columns.items() if not isinstance(values, (list, tuple, np.ndarray, FloatColumn))
    )
    return shared, tuple(name for name in columns if name not in shared)


def _takes_arrays(connection: Connection, batches: Sequence[tuple[Columns, int]]) -> bool:
    if connection.dialect.name == "sqlite" or not _parted(batches[0][0])[1]:
        return False
    return sum(count for _, count in batches) >= _ARRAYS_FROM_ROWS


def _batch(connection: Connection, table: Table, columns: Columns, count: int) -> _Batch:
    shared, varying = _parted(columns)
    dialect = connection.dialect.name
    return _Batch(
        tuple(_driver_value(columns[name], table.c[name], dialect) for name in shared),
        tuple(_driver_column(columns[name], table.c[name], dialect) for name in varying),
        count,
    )


def _rows(batch: _Batch, start: int) -> Iterator[tuple[Any, ...]]:
    """The rows of a batch from one on: first what all share."""
    if not batch.varying:
        return iter([batch.shared] * (batch.count - start))
    columns = [column.tolist() if isinstance(column, (FloatColumn, TextColumn)) else column for column in batch.varying]
    return ((*batch.shared, *row) for row in zip(*(column[start:] for column in columns), strict=True))


def _write_rows(
    connection: Connection,
    table: Table,
    batches: Sequence[tuple[Columns, int]],
    newer_by: str | None,
    *,
    new: bool,
) -> None:
    """Row by row; in SQLite several a statement, with what all share once, and the rest one by one."""
    shared, varying = _parted(batches[0][0])
    dialect = connection.dialect.name
    rows_a_statement = _ROWS_A_STATEMENT if dialect == "sqlite" and varying else 0
    several: list[tuple[Any, ...]] = []
    single: list[tuple[Any, ...]] = []
    for columns, count in batches:
        batch = _batch(connection, table, columns, count)
        done = count - count % rows_a_statement if rows_a_statement else 0
        if done:
            values: list[Any] = [None] * (done * len(varying))
            for place, column in enumerate(batch.varying):
                plain = column.tolist() if isinstance(column, (FloatColumn, TextColumn)) else column
                values[place :: len(varying)] = plain[:done]
            width = rows_a_statement * len(varying)
            several += [(*batch.shared, *values[at : at + width]) for at in range(0, len(values), width)]
        single += _rows(batch, done)
    names = (*shared, *varying)
    if several:
        source = _rows_source(len(shared), len(varying), rows_a_statement)
        connection.exec_driver_sql(_insert_sql(table, names, newer_by, source, dialect, new), several)
    if single:
        source = f"VALUES ({', '.join(['?' if dialect == 'sqlite' else '%s'] * len(names))})"
        connection.exec_driver_sql(_insert_sql(table, names, newer_by, source, dialect, new), single)


def _upsert_arrays(
    connection: Connection, table: Table, batches: Sequence[tuple[Columns, int]], newer_by: str | None
) -> None:
    """PostgreSQL: rows that are known already are updated by a join; the rest is new.

    Nobody else writes meanwhile: every writer holds the row of the store's state.
    """
    shared, varying = _parted(batches[0][0])
    ready = [_batch(connection, table, columns, count) for columns, count in batches]
    values = [(*batch.shared, *batch.varying) for batch in ready]
    if newer_by is None:
        updated = connection.exec_driver_sql(_update_sql(table, shared, varying), values).rowcount
        if updated == sum(batch.count for batch in ready):
            return
        if not updated:
            copy_rows(connection, table, batches)
            return
    source = _arrays_source(table, shared, varying)
    names = (*shared, *varying)
    connection.exec_driver_sql(_insert_sql(table, names, newer_by, source, "postgresql", False), values)


@lru_cache(maxsize=256)
def _insert_sql(
    table: Table, names: tuple[str, ...], newer_by: str | None, source: str, dialect_name: str, new: bool
) -> str:
    keys = [column.name for column in table.primary_key.columns]
    into = f"INTO {table.name} ({', '.join(names)}) {source}"
    if new:
        return f"INSERT {into}"
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
def _remove_sql(table: Table, shared: tuple[str, ...], varying: tuple[str, ...]) -> str:
    same = " AND ".join(f"{table.name}.{name} = gone.{name}" for name in (*shared, *varying))
    return f"DELETE FROM {table.name} USING ({_arrays_source(table, shared, varying)}) AS gone WHERE {same}"


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
    if isinstance(value, FloatColumn):
        return value
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
