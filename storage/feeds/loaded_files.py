"""Watched files: the content that each had when it was last read, and what came of it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from storage.core.bulk import upsert
from storage.core.database import WriteUnit
from storage.core.schema import loaded_files

LOADED, REFUSED = "loaded", "refused"


@dataclass(frozen=True, slots=True)
class LoadedFileRow:
    """A file as it was read. outcome: ``LOADED`` or ``REFUSED``; detail: what came of it, in words.

    loaded_at and revision are those of the transaction: what a row that is to be written has there does not count.
    """

    path: str
    content_hash: str
    kind: str
    outcome: str
    size: int
    modified_ns: int
    detail: str
    loaded_at: datetime | None = None
    revision: int = 0


def read_loaded_files(connection: Connection) -> dict[str, LoadedFileRow]:
    """Path -> what is known of it."""
    rows = connection.execute(select(loaded_files)).mappings()
    return {row["path"]: LoadedFileRow(**row) for row in rows}


def read_loaded_file(connection: Connection, path: str) -> LoadedFileRow | None:
    """What is known of one file."""
    row = connection.execute(select(loaded_files).where(loaded_files.c.path == path)).mappings().one_or_none()
    return None if row is None else LoadedFileRow(**row)


def note_loaded_file(unit: WriteUnit, row: LoadedFileRow) -> None:
    """Remember a file in the transaction of its rows."""
    columns = {
        "path": [row.path],
        "content_hash": row.content_hash,
        "kind": row.kind,
        "outcome": row.outcome,
        "size": row.size,
        "modified_ns": row.modified_ns,
        "loaded_at": unit.now,
        "revision": unit.revision,
        "detail": row.detail,
    }
    upsert(unit.connection, loaded_files, columns, 1)
