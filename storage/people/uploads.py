"""Uploads in the store: what a file's rows were before, every batch with its rows, and saved column mappings."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, tuple_, update

from storage.book.records import RECORD_TABLES
from storage.core.bulk import insert as insert_rows
from storage.core.bulk import remove, upsert
from storage.core.database import WriteUnit
from storage.core.desk_schema import audit_entries, column_mappings, upload_batches, upload_rows
from storage.core.schema import loaded_files, quotes, sensitivities

Key = tuple[Any, ...]
Row = dict[str, Any]

UPLOAD_TABLES: dict[str, Table] = {**RECORD_TABLES, "quotes": quotes, "sensitivities": sensitivities}
"""Kind of row -> the table of its newest rows."""
_KEYS_A_QUERY = 500
_KEYS_ONE_BY_ONE = 5_000
"""Beyond so many keys the whole table is read: that is faster than to ask for each."""
_NEWEST = 200


@dataclass(frozen=True, slots=True)
class UploadBatch:
    """An upload that changed something. counts: what became of the rows, by word."""

    batch_id: int
    uploaded_at: datetime
    user_name: str
    file_name: str
    content_hash: str
    kind: str
    mode: str
    counts: dict[str, int]
    revision: int
    undone_at: datetime | None
    undone_by: str | None


@dataclass(frozen=True, slots=True)
class UploadedRow:
    """A row that an upload wrote: its key as the parts that it is made of, its line, and what stood there before."""

    key: Key
    line: int
    previous: Row | None


@dataclass(frozen=True, slots=True)
class SavedMapping:
    """How the columns of somebody's files are called here. columns: column of the file -> ours."""

    mapping: str
    kind: str
    columns: dict[str, str]
    saved_by: str
    saved_at: datetime


def stored_rows(connection: Connection, table: Table, keys: Collection[Key]) -> dict[Key, Row]:
    """Key -> the whole row that is stored, for those of these keys that are there."""
    names = [column.name for column in table.columns]
    key_columns = list(table.primary_key.columns)
    places = [names.index(column.name) for column in key_columns]
    found: dict[Key, Row] = {}
    wanted = list(keys)
    if len(wanted) > _KEYS_ONE_BY_ONE:
        known = set(wanted)
        query = select(table)
        if "as_of_date" in table.c and key_columns[0].name == "as_of_date":
            query = query.where(table.c.as_of_date.in_(sorted({key[0] for key in known})[:_KEYS_ONE_BY_ONE]))
        for row in connection.execute(query.execution_options(yield_per=1000)):
            key = tuple([row[place] for place in places])
            if key in known:
                found[key] = dict(zip(names, row, strict=True))
        return found
    for start in range(0, len(wanted), _KEYS_A_QUERY):
        some = wanted[start : start + _KEYS_A_QUERY]
        one = key_columns[0].in_([key[0] for key in some])
        condition = one if len(key_columns) == 1 else tuple_(*key_columns).in_(some)
        for row in connection.execute(select(table).where(condition)):
            found[tuple([row[place] for place in places])] = dict(zip(names, row, strict=True))
    return found


def write_batch(
    unit: WriteUnit,
    batch: UploadBatch,
    rows: Sequence[UploadedRow],
) -> int:
    """Note an upload in the transaction of its rows; returns its number. batch: number, time, revision do not count."""
    values = {
        "uploaded_at": unit.now,
        "user_name": batch.user_name,
        "file_name": batch.file_name,
        "content_hash": batch.content_hash,
        "kind": batch.kind,
        "mode": batch.mode,
        "counts": batch.counts,
        "revision": unit.revision,
    }
    batch_id: int = unit.connection.execute(
        insert(upload_batches).values(values).returning(upload_batches.c.batch_id)
    ).scalar_one()
    columns = {
        "batch_id": batch_id,
        "record_key": [_key_text(row.key) for row in rows],
        "line": [row.line for row in rows],
        "previous": [None if row.previous is None else _encoded(row.previous) for row in rows],
    }
    insert_rows(unit.connection, upload_rows, columns, len(rows))
    return batch_id


def read_batches(connection: Connection, *, content_hash: str | None = None, limit: int = _NEWEST) -> list[UploadBatch]:
    """The newest uploads first; content_hash: those of one content."""
    query = select(upload_batches).order_by(upload_batches.c.batch_id.desc()).limit(limit)
    if content_hash is not None:
        query = query.where(upload_batches.c.content_hash == content_hash)
    return [UploadBatch(**row) for row in connection.execute(query).mappings()]


