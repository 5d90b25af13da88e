"""Which partitions are ours to read, and from where: what the group says, claimed in the store, whose offsets rule."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition

from storage.core.database import Store
from storage.feeds.feeds import move_cursor
from storage.feeds.partition_offsets import claim_partitions

_PATIENCE_MILLISECONDS = 1000

log = structlog.get_logger("sidecar")


@dataclass(slots=True)
class Place:
    """Where a partition is. stored: the offset that the store has; begins: where it is read from when that is None."""

    stored: int | None
    begins: int

    @property
    def offset(self) -> int:
        return self.begins if self.stored is None else self.stored


class Assignment(ConsumerRebalanceListener):  # type: ignore[misc]
    """The partitions that the group has given us.

    The library calls the ``on_`` methods in its own thread, while ours waits in ``poll``; a database must not be asked
    there. They hold the partitions back, and ``settle`` in our thread claims them and lets them go on.
    """

    def __init__(self, store: Store, group: str, feed: str, owner: str) -> None:
        self._store = store
        self._group, self._feed, self._owner = group, feed, owner
        self._consumer: KafkaConsumer | None = None
        self._given: frozenset[TopicPartition] | None = None
        self.taken_away = False
        """Whether partitions were taken from us: what was read of them must be thrown away."""
        self.places: dict[TopicPartition, Place] = {}

    def follow(self, consumer: KafkaConsumer, topics: Collection[str]) -> None:
        """Join the group for these topics, or join it anew: then whoever the group means owns the partitions."""
        self._consumer = consumer
        if consumer.subscription():
            consumer.unsubscribe()
        self.on_partitions_revoked(())
        consumer.subscribe(sorted(topics), listener=self)

    @property
    def waits(self) -> bool:
        """Whether there are partitions that we have been given and have not claimed."""
        return self._given is not None

    def on_partitions_revoked(self, _revoked: Collection[TopicPartition]) -> None:
        """The group is about to share its partitions out anew: none is ours until then."""
        self.taken_away, self._given = True, None
        self.places = {}

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        assert self._consumer is not None
        self.on_partitions_revoked(())
        self._consumer.pause(*assigned)
        for partition in assigned:
            self._consumer.seek(partition, 0)  # any place will do: without one the library asks for Kafka's own offset
        self._given = frozenset(assigned)

    def settle(self, cursor: Mapping[str, Any], *, paused: bool) -> None:
        """Claim what was given, and read it from where the store says. May be called again when it raised.

        Raises what the store raises when it is away, KafkaError, and FeedLost.
        """
        given, consumer = self._given, self._consumer
        assert given is not None
        assert consumer is not None
        with self._store.bookkeeping() as connection:
            stored = claim_partitions(connection, self._group, sorted(given), self._owner)
            move_cursor(connection, self._feed, self._owner, dict(cursor))
        never_read = [partition for partition in given if stored[tuple(partition)] is None]
        begins = consumer.beginning_offsets(never_read, timeout_ms=_PATIENCE_MILLISECONDS) if never_read else {}
        self.places = {
            partition: Place(stored[tuple(partition)], begins.get(partition, 0)) for partition in sorted(given)
        }
        for partition, place in self.places.items():
            consumer.seek(partition, place.offset)
        if not paused:
            consumer.resume(*self.places)
        self._given = None
        log.info("reads", group=self._group, partitions=partitions_text(self.places) or "none")


def partitions_text(partitions: Collection[TopicPartition]) -> str:
    """For people: topics with the numbers of their partitions."""
    by_topic: dict[str, list[int]] = {}
    for topic, partition in sorted(partitions):
        by_topic.setdefault(topic, []).append(partition)
    return ", ".join(f"{topic}[{','.join(map(str, numbers))}]" for topic, numbers in by_topic.items())
