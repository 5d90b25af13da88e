"""A real broker, a store with the demo book, and the real sidecar between them, in a process of its own."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from benchmarks.books import DATA
from launch.board import ROOT
from launch.kafka_broker import Broker
from services.access.permissions import OPERATOR
from services.writes.control_feed import pause_feed, resume_feed
from services.writes.load_demo import load_demo
from storage.core.database import Store
from storage.feeds.feeds import FeedState, read_feed
from storage.feeds.partition_offsets import read_offsets

PARTITIONS = 4
_FEED = "kafka"
_LOOK_SECONDS = 0.002
_PATIENCE_SECONDS = 300.0

Message = tuple[str, bytes]
"""Key and value."""


@dataclass(frozen=True, slots=True)
class Progress:
    """At a moment (seconds of the monotonic clock) so many messages were committed in the store.

    worked: seconds of processor time that the sidecar had used by then; None where the system does not say.
    """

    at: float
    messages: int
    worked: float | None


class Stream:
    """Topics of a broker, and the sidecar that reads them into a store.

    topics: name -> kind. On the broker they have the group's name before theirs, so that several streams share it.
    """

    def __init__(self, broker: Broker, url: str, topics: dict[str, str], group: str, log: Path) -> None:
        self.store = Store(url)
        self.store.migrate()
        load_demo(self.store, DATA)
        self._broker, self._url, self._topics, self._group, self._log = broker, url, topics, group, log
        with closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap)) as admin:
            names = map(self._on_broker, topics)
            admin.create_topics([NewTopic(name, num_partitions=PARTITIONS, replication_factor=1) for name in names])
        self._producer = KafkaProducer(bootstrap_servers=broker.bootstrap, linger_ms=1)
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start the sidecar; it is not waited for."""
        pairs = [
            text for topic, kind in self._topics.items() for text in ("--topic", f"{self._on_broker(topic)}={kind}")
        ]
        where = ["--bootstrap", self._broker.bootstrap, "--group", self._group]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ingestion", "kafka", *where, *pairs],
                cwd=ROOT,
                env={**os.environ, "DATABASE_URL": self._url},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """``kill -9``."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def send(self, topic: str, messages: Sequence[Message]) -> None:
        """Send, and wait until the broker has all."""
        for key, value in messages:
            self._producer.send(self._on_broker(topic), key=key.encode(), value=value)
        self._producer.flush(60)

    def committed(self, topic: str) -> int:
        """How many messages of a topic are in the store."""
        with self.store.read() as connection:
            offsets = read_offsets(connection, self._group)
        return sum(offset or 0 for (name, _), offset in offsets.items() if name == self._on_broker(topic))

    def wait_committed(self, topic: str, messages: int) -> list[Progress]:
        """Wait until so many messages of a topic are in the store; the steps on the way."""
        steps: list[Progress] = []

        def look() -> bool:
            now = Progress(time.monotonic(), self.committed(topic), self._worked())
            if not steps or now.messages > steps[-1].messages:
                steps.append(now)
            return now.messages >= messages

        self._wait(look, f"{messages:,} messages of {topic}")
        return steps

    def work_off(self, topic: str, messages: Sequence[Message]) -> list[Progress]:
        """Let messages pile up while the sidecar pauses, then let it work: what it can do, not what we can send."""
        before = self.committed(topic)
        pause_feed(self.store, OPERATOR, _FEED)
        self._wait(lambda: self._state() is FeedState.PAUSED, "the pause")
        self.send(topic, messages)
        resume_feed(self.store, OPERATOR, _FEED)
        return self.wait_committed(topic, before + len(messages))

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        self._producer.close(5)
        self.store.close()

    def _on_broker(self, topic: str) -> str:
        return f"{self._group}-{topic}"

    def _state(self) -> FeedState | None:
        with self.store.read() as connection:
            feed = read_feed(connection, _FEED)
        return FeedState(feed.state) if feed is not None else None

    def _worked(self) -> float | None:
        """Of all threads of the sidecar, on Linux."""
        path = Path(f"/proc/{self.process.pid}/stat") if self.process is not None else Path()
        try:
            fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _wait(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not done():
            if time.monotonic() > deadline or (self.process is not None and self.process.poll() is not None):
                said = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise RuntimeError(f"the sidecar did not come to {what}:\n{said}")
            time.sleep(_LOOK_SECONDS)


@contextmanager
def stream(broker: Broker, url: str | None, topics: dict[str, str], group: str) -> Iterator[Stream]:
    """A stream into a database, or into a throw-away SQLite file."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="deltaboard-bench-")))
        found = Stream(broker, url or f"sqlite:///{folder / 'board.sqlite'}", topics, group, folder / "sidecar.log")
        yield opened.enter_context(closing(found))