def read_batch(connection: Connection, batch_id: int) -> UploadBatch | None:
    row = connection.execute(select(upload_batches).where(upload_batches.c.batch_id == batch_id)).mappings().first()
    return None if row is None else UploadBatch(**row)


def read_uploaded_rows(connection: Connection, batch_id: int) -> list[UploadedRow]:
    """The rows that an upload wrote, in the order of the file."""
    query = select(upload_rows).where(upload_rows.c.batch_id == batch_id).order_by(upload_rows.c.line)
    found = connection.execute(query.order_by(upload_rows.c.record_key)).all()
    keys = json.loads(f"[{','.join([row.record_key for row in found])}]")  # at once: each by itself is much slower
    return [
        UploadedRow(tuple(map(_revived, key)), row.line, _revived(row.previous))
        for key, row in zip(keys, found, strict=True)
    ]


def mark_undone(unit: WriteUnit, batch_id: int, user_name: str) -> bool:
    """Note that an upload was taken back; False when it was already."""
    mark = update(upload_batches).where(upload_batches.c.batch_id == batch_id, upload_batches.c.undone_at.is_(None))
    return unit.connection.execute(mark.values(undone_at=unit.now, undone_by=user_name)).rowcount == 1


def restore_rows(unit: WriteUnit, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put whole rows back as they were, their source and revision too."""
    columns = {column.name: [row[column.name] for row in rows] for column in table.columns}
    upsert(unit.connection, table, columns, len(rows))


def remove_rows(unit: WriteUnit, table: Table, keys: Sequence[Key]) -> None:
    """Take rows off a table."""
    names = [column.name for column in table.primary_key.columns]
    remove(unit.connection, table, dict(zip(names, map(list, zip(*keys, strict=True)), strict=False)), len(keys))


def who_wrote(connection: Connection, revision: int) -> str | None:
    """The name of whoever the audit says made a revision, or None."""
    query = select(audit_entries.c.user_name).where(audit_entries.c.revision == revision).limit(1)
    return connection.execute(query).scalar()


def loaded_before(connection: Connection, content_hash: str) -> list[tuple[str, datetime]]:
    """(path, when) of the watched files that had this content when they were last loaded."""
    query = select(loaded_files.c.path, loaded_files.c.loaded_at).where(
        loaded_files.c.content_hash == content_hash, loaded_files.c.outcome == "loaded"
    )
    return [(row.path, row.loaded_at) for row in connection.execute(query.order_by(loaded_files.c.loaded_at))]


def save_mapping(connection: Connection, mapping: SavedMapping) -> None:
    """Keep a mapping under its name; one of that name is replaced."""
    values = {
        "mapping": [mapping.mapping],
        "kind": mapping.kind,
        "columns": json.dumps(mapping.columns),
        "saved_by": mapping.saved_by,
        "saved_at": mapping.saved_at,
    }
    upsert(connection, column_mappings, values, 1)


def read_mappings(connection: Connection) -> list[SavedMapping]:
    """All saved mappings by name."""
    query = select(column_mappings).order_by(column_mappings.c.mapping)
    return [SavedMapping(**row) for row in connection.execute(query).mappings()]


def remove_mapping(connection: Connection, name: str) -> None:
    """Forget a saved mapping."""
    connection.execute(delete(column_mappings).where(column_mappings.c.mapping == name))


def _plain(value: Any) -> dict[str, str]:
    """A date or an instant as JSON can tell it."""
    if isinstance(value, datetime):
        return {"instant": value.isoformat()}
    return {"day": value.isoformat()}


def _key_text(key: Key) -> str:
    """A key as JSON; most are one text, for which the encoder's own function is much faster."""
    if len(key) == 1 and key[0].__class__ is str:
        return f"[{json.encoder.encode_basestring_ascii(key[0])}]"
    return _encoded(key)


def _revived(value: Any) -> Any:
    """What was written, its dates and instants as such again."""
    if isinstance(value, list):
        return [_revived(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"instant"}:
        return datetime.fromisoformat(value["instant"])
    if value.keys() == {"day"}:
        return date.fromisoformat(value["day"])
    return {name: _revived(item) for name, item in value.items()}


_encoded = json.JSONEncoder(default=_plain, separators=(",", ":")).encode
"""A key or a row as JSON, dates and instants so that they can be told from texts."""
