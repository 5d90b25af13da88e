"""Floats and texts on their way to a database: a list for SQLite, one binary array for PostgreSQL.

The driver writes an array value by value as text, and a text with quotes in it, as JSON is, letter by letter.
"""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.adapt import Dumper
from psycopg.pq import Format

_FLOAT8, _FLOAT8_ARRAY = 701, 1022
_TEXT, _TEXT_ARRAY = 25, 1009
_NULL = struct.pack(">i", -1)
_VALUE = np.dtype([("length", ">i4"), ("value", ">f8")])


class FloatColumn:
    """A column of floats; NaN is NULL. What a driver takes is made once: before the transaction, where that pays."""

    __slots__ = ("_array", "_list", "_values")

    def __init__(self, values: NDArray[np.floating[Any]]) -> None:
        self._values = values
        self._list: list[float | None] | None = None
        self._array: bytes | None = None

    @property
    def values(self) -> NDArray[np.floating[Any]]:
        """The floats, NaN where there is none."""
        return self._values

    def prepare(self, dialect_name: str) -> None:
        """Make what the driver of a database will take."""
        if dialect_name == "sqlite":
            self.tolist()
        else:
            self.postgresql_array()

    def tolist(self) -> list[float | None]:
        if self._list is None:
            plain: list[float | None] = self._values.tolist()
            has_missing = np.isnan(self._values).any()
            self._list = [None if item != item else item for item in plain] if has_missing else plain
        return self._list

    def postgresql_array(self) -> bytes:
        """The float8[] in PostgreSQL's binary format.

        A header of five 32-bit integers (dimensions, whether NULLs occur, type, length, lower bound), then for each
        value its length in bytes and itself, or the length -1 for a NULL.
        """
        if self._array is None:
            self._array = self._binary_array()
        return self._array

    def _binary_array(self) -> bytes:
        count = len(self._values)
        body = np.empty(count, _VALUE)
        body["length"], body["value"] = 8, self._values
        missing = np.flatnonzero(np.isnan(self._values))
        raw = body.tobytes()
        if len(missing):
            null = np.array([-1], ">i4").tobytes()
            absent = set(missing.tolist())
            size = _VALUE.itemsize
            raw = b"".join(null if i in absent else raw[i * size : (i + 1) * size] for i in range(count))
        return struct.pack(">5i", 1 if count else 0, len(missing) > 0, _FLOAT8, count, 1) + raw


class TextColumn:
    """A column of texts; None is NULL."""

    __slots__ = ("_values",)

    def __init__(self, values: Sequence[str | None]) -> None:
        self._values = values

    def tolist(self) -> list[str | None]:
        return list(self._values)

    def postgresql_array(self) -> bytes:
        """The text[] in PostgreSQL's binary format, built as that of floats is."""
        count = len(self._values)
        parts = [struct.pack(">5i", 1 if count else 0, None in self._values, _TEXT, count, 1)]
        for value in self._values:
            if value is None:
                parts.append(_NULL)
            else:
                encoded = value.encode()
                parts += (struct.pack(">i", len(encoded)), encoded)
        return b"".join(parts)


class _FloatColumnDumper(Dumper):
    format = Format.BINARY
    oid = _FLOAT8_ARRAY

    def dump(self, obj: FloatColumn) -> bytes:
        return obj.postgresql_array()


class _TextColumnDumper(Dumper):
    format = Format.BINARY
    oid = _TEXT_ARRAY

    def dump(self, obj: TextColumn) -> bytes:
        return obj.postgresql_array()


psycopg.adapters.register_dumper(FloatColumn, _FloatColumnDumper)
psycopg.adapters.register_dumper(TextColumn, _TextColumnDumper)
