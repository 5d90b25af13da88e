"""A Kafka sidecar that runs in a thread of the tests, and messages for it."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from ingestion.deserializers import TRADE_TICKET
from ingestion.kafka.batch import Topic
from ingestion.kafka.feed import KafkaFeed, KafkaOptions
from ingestion.sidecar.runner import Sidecar
from launch.kafka_broker import Broker
from services.records.read_message import deserializer_named
from storage.connection.settings import Settings
from storage.core.database import Store
from storage.feeds.feeds import Feed, read_feed
from tests.ingestion.sidecar_thread import SidecarThread

ARTICLE = {
    "AsOfDate": "2020-07-09",
    "TradeId": "New_Trd_Test",
    "Ticker": "OXY",
    "Book": "EQ_VOL_HED",
    "Product": "EQ_Option",
    "Quantity": 45,
    "Strike": -31.41249430583221,
    "Maturity": "2022-10-01",
    "OptionType": "put",
    "MarketValue": 89.43425919208067,
}
"""The article's test message: its strike is negative."""
QUICK = {"session_timeout_ms": 6000, "heartbeat_interval_ms": 300}
"""The shortest session that the broker allows, so that a dead member is not waited for long."""


def ticket(trade_id: str = "T1", **changes: Any) -> bytes:
    """A trade message like the article's, with a strike above 0; None leaves a field out."""
    fields = {**ARTICLE, "TradeId": trade_id, "Strike": 31.5, **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def quote_message(price: float, at: str = "2020-07-09T14:00:00Z", instrument: str = "OXY") -> bytes:
    return json.dumps({"AsOfDate": at, "Instrument": instrument, "Quote": price}).encode()


def topic_of(kind: str, deserializer: str = TRADE_TICKET) -> Topic:
    return Topic(kind, deserializer, deserializer_named(deserializer))


def rows(store: Store, query: str) -> list[tuple[Any, ...]]:
    """What a query finds."""
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def one(store: Store, query: str) -> Any:
    """The one value that a query finds."""
    return rows(store, query)[0][0]


class KafkaSidecar(SidecarThread):
    """A sidecar that reads Kafka, in a thread."""

    def __init__(
        self, store: Store, broker: Broker, topics: Mapping[str, Topic], *, name: str = "kafka", **options: Any
    ) -> None:
        self.store, self.name = store, name
        options = {"group": "deltaboard", "batch_seconds": 0.05, "consumer": QUICK, **options}
        self._options = KafkaOptions(bootstrap=broker.bootstrap, topics=topics, **options)
        self.feed: KafkaFeed | None = None
        super().__init__(lambda: Sidecar(self.store, Settings(), self.name, self._open))

    @property
    def row(self) -> Feed | None:
        """What the store says of the feed."""
        with self.store.read() as connection:
            return read_feed(connection, self.name)

    @property
    def detail(self) -> str:
        return self.row.detail if self.row else ""

    def wait_for_rows(self, count: int, table: str) -> None:
        """Wait until a table (with a condition, if any) has so many rows."""
        self.wait_for(lambda: one(self.store, f"SELECT count(*) FROM {table}") >= count, f"{count} of {table}")
        assert one(self.store, f"SELECT count(*) FROM {table}") == count

    def wait_for_offset(self, topic: str, offset: int, partition: int = 0) -> None:
        """Wait until the store says that a partition goes on at an offset."""
        query = f"SELECT next_offset FROM partition_offsets WHERE topic = '{topic}' AND partition = {partition}"
        self.wait_for(lambda: [offset] == [row[0] for row in rows(self.store, query)], f"offset {offset} of {topic}")

    def _open(self, row: Feed) -> KafkaFeed:
        self.feed = KafkaFeed(self.store, row, self._options)
        return self.feed
