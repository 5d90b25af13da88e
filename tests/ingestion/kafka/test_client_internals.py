"""kafka-python has what our workarounds stand on; a client that cannot be opened leaves no thread and no socket."""

import gc
import threading
import warnings
from contextlib import closing
from importlib.metadata import version
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from ingestion.kafka.client_internals import open_client
from launch.kafka_broker import Broker
from tests.fixtures.databases import free_port


@pytest.mark.parametrize("kind", [KafkaAdminClient, KafkaConsumer, KafkaProducer])
def test_nothing_is_left_of_what_no_broker_answers(kind: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", "kafka")  # a record that is kept would keep the client
    running = set(threading.enumerate())
    gc.collect()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(KafkaError):
            open_client(kind, {"bootstrap_servers": f"127.0.0.1:{free_port()}", "bootstrap_timeout_ms": 300})
        gc.collect()
    assert set(threading.enumerate()) <= running
    left = [str(each.message) for each in told]
    assert not [words for words in left if "'0.0.0.0'" not in words], "beside those of refused connections"


@pytest.mark.kafka
def test_the_library_has_what_the_workarounds_stand_on(broker: Broker) -> None:
    """After an upgrade of kafka-python: what is missing, and which workaround has to be written anew or can go."""
    settings = {"bootstrap_servers": broker.bootstrap, "group_id": "contract", "allow_auto_create_topics": False}
    with closing(open_client(KafkaConsumer, settings)) as consumer:
        stands_on = {
            "open_client": [
                (consumer, "_cluster.config"),
                (KafkaConsumer, "DEFAULT_CONFIG"),
            ],
            "go_on_joining": [
                (consumer, "_coordinator.request_rejoin"),
                (consumer, "_coordinator._join_task"),
                (consumer.group_metadata(), "state"),
            ],
            "unreadable_partitions": [
                (consumer, "_fetcher._next_partition_records"),
                (consumer, "_fetcher.PartitionRecords.take"),
                (consumer, "_fetcher.PartitionRecords.drain"),
                (consumer, "_fetcher._parse_fetched_data"),
            ],
        }
        gone = [
            f"kafka-python {version('kafka-python')} has no {type(owner).__name__}.{path} any more: "
            f"see {workaround} in ingestion/kafka/client_internals.py"
            for workaround, found in stands_on.items()
            for owner, path in found
            if not _has(owner, path)
        ]
        assert not gone
        assert consumer._cluster.config["allow_auto_create_topics"] is False, "topics are created by asking for them"
        assert "tp" in consumer._fetcher._parse_fetched_data.__code__.co_varnames, "unreadable_partitions reads `tp`"


def _has(owner: Any, path: str) -> bool:
    for name in path.split("."):
        if not hasattr(owner, name):
            return False
        owner = getattr(owner, name)
    return True
