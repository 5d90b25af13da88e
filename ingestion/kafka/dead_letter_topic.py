"""Dead letters go to a topic, too: after the commit, at least once.

The store is the queue: letters are read from there, so nothing grows here while the topic does not take them. The
feed's cursor says since when there are letters that the broker has not confirmed; the next sidecar sends them again.
"""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError
from sqlalchemy import select

from ingestion.kafka.client_internals import open_client
from storage.connection.faults import StoreUnavailable
from storage.connection.supervision import Supervised, SupervisedThread, reason_of
from storage.core.database import Store
from storage.core.schema import dead_letters
from storage.feeds import feeds
from storage.feeds.dead_letters import DeadLetter, StoredDeadLetter, read_dead_letters
from storage.feeds.partition_offsets import Partition

_LETTERS_AT_ONCE = 200
_PATIENCE_SECONDS = 10.0
_AGAIN_SECONDS = 1.0

log = structlog.get_logger("sidecar")


class DeadLetterTopic:
    """Sends a group's dead letters from a thread of its own."""

    def __init__(
        self, store: Store, row: feeds.Feed, bootstrap: str, group: str, topic: str, consumer: Mapping[str, Any]
    ) -> None:
        self._store, self._group, self._topic = store, group, topic
        known = {name: value for name, value in consumer.items() if name in KafkaProducer.DEFAULT_CONFIG}
        self._settings = {
            **known,
            "bootstrap_servers": bootstrap.split(","),
            "client_id": f"deltaboard-{row.feed}-letters",
            "max_block_ms": 5000,
        }
        unsent = row.cursor.get("letters_since")
        self._since = datetime.fromisoformat(unsent) if unsent else None
        self._partitions: set[Partition] | None = None if unsent else set()
        """Whose letters are sent; None: all, because those that an earlier sidecar left are among them."""
        self._announced = False
        """Whether letters are about to be stored: ``since`` is theirs."""
        self._lock = threading.Lock()
        self._wake, self._stop = threading.Event(), threading.Event()
        if unsent:
            self._wake.set()
        self._last = 0
        """The letter that was sent last."""
        self._thread = SupervisedThread("dead-letter topic", self._run, self._stop)
        self._thread.start()

    def cursor(self, letters: Sequence[DeadLetter]) -> dict[str, Any]:
        """What the feed's cursor must say in the transaction that stores these letters."""
        with self._lock:
            if letters:
                self._announced, self._since = True, self._since or datetime.now(UTC)
            return {"letters_since": self._since.isoformat()} if self._since else {}

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """The batch that had these letters, if any, is in the store now."""
        with self._lock:
            self._announced = False
            if letters and self._partitions is not None:
                self._partitions |= {(letter.topic, letter.partition) for letter in letters}
        if letters:
            self._wake.set()

    def close(self) -> None:
        self._stop.set()
        self._wake.set()
        self._thread.join(_PATIENCE_SECONDS)

    def _run(self, sign_of_life: Supervised) -> None:
        producer: KafkaProducer | None = None
        if sign_of_life.is_failing:
            self._wake.set()  # what was to be sent still is
        try:
            while not self._stop.is_set():
                self._wake.wait()
                self._wake.clear()
                try:
                    producer = producer or open_client(KafkaProducer, self._settings)
                    while not self._stop.is_set() and (letters := self._unsent(self._last)):
                        self._send(producer, letters)
                        self._last = letters[-1].dead_letter_id
                    self._all_sent()
                    sign_of_life.beat()
                except (KafkaError, StoreUnavailable) as fault:
                    sign_of_life.note(fault)
                    log.warning("dead_letters_waiting", topic=self._topic, error=reason_of(fault))
                    self._stop.wait(_AGAIN_SECONDS)
                    self._wake.set()
        finally:
            if producer is not None:
                with suppress(KafkaError):
                    producer.close(timeout=2)

    def _unsent(self, last: int) -> list[StoredDeadLetter]:
        table = dead_letters
        with self._lock:
            since = self._since
        if since is None:
            return []
        query = (
            select(table.c.dead_letter_id)
            .where(table.c.consumer_group == self._group, table.c.received_at >= since, table.c.dead_letter_id > last)
            .order_by(table.c.dead_letter_id)
            .limit(_LETTERS_AT_ONCE)
        )
        with self._store.read() as connection:
            ids = list(connection.execute(query).scalars())
            return read_dead_letters(connection, ids, _LETTERS_AT_ONCE) if ids else []

    def _send(self, producer: KafkaProducer, letters: Sequence[StoredDeadLetter]) -> None:
        with self._lock:
            partitions = self._partitions
        sent = []
        for stored in letters:
            letter = stored.letter
            if partitions is None or (letter.topic, letter.partition) in partitions:
                headers = {
                    "reason": letter.reason,
                    "column": letter.column_name,
                    "value": letter.value,
                    "topic": letter.topic,
                    "partition": letter.partition,
                    "offset": letter.message_offset,
                }
                encoded = [(name, str(value).encode()) for name, value in headers.items()]
                try:
                    sent.append(
                        producer.send(self._topic, value=letter.message or b"", key=letter.message_key, headers=encoded)
                    )
                except (MessageSizeTooLargeError, ValueError, TypeError, AssertionError) as fault:  # the letter's own
                    log.error("dead_letter_not_sent", number=stored.dead_letter_id, reason=reason_of(fault))
        producer.flush(timeout=_PATIENCE_SECONDS)
        for future in sent:
            future.get(timeout=_PATIENCE_SECONDS)

    def _all_sent(self) -> None:
        with self._lock:
            if not self._announced and not self._wake.is_set():
                self._since, self._partitions = None, set()
