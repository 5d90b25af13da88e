"""What has been read from Kafka and is not stored yet: rows, dead letters, and where each partition is after them."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from ingestion.sidecar.feed import Batch
from services.records.incoming import Incoming
from services.records.read_message import Deserializer, UnreadableMessage, message_place, read_message
from storage.core.database import WriteUnit
from storage.feeds.dead_letters import DeadLetter, write_dead_letters
from storage.feeds.feeds import move_cursor
from storage.feeds.partition_offsets import Partition, move_offsets
from storage.feeds.rejections import Rejection

_LARGEST_BATCH = 16_000_000
"""Bytes of messages: a batch of large ones ends here, whatever their number."""


@dataclass(frozen=True, slots=True)
class Topic:
    """How the messages of a topic are read. deserializer: the name that the function has for people."""

    kind: str
    deserializer: str
    deserialize: Deserializer


@dataclass(frozen=True, slots=True)
class KafkaPosition:
    """Where a consumer group is after a batch. moves: partition -> (the offset it is read from now, the one after it).

    reached: partition -> the newest as-of date of its quotes.
    """

    feed: str
    owner: str
    cursor: dict[str, Any]
    group: str
    moves: Mapping[Partition, tuple[int | None, int]]
    letters: list[DeadLetter]
    reached: Mapping[Partition, date]

    def move(self, unit: WriteUnit, late: int, rejected: int) -> None:
        """In the batch's transaction. Raises FeedLost, and PositionMoved when a partition is not ours any more."""
        move_cursor(unit.connection, self.feed, self.owner, self.cursor, late, rejected)
        moves = [(*partition, expected, after) for partition, (expected, after) in sorted(self.moves.items())]
        move_offsets(unit.connection, self.group, self.owner, moves)
        write_dead_letters(unit, self.letters)


@dataclass(slots=True)
class Gathered:
    """One batch in the making. It holds quotes of one new as-of date at most, so that each date gets its close."""

    group: str
    reached: dict[Partition, date]
    incoming: Incoming = field(default_factory=Incoming)
    letters: list[DeadLetter] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    moves: dict[Partition, tuple[int | None, int]] = field(default_factory=dict)
    messages: int = 0
    size: int = 0
    begun: float | None = None
    newest: int = 0
    """The latest time of a message, in milliseconds of the epoch."""

    def is_due(self, now: float, seconds: float, messages: int) -> bool:
        """Whether it is old, long or large enough."""
        full = self.messages >= messages or self.size >= _LARGEST_BATCH
        return self.begun is not None and (full or now - self.begun >= seconds)

    def take(self, record: Any, topic: Topic, stored: int | None, latest: datetime) -> bool:
        """Add a message (a ``ConsumerRecord``); False, and nothing is added, when it belongs to the next batch.

        stored: where the store says that its partition is. latest: a quote that was observed after it is refused.
        """
        partition = (record.topic, record.partition)
        try:
            place = message_place(record.topic, record.partition, record.offset)
            found = read_message(record.value, topic.kind, topic.deserialize, latest, place)
        except UnreadableMessage as fault:
            self.letters.append(self._letter(record, topic, fault))
        else:
            if found.quotes and not self._reach(partition, max([quote.as_of_date for quote in found.quotes])):
                return False
            self.incoming.extend(found)
        self.messages += 1
        self.size += record.serialized_value_size
        if record.timestamp > self.newest:
            self.newest = record.timestamp
        self.pass_by(partition, stored, record.offset + 1)
        return True

    def pass_by(self, partition: Partition, stored: int | None, after: int) -> None:
        """Note that a partition goes on at an offset. stored: where the store says that it is."""
        if self.begun is None:
            self.begun = time.monotonic()
        expected = self.moves[partition][0] if partition in self.moves else stored
        self.moves[partition] = (expected, after)

    def finish(self, feed: str, owner: str, cursor: Mapping[str, Any], partitions: Iterable[Partition]) -> Batch:
        """The batch. partitions: those that are read; all that bring quotes must have passed a date to freeze it."""
        reached = {partition: self.reached[partition] for partition in partitions if partition in self.reached}
        written = {_name(partition): day.isoformat() for partition, day in reached.items()}
        position = KafkaPosition(
            feed, owner, {**cursor, "reached": written}, self.group, self.moves, self.letters, reached
        )
        age = max(0.0, time.time() - self.newest / 1000) if self.newest else 0.0
        return Batch(
            incoming=self.incoming,
            position=position,
            source="kafka",
            due=time.monotonic() - age,
            rejections=self.rejections,
            not_before=min(reached.values(), default=None),
        )

    def _reach(self, partition: Partition, day: date) -> bool:
        """Note the date of a quote; False when it begins a date and this batch has begun already."""
        if self.messages and self.reached and day > max(self.reached.values()):
            return False
        if partition not in self.reached or day > self.reached[partition]:
            self.reached[partition] = day
        return True

    def _letter(self, record: Any, topic: Topic, fault: UnreadableMessage) -> DeadLetter:
        return DeadLetter(
            consumer_group=self.group,
            topic=record.topic,
            partition=record.partition,
            message_offset=record.offset,
            message_key=record.key,
            message=record.value,
            kind=topic.kind,
            deserializer=topic.deserializer,
            column_name=fault.column,
            value=fault.value,
            reason=fault.reason,
        )


def reached_in(cursor: Mapping[str, Any]) -> dict[Partition, date]:
    """The dates that a stored cursor says its partitions have reached."""
    found: dict[Partition, date] = {}
    for name, day in cursor.get("reached", {}).items():
        topic, _, partition = name.rpartition(":")
        found[(topic, int(partition))] = date.fromisoformat(day)
    return found


def _name(partition: Partition) -> str:
    return f"{partition[0]}:{partition[1]}"
