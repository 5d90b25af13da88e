"""What a database fault is: worth waiting for, a damaged database, or an error of ours."""

import sqlite3
from enum import StrEnum
from typing import Any

import psycopg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, StatementError
from sqlalchemy.exc import TimeoutError as NoConnectionFree


class Fault(StrEnum):
    """The kinds of fault; the values are words of the status message and of the health answer."""

    UNREACHABLE = "unreachable"
    HUNG = "hung"
    READ_ONLY = "read_only"
    DISK_FULL = "disk_full"
    LOCKED = "locked"
    LONG_WRITE = "long_write"
    OVERLOADED = "overloaded"
    CORRUPT = "corrupt"


class StoreFault(DBAPIError):
    """A fault of the database itself. No statement of ours is wrong."""

    fault: Fault


class StoreUnavailable(StoreFault):
    """The database cannot do it now: wait, and do the same again."""


class StoreCorrupt(StoreFault):
    """The database is damaged: no waiting helps."""


class ServerHung(psycopg.OperationalError):
    """The database server accepts what it is sent and answers nothing."""


REMEDIES: dict[Fault, tuple[str, str]] = {
    Fault.UNREACHABLE: (
        "The database cannot be reached.",
        "Start it, and check its address, its access rules and the network.",
    ),
    Fault.HUNG: (
        "The database does not answer in time.",
        "Look at its host: processor, memory, disk and network. Restart it if it stays so.",
    ),
    Fault.READ_ONLY: (
        "The database takes no writes: it is a standby, set to read-only, or its file or disk is write-protected.",
        "Promote it or point DATABASE_URL at the primary. With SQLite, make file, folder and disk writable.",
    ),
    Fault.DISK_FULL: ("The disk of the database is full.", "Free some space on it."),
    Fault.LOCKED: (
        "Another transaction keeps the database locked for writing, and is not seen at work.",
        "End the program that holds the lock, unless it is a load on another machine.",
    ),
    Fault.LONG_WRITE: (
        "A long write is running: what comes meanwhile waits for it.",
        "It is over by itself. The log of the web server names its process.",
    ),
    Fault.OVERLOADED: (
        "The database has no connection or memory left.",
        "Close other programs that use it, or raise its limits.",
    ),
    Fault.CORRUPT: (
        "The database is damaged.",
        "Stop all processes and restore the last backup.",
    ),
}
"""Fault -> what happened, and how to fix it. All but a damaged database are over by themselves once that is done."""

_BY_STATE: dict[str, Fault] = {
    "25006": Fault.READ_ONLY,  # a standby, or default_transaction_read_only
    "25P03": Fault.UNREACHABLE,  # idle_in_transaction_session_timeout ended the session
    "25P04": Fault.UNREACHABLE,  # transaction_timeout
    "3D000": Fault.UNREACHABLE,  # the database is being restored
    "53100": Fault.DISK_FULL,
    "55006": Fault.UNREACHABLE,
    "55P03": Fault.LOCKED,
    "57014": Fault.HUNG,  # statement_timeout
    "58P01": Fault.CORRUPT,  # a file of the database is missing
    "58P02": Fault.CORRUPT,
    "XX001": Fault.CORRUPT,
    "XX002": Fault.CORRUPT,
}
_BY_STATE_CLASS: dict[str, Fault] = {
    "08": Fault.UNREACHABLE,  # connection
    "28": Fault.UNREACHABLE,  # sign-in at the server: its rules or the password are being changed
    "40": Fault.LOCKED,  # serialization, deadlock: the same again succeeds
    "53": Fault.OVERLOADED,  # connections, memory, other limits
    "57": Fault.UNREACHABLE,  # shut down, crashed, not started yet
    "58": Fault.UNREACHABLE,  # input and output errors of its system
}
_NO_SPACE = "No space left on device"
_NO_CONNECTION = ("too many connections", "too many clients", "connection slots")
"""What a server says when it lets nobody in: a connection that fails has no SQLSTATE."""

_BY_SQLITE_CODE: dict[int, Fault] = {
    sqlite3.SQLITE_BUSY: Fault.LOCKED,
    sqlite3.SQLITE_LOCKED: Fault.LOCKED,
    sqlite3.SQLITE_PROTOCOL: Fault.LOCKED,
    sqlite3.SQLITE_INTERRUPT: Fault.UNREACHABLE,
    sqlite3.SQLITE_NOMEM: Fault.OVERLOADED,
    sqlite3.SQLITE_READONLY: Fault.READ_ONLY,
    sqlite3.SQLITE_PERM: Fault.READ_ONLY,
    sqlite3.SQLITE_IOERR: Fault.UNREACHABLE,
    sqlite3.SQLITE_CANTOPEN: Fault.UNREACHABLE,
    sqlite3.SQLITE_FULL: Fault.DISK_FULL,
    sqlite3.SQLITE_CORRUPT: Fault.CORRUPT,
    sqlite3.SQLITE_NOTADB: Fault.CORRUPT,
}
_PRIMARY_CODE = 0xFF


def fault_of(error: BaseException) -> Fault | None:
    """What fault of the database an exception of the driver or of SQLAlchemy stands for; None: it is an error of ours.

    PostgreSQL is judged by the SQLSTATE, SQLite by its result code. Only an error that has neither, as of a connection
    that failed, is judged by its class.
    """
    if isinstance(error, StoreFault):
        return error.fault
    if isinstance(error, NoConnectionFree):
        return Fault.OVERLOADED
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, (ServerHung, psycopg.errors.ConnectionTimeout)):
        return Fault.HUNG
    state = getattr(original, "sqlstate", None)
    if state is not None:
        if state.startswith("58") and _NO_SPACE in str(original):
            return Fault.DISK_FULL
        return _BY_STATE.get(state) or _BY_STATE_CLASS.get(state[:2])
    code = getattr(original, "sqlite_errorcode", None)
    if code is not None:
        return _BY_SQLITE_CODE.get(code & _PRIMARY_CODE)
    connection = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
    if not isinstance(error, (*connection, sqlite3.OperationalError)):
        return None
    crowded = any(words in str(original) for words in _NO_CONNECTION)
    return Fault.OVERLOADED if crowded else Fault.UNREACHABLE


def as_store_fault(error: StatementError) -> StatementError:
    """The error as StoreUnavailable or StoreCorrupt; one of ours stays as it is."""
    fault = fault_of(error)
    if fault is None or isinstance(error, StoreFault):
        return error
    kind = StoreCorrupt if fault == Fault.CORRUPT else StoreUnavailable
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    known = kind(None, None, error.orig or error, connection_invalidated=lost)
    known.fault = fault
    return known


def unavailable(fault: Fault, cause: BaseException | str) -> StoreUnavailable:
    """A fault that no statement brought."""
    known = StoreUnavailable(None, None, cause if isinstance(cause, BaseException) else Exception(cause))
    known.fault = fault
    return known


def in_words(error: BaseException) -> str:
    """A fault in one line for people and logs: what happened, what the driver says, how to fix it. No rows."""
    said = one_line(error)
    fault = fault_of(error)
    if fault is None:
        return said
    what, how = REMEDIES[fault]
    return f"{what} {how} ({said})"


def one_line(error: Any) -> str:
    """What the driver says, in one line."""
    text = str(getattr(error, "orig", None) or error).strip()
    return (text.splitlines() or [type(error).__name__])[0].rstrip(".")
