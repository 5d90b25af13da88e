"""The Kafka feed: the messages of a consumer group's topics, each of which takes effect once.

The offsets in the store rule. They move in the transaction of the messages before them; Kafka's own are committed after
it, for the eyes of tools alone. While a batch is applied nothing is read: what waits, waits at the broker, and a thread
of the library goes on telling the group that we are here.
"""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError, LogTruncationError, OffsetOutOfRangeError

from ingestion.kafka.assignment import Assignment, partitions_text
from ingestion.kafka.batch import Gathered, KafkaPosition, Topic, reached_in
from ingestion.kafka.client_internals import go_on_joining, unreadable_partitions
from ingestion.kafka.connection import close_consumer, open_consumer
from ingestion.kafka.dead_letter_topic import DeadLetterTopic
from ingestion.kafka.lag import KafkaLag
from ingestion.kafka.set_aside import SetAside
from ingestion.sidecar.feed import Batch
from services.records.how_many import how_many
from services.writes.apply_incoming import Applied
from storage.connection.faults import StoreUnavailable
from storage.core.database import Store
from storage.feeds import feeds
from storage.feeds.dead_letters import DeadLetter
from storage.feeds.rejections import Rejection

_WAIT_SECONDS = 0.1
_AGAIN_SECONDS = 0.5
_PATIENCE_MILLISECONDS = 1000

log = structlog.get_logger("sidecar")


@dataclass(frozen=True, slots=True)
class KafkaOptions:
    """Where the messages are and how they are read. consumer: settings of kafka-python's consumer."""

    bootstrap: str
    group: str
    topics: Mapping[str, Topic]
    batch_seconds: float = 0.2
    max_batch: int = 2000
    future_tolerance_seconds: float = 300.0
    dead_letter_topic: str | None = None
    consumer: Mapping[str, Any] = field(default_factory=dict)


