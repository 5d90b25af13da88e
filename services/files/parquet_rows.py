"""Rows of a Parquet file, in batches, after its own description has shown that it stays within bounds."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from services.files.csv_rows import too_large, too_many_columns, too_many_rows
from services.files.file_limits import FileLimits
from services.files.memory_bound import be_bound, bounded_memory
from services.records.faults import Fault
from services.records.how_many import grouped, how_many
from services.records.read_rows import Unreadable

MAGIC = b"PAR1"
_BATCH_ROWS = 5_000
_LARGEST_BATCH = 64_000_000
_LIES = Fault("unpacks to more than it says of itself", "write it again")
_CORRUPT = Fault("not a whole Parquet file", "write it again")


class ParquetRows:
    """An open Parquet file: the names of its columns, and its rows from 1.

    Raises Unreadable for what is corrupt or beyond the bounds; nothing but the description is read by then.
    """

    def __init__(self, path: Path, limits: FileLimits) -> None:
        if limits.memory_bytes is not None:
            be_bound()
        try:
            self._file = pq.ParquetFile(path, memory_map=False)
            self._metadata = self._file.metadata
            self._schema = self._file.schema_arrow
            self.names: list[str] = list(self._schema.names)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise Unreadable(1, _CORRUPT, "row") from error
        self._path, self._limits = path, limits
        try:
            if self._metadata.num_columns > limits.columns:
                many = too_many_columns(self._metadata.num_columns, limits.columns)
                raise Unreadable(1, Fault(many, "remove some"), "row")
            if self._metadata.num_rows > limits.rows:
                raise Unreadable(1, too_many_rows(self._metadata.num_rows, limits.rows), "row")
        except Unreadable:
            self.close()
            raise

    def close(self) -> None:
        self._file.close()

    def rows(self, wanted: Sequence[int]) -> Iterator[tuple[int, list[Any]]]:
        """(number, a value for each of these columns) of each row; values as Python has them, None where missing."""
        fields = [self._schema.field(position) for position in wanted]
        nested = [field.name for field in fields if pa.types.is_nested(field.type)]
        if nested:
            raise Unreadable(1, Fault(f"column {nested[0]} is nested", "it must have one value a row"), "row")
        # Texts stay as a dictionary: a text that a small file repeats a million times is in memory once.
        texts = [field.name for field in fields if _is_text(field.type)]
        number = 0
        try:
            self._check_unpacked({field.name for field in fields})
            with pq.ParquetFile(self._path, memory_map=False, read_dictionary=texts) as file:
                for batch in self._batches(file, [field.name for field in fields]):
                    if batch.nbytes > _LARGEST_BATCH:
                        many = f"{how_many(_BATCH_ROWS, 'row')} are more than {_LARGEST_BATCH / 1e6:.0f} MB"
                        raise Unreadable(number + 1, Fault(many, "shorten the texts"), "row")
                    batch.validate(full=True)  # a damaged file may point beyond its own texts
                    columns = [_values(batch.column(field.name), field.name, number + 1) for field in fields]
                    for values in zip(*columns, strict=True):
                        number += 1
                        yield number, list(values)
        except MemoryError as error:  # Arrow's own is an ArrowException, too
            raise Unreadable(number + 1, _LIES, "row") from error
        except (pa.ArrowException, OSError, ValueError) as error:
            raise Unreadable(number + 1, _CORRUPT, "row") from error

    def _batches(self, file: pq.ParquetFile, names: list[str]) -> Iterator[pa.RecordBatch]:
        """Its batches; what each page unpacks to is said by the page itself, so it is bounded while Arrow does it."""
        batches = file.iter_batches(_BATCH_ROWS, columns=names)
        while True:
            with bounded_memory(self._limits.memory_bytes):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    def _check_unpacked(self, names: set[str]) -> None:
        """Refuse what unpacks to more than a file may hold, by what the file says of itself."""
        total = 0
        for group in range(self._metadata.num_row_groups):
            described = self._metadata.row_group(group)
            for place in range(described.num_columns):
                column = described.column(place)
                if column.path_in_schema in names:
                    total += column.total_uncompressed_size
        if total > self._limits.bytes:
            raise Unreadable(1, too_large(self._limits.bytes, f"unpacks to {grouped(total / 1e6)} MB, "), "row")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _values(column: pa.Array, name: str, number: int) -> list[Any]:
    """A column of a batch as Python values."""
    try:
        if pa.types.is_dictionary(column.type):
            longest = pc.max(pc.binary_length(column.dictionary)).as_py() if _is_text(column.type.value_type) else None
            if longest is not None and len(column) < len(column.dictionary) and len(column) * longest <= _LARGEST_BATCH:
                return column.dictionary_decode().to_pylist()  # type: ignore[no-any-return]
            known = _values(column.dictionary, name, number)
            return [None if index is None else known[index] for index in column.indices.to_pylist()]
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
        elif pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            column = column.cast(pa.string())
        return column.to_pylist()  # type: ignore[no-any-return]
    except (pa.ArrowException, ValueError, OverflowError, KeyError) as error:
        reason = f"column {name} holds {column.type} values that cannot be read"
        raise Unreadable(number, Fault(reason, "write it as text, numbers or dates"), "row") from error
