"""How far is the feed behind, and does the broker answer? Asked once a second, by one cheap request."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

_LOOK_SECONDS, _PATIENCE_MILLISECONDS = 1.0, 200
_AWAY_SECONDS = 3.0
"""A broker that has not answered for so long is away; a busy one may take a second."""
_FRESH_SECONDS = 5.0
"""For so long the lag of the last batch stands for a feed that is behind nothing."""

log = structlog.get_logger("sidecar")


class KafkaLag:
    """What is known of the broker and of the messages that wait there. Times are of the monotonic clock."""

    def __init__(self, bootstrap: str, now: float) -> None:
        self._bootstrap = bootstrap
        self._next_look = 0.0
        self._caught_up_at = self._last_batch_at = self._heard_at = now
        self.away_since: datetime | None = None
        self.behind: int | None = None
        """How many messages wait; None: not known."""

    def look(self, consumer: KafkaConsumer, places: Mapping[TopicPartition, int], now: float) -> None:
        """Ask for the ends of these partitions, if it is time. places: the offset that each is to be read from."""
        if now < self._next_look or not places:
            return
        self._next_look = now + _LOOK_SECONDS
        try:
            ends = consumer.end_offsets(list(places), timeout_ms=_PATIENCE_MILLISECONDS)
        except KafkaError as fault:
            self._answers_not(fault, now)
            return
        self._answers(now)
        self.behind = sum(max(0, ends[partition] - offset) for partition, offset in places.items())
        if not self.behind:
            self._caught_up_at = now

    def _answers(self, now: float) -> None:
        self._heard_at = now
        if self.away_since is not None:
            log.info("broker_available", bootstrap=self._bootstrap)
        self.away_since = None

    def applied(self, stamped_before: float, now: float) -> None:
        """A batch is in the store; its newest message was sent so many seconds before."""
        self._caught_up_at = max(self._caught_up_at, now - stamped_before)
        self._last_batch_at = now

    def seconds(self, now: float) -> float | None:
        """How old what waits may be; None: the last batch's own lag says it."""
        if self.away_since is not None or self.behind:
            return max(0.0, now - self._caught_up_at)
        return None if now - self._last_batch_at < _FRESH_SECONDS else 0.0

    def _answers_not(self, fault: KafkaError, now: float) -> None:
        if self.away_since is None and now - self._heard_at >= _AWAY_SECONDS:
            self.away_since = datetime.now(UTC) - timedelta(seconds=now - self._heard_at)
            log.warning("broker_unavailable", bootstrap=self._bootstrap, error=str(fault))
