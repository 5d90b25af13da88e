"""A client of Kafka that cannot be opened leaves no thread and no socket behind."""

import gc
import threading
import warnings
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from ingestion.kafka.opening import open_client
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
