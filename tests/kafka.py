"""A real Kafka broker, started for the tests and thrown away after them.

Where Java or Kafka's jars are missing its tests are skipped, loudly; under CI, where they must be, they fail.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import count

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from launch.components import is_ci
from launch.kafka_broker import Broker
from launch.messages import Refusal

Message = bytes | None | tuple[bytes | None, bytes | None, int | None]
"""A value alone, or key, value and partition."""

_names = (f"topic-{number}" for number in count())


def new_broker() -> Broker:
    """A started broker of the test's own, to be killed and restarted at will; close it afterwards."""
    broker = Broker()
    try:
        broker.start()
    except Refusal as refusal:
        broker.close()
        message = f"Kafka is missing: THE TESTS WITH KAFKA DID NOT RUN ({refusal})"
        if is_ci():
            pytest.fail(message)
        pytest.skip(message)
    return broker


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A running broker that all tests share: leave it running, and take a topic of your own."""
    with closing(new_broker()) as started:
        yield started


def fresh_topic(broker: Broker, partitions: int = 1, prefix: str = "", **configs: str) -> str:
    """Make a topic that nobody else uses, with settings of the broker (compression_type for its compression.type)."""
    name = prefix + next(_names)
    named = {setting.replace("_", "."): value for setting, value in configs.items()}
    with closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap)) as admin:
        admin.create_topics([NewTopic(name, num_partitions=partitions, replication_factor=1, topic_configs=named)])
    return name


def produce(broker: Broker, topic: str, messages: Sequence[Message]) -> None:
    """Send messages in their order, and wait until the broker has them all."""
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap)) as producer:
        sent = []
        for message in messages:
            key, value, partition = message if isinstance(message, tuple) else (None, message, None)
            sent.append(producer.send(topic, value=value, key=key, partition=partition))
        producer.flush(120)
        for future in sent:
            future.get(120)


def everything_in(broker: Broker, topic: str, partitions: int = 1) -> list[tuple[bytes | None, bytes | None]]:
    """Key and value of all messages of a topic that are there now, partition by partition."""
    places = [TopicPartition(topic, partition) for partition in range(partitions)]
    found: list[tuple[bytes | None, bytes | None]] = []
    with closing(
        KafkaConsumer(bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
    ) as consumer:
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        while any(consumer.position(place) < end for place, end in ends.items()):
            for records in consumer.poll(timeout_ms=500).values():
                found += [(record.key, record.value) for record in records]
    return found
