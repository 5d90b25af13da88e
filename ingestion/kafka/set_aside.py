"""Partitions that cannot be read for now: paused, with the reason, and retried with back-off while others go on."""

from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import TopicAuthorizationFailedError, UnsupportedCodecError

_AGAIN_SECONDS = (5.0, 15.0, 60.0)

log = structlog.get_logger("sidecar")


@dataclass(slots=True)
class _Aside:
    """offset: where reading stopped. again_at: when it is tried again; monotonic, in seconds. None: being tried."""

    offset: int
    reason: str
    since: datetime
    attempts: int = 0
    again_at: float | None = None


class SetAside:
    """The partitions that are set aside; one that fails again at the same offset keeps its time."""

    def __init__(self) -> None:
        self._aside: dict[TopicPartition, _Aside] = {}

    @property
    def text(self) -> str:
        """For people: which partitions are set aside, where and why; empty when there are none."""
        return "; ".join(
            f"{partition.topic}[{partition.partition}] set aside at offset {aside.offset} since "
            f"{aside.since:%Y-%m-%d %H:%M:%S} UTC: {aside.reason}"
            for partition, aside in sorted(self._aside.items())
        )

    def __contains__(self, partition: object) -> bool:
        """Whether a partition is paused because it cannot be read."""
        found = self._aside.get(partition) if isinstance(partition, TopicPartition) else None
        return found is not None and found.again_at is not None

    def add(
        self, consumer: KafkaConsumer, partition: TopicPartition, offset: int, fault: Exception, now: float
    ) -> None:
        """Pause a partition that cannot be read at an offset, and say why."""
        consumer.pause(partition)
        reason = reason_of(fault)
        aside = self._aside.get(partition)
        if aside is None or (aside.offset, aside.reason) != (offset, reason):
            aside = self._aside[partition] = _Aside(offset, reason, datetime.now(UTC))
        wait = _AGAIN_SECONDS[min(aside.attempts, len(_AGAIN_SECONDS) - 1)]
        aside.attempts += 1
        aside.again_at = now + wait
        log.warning(
            "partition_set_aside",
            partition=f"{partition.topic}[{partition.partition}]",
            offset=offset,
            reason=reason,
            again_in_seconds=wait,
        )

    def try_again(self, consumer: KafkaConsumer, now: float) -> None:
        """Resume the partitions whose time has come: the next poll reads them, or sets them aside again."""
        for partition, aside in self._aside.items():
            if aside.again_at is not None and now >= aside.again_at:
                aside.again_at = None
                consumer.resume(partition)

    def read(self, partition: TopicPartition) -> None:
        """A partition has been read again."""
        if self._aside.pop(partition, None) is not None:
            log.info("partition_read_again", partition=f"{partition.topic}[{partition.partition}]")

    def clear(self) -> None:
        """Forget all, where the group shares its partitions out anew."""
        self._aside.clear()


def reason_of(fault: Exception) -> str:
    """Why a partition cannot be read, and what to do, in words for people."""
    first_line = next(iter(str(fault).splitlines()), "")
    if isinstance(fault, TopicAuthorizationFailedError):
        return "the broker does not authorize this user to read the topic: grant READ on it"
    if isinstance(fault, UnsupportedCodecError):
        return f"{first_line}: install what requirements.txt names, and start the sidecar again"
    told = f"{type(fault).__name__}: {first_line}" if first_line else type(fault).__name__
    return (
        f"its messages there cannot be decoded ({told}): check the broker's log files, or delete the records up to them"
    )
