"""Look for damage in an SQLite file that no query has met yet, a table at a time."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_PRIMARY_CODE = 0xFF


def damage_in(path: Path) -> Iterator[tuple[str, str | None]]:
    """Each table with what is wrong in its pages and those of its indexes, or None; one statement of reading each.

    A connection of its own each time: what another has in its memory is whole, whatever the file has. Writers go on
    meanwhile. Ends where the file cannot be read for another reason: the probe of the store says which.
    """
    with suppress(sqlite3.Error):
        for table in _tables(path):
            yield table, _first_damage(path, f"PRAGMA quick_check({_quoted(table)})")


def _tables(path: Path) -> list[str]:
    connection = _opened(path)
    try:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 ORDER BY name")
        return [str(name) for (name,) in found]
    finally:
        connection.close()


def _first_damage(path: Path, statement: str) -> str | None:
    connection = _opened(path)
    try:
        said = str(connection.execute(statement).fetchone()[0])
        return None if said == "ok" else said.splitlines()[-1]
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & _PRIMARY_CODE not in _DAMAGED:
            raise
        return str(error)
    finally:
        connection.close()


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
