"""Crash points: a sidecar that kills itself with ``kill -9`` at a named point of a chosen batch.

Run as ``python -m tests.ingestion.crash_points POINT PASSAGE LAST_WORDS -- COMMAND...``, where the command is what
follows ``python -m ingestion``. The process dies when it passes the point in its PASSAGE-th batch. Before that it
writes to the file LAST_WORDS what its own transaction sees, which is how a test knows where exactly it died. The
product knows nothing of this: functions are wrapped, and SQLAlchemy's events are listened to, in this process alone.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import psycopg
from kafka import KafkaConsumer
from sqlalchemy import Connection, Engine, Select, event, func, select

import ingestion.sidecar.runner
import services.writes.apply_incoming
from ingestion.command_line import app
from services.pricing.unit_of_work import UnitOfWork
from services.writes.apply_incoming import Position
from storage.core.schema import (
    changes,
    feeds,
    loaded_files,
    partition_offsets,
    quote_versions,
    record_versions,
    rejections,
)

NOT_REACHED = 70
"""The exit code of a process that has not come to its point after ``PATIENCE_SECONDS``."""
PATIENCE_SECONDS = 300.0


class CrashPoint(StrEnum):
    """The points of a batch, in the order in which they are passed."""

    BEFORE_LOCK = "before_lock"
    """The writing transaction is about to begin."""
    AFTER_ROWS = "after_rows"
    """The rows are written in the transaction, and not priced."""
    BEFORE_OFFSET = "before_offset"
    """The rows are priced in the transaction; the position of the source has not moved."""
    BEFORE_COMMIT = "before_commit"
    """All is written in the transaction, the entry of the change log too."""
    AFTER_COMMIT = "after_commit"
    """All is committed; the feed has not been told."""
    BEFORE_KAFKA_OFFSET = "before_kafka_offset"
    """The feed has been told, and is about to tell Kafka its offsets."""


def seen(connection: Connection) -> dict[str, Any]:
    """What a transaction sees: how many rows and change-log entries there are, and where the sources are."""

    def count(*tables: Any) -> int:
        counts = (connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables)
        return sum(counts)

    def rows(query: Select[Any]) -> list[str]:
        return sorted(repr(tuple(row)) for row in connection.execute(query))

    offsets = partition_offsets.c
    return {
        "rows": count(quote_versions, record_versions, rejections),
        "logged": count(changes),
        "positions": [
            *rows(select(feeds.c.feed, feeds.c.cursor)),
            *rows(select(loaded_files.c.path, loaded_files.c.content_hash)),
            *rows(select(offsets.topic, offsets.partition, offsets.next_offset)),
        ],
    }


class _Aimed:
    """Watches one thread, the one that applies batches, and counts them."""

    def __init__(self, point: CrashPoint, passage: int, last_words: Path) -> None:
        self._point, self._passage, self._last_words = point, passage, last_words
        self._batches = 0
        self._is_priced = False
        self._thread: int | None = None
        self._connection: Connection | None = None

    def pass_by(self, point: CrashPoint, connection: Connection | None = None) -> None:
        """Die here if this is the point."""
        if point is not self._point or self._batches != self._passage or self._thread != threading.get_ident():
            return
        words: dict[str, Any] = {"point": point, "priced": self._is_priced}
        if connection is not None:
            words["seen"] = seen(connection)
        self._last_words.write_text(json.dumps(words), encoding="utf-8")
        os.kill(os.getpid(), signal.SIGKILL)

    def on_begin(self, connection: Connection) -> None:
        if connection.get_execution_options().get("deltaboard_write"):
            self._connection = connection
            if not _in_transaction(connection):
                self.pass_by(CrashPoint.BEFORE_LOCK)

    def on_commit(self, connection: Connection) -> None:
        if connection is self._connection:
            self.pass_by(CrashPoint.BEFORE_COMMIT, connection)

    def applying(self, apply: Callable[..., Any]) -> Callable[..., Any]:
        """``apply_incoming``, as the loop of the sidecar calls it for each batch."""

        def apply_batch(*arguments: Any, position: Position, **named: Any) -> Any:
            self._batches += 1
            self._is_priced = False
            self._thread = threading.get_ident()
            applied = apply(*arguments, position=_Moving(self, position), **named)
            self.pass_by(CrashPoint.AFTER_COMMIT)
            return applied

        return apply_batch

    def pricing(self, price: Callable[..., Any]) -> Callable[..., Any]:
        """``price_moved``, which is called when the rows are written."""

        def price_rows(work: UnitOfWork, *arguments: Any, **named: Any) -> Any:
            self.pass_by(CrashPoint.AFTER_ROWS, work.unit.connection)
            pending = price(work, *arguments, **named)
            self._is_priced = True
            return pending

        return price_rows

    def telling_kafka(self, commit: Callable[..., Any]) -> Callable[..., Any]:
        """The consumer's ``commit_async``."""

        def commit_offsets(*arguments: Any, **named: Any) -> Any:
            self.pass_by(CrashPoint.BEFORE_KAFKA_OFFSET)
            return commit(*arguments, **named)

        return commit_offsets


class _Moving:
    """A position that is about to move."""

    def __init__(self, aimed: _Aimed, position: Position) -> None:
        self._aimed, self._position = aimed, position

    def move(self, unit: Any, late: int, rejected: int) -> None:
        self._aimed.pass_by(CrashPoint.BEFORE_OFFSET, unit.connection)
        self._position.move(unit, late, rejected)


def _in_transaction(connection: Connection) -> bool:
    """Whether the database has begun a transaction for this connection, by the word of its driver."""
    driver: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        return bool(driver.in_transaction)
    return bool(driver.info.transaction_status != psycopg.pq.TransactionStatus.IDLE)


def arm(point: CrashPoint, passage: int, last_words: Path) -> None:
    """Make this process die at a point of its batch number ``passage``, or end with NOT_REACHED."""
    aimed = _Aimed(point, passage, last_words)
    event.listen(Engine, "begin", aimed.on_begin)
    event.listen(Engine, "commit", aimed.on_commit)
    vars(ingestion.sidecar.runner)["apply_incoming"] = aimed.applying(ingestion.sidecar.runner.apply_incoming)  # type: ignore[attr-defined]
    vars(services.writes.apply_incoming)["price_moved"] = aimed.pricing(services.writes.apply_incoming.price_moved)  # type: ignore[attr-defined]
    KafkaConsumer.commit_async = aimed.telling_kafka(KafkaConsumer.commit_async)
    patience = threading.Timer(PATIENCE_SECONDS, os._exit, [NOT_REACHED])
    patience.daemon = True
    patience.start()


def main() -> None:
    point, passage, last_words, dashes, *command = sys.argv[1:]
    assert dashes == "--"
    arm(CrashPoint(point), int(passage), Path(last_words))
    app(command, prog_name="python -m ingestion")


if __name__ == "__main__":
    main()