class KafkaFeed:
    """Reads the partitions that the group gives it, from where the store says."""

    ended = False

    def __init__(self, store: Store, row: feeds.Feed, options: KafkaOptions) -> None:
        assert row.owner is not None
        self.name, self._owner, self._options = row.feed, row.owner, options
        self.paused = False
        gone = row.cursor.get("member") if row.cursor.get("group") == options.group else None
        self._opening: Future[KafkaConsumer] = open_consumer(
            options.bootstrap, options.group, f"deltaboard-{row.feed}", dict(options.consumer), gone
        )
        self._consumer: KafkaConsumer | None = None
        self._assignment = Assignment(store, options.group, row.feed, row.owner)
        self._aside = SetAside()
        self._reached = reached_in(row.cursor)
        self._gathered = self._new_batch()
        self._unread: deque[Any] = deque()
        self._uncommitted: dict[TopicPartition, OffsetAndMetadata] = {}
        self._lag = KafkaLag(options.bootstrap, time.monotonic())
        self._letters = (
            DeadLetterTopic(store, row, options.bootstrap, options.group, options.dead_letter_topic, options.consumer)
            if options.dead_letter_topic
            else None
        )
        self._not_before = 0.0

    @property
    def progress(self) -> str:
        """For people: what it reads and how far it is behind, or what it waits for."""
        if self._consumer is None:
            return f"waits for a broker at {self._options.bootstrap}"
        if self._lag.away_since is not None:
            return f"no broker at {self._options.bootstrap} since {self._lag.away_since:%Y-%m-%d %H:%M:%S} UTC"
        places = self._assignment.places
        absent = sorted(set(self._options.topics) - {partition.topic for partition in places})
        if not places:
            return f"group {self._options.group} waits for partitions of {', '.join(absent)}"
        behind = "" if self._lag.behind is None else f", {how_many(self._lag.behind, 'message')} behind"
        waits = f"; none yet of {', '.join(absent)}" if absent else ""
        aside = f"; {self._aside.text}" if self._aside.text else ""
        return f"group {self._options.group}, {partitions_text(places)}{behind}{waits}{aside}"

    @property
    def lag_seconds(self) -> float | None:
        return self._lag.seconds(time.monotonic())

    def next_batch(self, now: float) -> Batch | None:
        """Raises FeedLost, and what the consumer's settings are refused for."""
        if now < self._not_before or not self._connected():
            return None
        try:
            self._read(now)
        except StoreUnavailable as fault:
            log.warning("database_unavailable", **self._wait_after(fault))
        except KafkaError as fault:
            log.warning("kafka_read_failed", **self._wait_after(fault))
        now = time.monotonic()
        if self.paused or not (self._unread or self._is_due(now)):
            return None
        gathered, partitions = self._gathered, map(tuple, self._assignment.places)
        return gathered.finish(self.name, self._owner, self._cursor(gathered.letters), partitions)

    def next_awake(self, now: float) -> float | None:
        return now + _WAIT_SECONDS if self.paused or self._consumer is None else max(now, self._not_before)

    def committed(self, batch: Batch, _applied: Applied) -> None:
        """The store has the batch: Kafka may know it, too. What it does not take now is told it with the next batch."""
        assert isinstance(batch.position, KafkaPosition)
        now = time.monotonic()
        for (topic, number), (_, after) in batch.position.moves.items():
            partition = TopicPartition(topic, number)
            self._uncommitted[partition] = OffsetAndMetadata(after)
            if partition in self._assignment.places:
                self._assignment.places[partition].stored = after
        self._reached.update(batch.position.reached)
        self._gathered = self._new_batch()
        self._lag.applied(now - batch.due, now)
        if self._letters is not None:
            self._letters.send(batch.position.letters)
        if self._consumer is not None:
            try:
                self._consumer.commit_async(dict(self._uncommitted), self._on_commit)
            except KafkaError as fault:
                log.debug("offsets_not_committed", error=str(fault))

    def rewind(self) -> None:
        """Somebody else has moved a partition: join the group anew, and read what is ours from where the store says."""
        log.warning("partition_moved", group=self._options.group)
        self._forget()
        if self._consumer is not None:
            self._assignment.follow(self._consumer, self._options.topics)

    def pause(self) -> None:
        self.paused = True
        if self._consumer is not None:
            self._consumer.pause(*self._assignment.places)

    def resume(self, now: float) -> None:
        self.paused = False
        self._not_before = now
        if self._consumer is not None:
            self._consumer.resume(*(place for place in self._assignment.places if place not in self._aside))

    def close(self) -> None:
        if self._letters is not None:
            self._letters.close()
        if self._consumer is None:
            self._opening.add_done_callback(
                lambda opened: None if opened.exception() else close_consumer(opened.result())
            )
            return
        if self._uncommitted and self._lag.away_since is None:
            try:
                self._consumer.commit(dict(self._uncommitted), timeout_ms=_PATIENCE_MILLISECONDS)
            except KafkaError as fault:
                log.debug("offsets_not_committed", error=str(fault))
        close_consumer(self._consumer)

    def _connected(self) -> bool:
        if self._consumer is None and self._opening.done():
            self._consumer = self._opening.result()
            self._assignment.follow(self._consumer, self._options.topics)
        return self._consumer is not None

    def _read(self, now: float) -> None:
        """Ask the broker once, unless there is enough already, and read what has come."""
        consumer, assignment = self._consumer, self._assignment
        assert consumer is not None
        records: dict[TopicPartition, list[Any]] = {}
        if self.paused or not (self._unread or self._is_due(now)):  # paused: for the group to see that we are here
            room = max(1, self._options.max_batch - self._gathered.messages)
            begun = self._gathered.begun
            # A poll that does not wait never sees the end of a joining: it waits less for the end of a batch alone.
            rest = _WAIT_SECONDS if begun is None or self.paused else begun + self._options.batch_seconds - now
            wait = min(max(rest, 0.0), _WAIT_SECONDS)
            try:
                records = consumer.poll(timeout_ms=int(wait * 1000), max_records=room)
            except OffsetOutOfRangeError as fault:
                for partition, offset in fault.args[0].items():
                    self._go_on_after_a_gap(consumer, partition, offset)
            except LogTruncationError:
                for partition in assignment.places:  # they are checked against the log's range when they are read
                    self._seek(consumer, partition)
            except Exception as fault:
                self._set_aside(consumer, fault, now)
        if not records:
            go_on_joining(consumer)
        if assignment.taken_away:
            self._forget()
        if assignment.waits:
            assignment.settle(self._cursor(), paused=self.paused)
            self._aside.clear()
            records = {}
        for partition, found in records.items():
            if partition in assignment.places:
                self._unread.extend(found)
                self._aside.read(partition)
        self._decode()
        if not self._unread:
            self._pass_by_what_is_no_message(consumer)
        if not self.paused:
            self._aside.try_again(consumer, now)
        places = {tuple(partition): place.offset for partition, place in assignment.places.items()}
        places |= {partition: after for partition, (_, after) in self._gathered.moves.items()}
        self._lag.look(consumer, {TopicPartition(*partition): offset for partition, offset in places.items()}, now)

    def _decode(self) -> None:
        gathered, topics, unread = self._gathered, self._options.topics, self._unread
        places = self._assignment.places
        latest = datetime.now(UTC) + timedelta(seconds=self._options.future_tolerance_seconds)
        while unread and gathered.messages < self._options.max_batch:
            record = unread[0]
            stored = places[(record.topic, record.partition)].stored
            if not gathered.take(record, topics[record.topic], stored, latest):
                break
            unread.popleft()

    def _pass_by_what_is_no_message(self, consumer: KafkaConsumer) -> None:
        """Move past offsets that hold no message for us: transaction markers, aborted and compacted messages.

        All that was read is decoded, so the consumer's own position says what lies behind. That is asked only where the
        partition goes on beyond what was read: a position makes the library look at all partitions.
        """
        for partition, place in self._assignment.places.items():
            moves = self._gathered.moves.get(tuple(partition))
            offset = moves[1] if moves else place.offset
            if (consumer.highwater(partition) or 0) <= offset:
                continue
            position = consumer.position(partition, timeout_ms=0)
            if position is not None and position > offset:
                self._gathered.pass_by(tuple(partition), place.stored, position)
                self._aside.read(partition)

    def _set_aside(self, consumer: KafkaConsumer, fault: Exception, now: float) -> None:
        """Leave the partitions aside whose messages cannot be unpacked. Raises the fault where it is of none."""
        partitions = unreadable_partitions(consumer, fault)
        if not partitions:
            raise fault
        for partition in partitions:
            if partition in self._assignment.places:
                self._aside.add(consumer, partition, consumer.position(partition, timeout_ms=0) or 0, fault, now)

    def _go_on_after_a_gap(self, consumer: KafkaConsumer, partition: TopicPartition, offset: int) -> None:
        """What was to be read next is not there: go on with the oldest that is, and say what is missing."""
        place = self._assignment.places.get(partition)
        if place is None:
            return
        begins = consumer.beginning_offsets([partition], timeout_ms=_PATIENCE_MILLISECONDS)[partition]
        ends = consumer.end_offsets([partition], timeout_ms=_PATIENCE_MILLISECONDS)[partition]
        if begins <= offset <= ends:
            consumer.seek(partition, offset)
            return
        name = f"{partition.topic}[{partition.partition}]"
        if offset < begins:
            where = f"{name}, offsets {offset} to {begins - 1}"
            reason = "gone from the broker before they were read: send them again, and keep messages there for longer"
        else:
            where = f"{name}, offset {offset}"
            reason = f"not there, the partition ends at {ends}: it was made anew, and is read from its offset {begins}"
        log.warning("messages_missing", place=where, reason=reason)
        self._gathered.rejections.append(Rejection(where, "", "", reason))
        self._gathered.pass_by(tuple(partition), place.stored, begins)
        self._aside.read(partition)
        consumer.seek(partition, begins)

    def _seek(self, consumer: KafkaConsumer, partition: TopicPartition) -> None:
        moves = self._gathered.moves.get(tuple(partition))
        consumer.seek(partition, moves[1] if moves else self._assignment.places[partition].offset)

    def _is_due(self, now: float) -> bool:
        return self._gathered.is_due(now, self._options.batch_seconds, self._options.max_batch)

    def _new_batch(self) -> Gathered:
        return Gathered(self._options.group, dict(self._reached))

    def _forget(self) -> None:
        """Throw away what was read and is not in the store: it will be read again by whoever has its partition."""
        self._assignment.taken_away = False
        self._unread.clear()
        self._gathered = self._new_batch()
        self._lag.behind = None

    def _cursor(self, letters: Sequence[DeadLetter] = ()) -> dict[str, Any]:
        assert self._consumer is not None
        cursor = {"group": self._options.group, "member": self._consumer.group_metadata().member_id}
        return cursor | (self._letters.cursor(letters) if self._letters is not None else {})

    def _on_commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata], outcome: object) -> None:
        if isinstance(outcome, Exception):
            log.debug("offsets_not_committed", error=str(outcome))
            return
        for partition, offset in offsets.items():
            if self._uncommitted.get(partition) == offset:
                del self._uncommitted[partition]

    def _wait_after(self, fault: Exception) -> dict[str, Any]:
        """Poll no more for a moment; returns the fields of a log entry that says so."""
        self._not_before = time.monotonic() + _AGAIN_SECONDS
        return {"again_in_seconds": _AGAIN_SECONDS, "error": str(fault).splitlines()[0]}
