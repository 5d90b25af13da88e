"""New rows on their way into PostgreSQL: all of them as one COPY."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.csv as arrow_csv
from sqlalchemy import BigInteger, Boolean, Column, Connection, Date, Float, Integer, LargeBinary, Table
from sqlalchemy.exc import DBAPIError

from storage.connection.faults import as_store_fault
from storage.core.column_arrays import FloatColumn
from storage.core.instants import UtcDateTime

_BLOCK = 1 << 20
_ARROW_TYPES: tuple[tuple[type, pa.DataType], ...] = (
    (BigInteger, pa.int64()),
    (Integer, pa.int32()),
    (Boolean, pa.bool_()),
    (Float, pa.float64()),
    (Date, pa.date32()),
    (UtcDateTime, pa.timestamp("us", "UTC")),
    (LargeBinary, pa.null()),  # has no form in this CSV
)
"""All else is a text."""


def copy_rows(connection: Connection, table: Table, batches: Sequence[tuple[Mapping[str, Any], int]]) -> None:
    """Insert rows, (columns, count) of each batch as in ``storage.core.bulk``; a key that is there already is an error.

    Arrow writes CSV of them. It puts every text in quotes and leaves a missing value without, which is how COPY tells
    an empty text from NULL; and it gives a float the digits that bring back every bit.
    """
    names = list(batches[0][0])
    rows = pa.concat_tables([_arrow_table(table, names, columns, count) for columns, count in batches])
    sink = pa.BufferOutputStream()
    arrow_csv.write_csv(rows, sink, arrow_csv.WriteOptions(include_header=False))
    data = memoryview(sink.getvalue())
    sql = f"COPY {table.name} ({', '.join(names)}) FROM STDIN (FORMAT csv)"
    driver: Any = connection.connection.dbapi_connection
    try:
        with driver.cursor() as cursor, cursor.copy(sql) as copy:
            for start in range(0, len(data), _BLOCK):
                copy.write(data[start : start + _BLOCK])
    except psycopg.Error as error:  # in SQLAlchemy's words, which is what callers wait for
        known = DBAPIError.instance(
            sql, None, error, psycopg.Error, connection_invalidated=driver.closed, dialect=connection.dialect
        )
        raise as_store_fault(known) from error


def _arrow_table(table: Table, names: Sequence[str], columns: Mapping[str, Any], count: int) -> pa.Table:
    return pa.table({name: _arrow(columns[name], table.c[name], count) for name in names})


def _arrow(values: Any, column: Column[Any], count: int) -> pa.Array:
    """A column of rows: a value each, or one for all. NaN in an array is missing."""
    kind = next((kind for known, kind in _ARROW_TYPES if isinstance(column.type, known)), pa.string())
    if isinstance(values, FloatColumn):
        values = values.values
    if isinstance(values, (list, tuple, np.ndarray)):
        return pa.array(values, kind, from_pandas=True)
    return pa.repeat(pa.scalar(values, kind), count)
