"""Workarounds for kafka-python 3.0.12 that stand on its private names: no other module knows any of them.

`tests/ingestion/kafka/test_client_internals.py` says which of them an upgrade has taken away.
"""

import traceback
from collections.abc import Callable, Mapping
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import TopicAuthorizationFailedError
from kafka.structs import MemberState


def open_client(kind: Callable[..., Any], settings: Mapping[str, Any]) -> Any:
    """A consumer, producer or admin client of kafka-python. Raises what its class raises.

    Where the class gives up, because no broker answers, say, the library leaves the client's sockets open and its
    thread running, and nothing has a hand on them: here they are closed. A consumer's setting that topics must not be
    created does not get through to where topics are asked for: here it does.
    """
    make = kind.DEFAULT_CONFIG["kafka_client"]  # type: ignore[attr-defined]
    made: list[Any] = []

    def remembered(**configs: Any) -> Any:
        client = make(**configs)
        made.append(client)
        client.cluster.config["allow_auto_create_topics"] = settings.get("allow_auto_create_topics", True)
        return client

    try:
        return kind(**settings, kafka_client=remembered)
    except BaseException:
        for client in made:
            client.close()
        raise


class _Joining:
    """A joining that the library has to wait for, and then takes, even where it has ended already."""

    is_done = False

    def __init__(self, join: Any) -> None:
        self.add_callback, self.add_errback = join.add_callback, join.add_errback


def go_on_joining(consumer: KafkaConsumer) -> None:
    """After a poll: a joining that it did not wait for to the end goes on at the next one.

    Where new partitions were the reason to join again, the library forgets it when the leader has shared them
    out, never takes its own share, and is expelled. A joining that ends between two polls it throws away and begins
    another, for which everybody has to join again: with polls this short that may go on for long.
    """
    if consumer.group_metadata().state == MemberState.REBALANCING:
        coordinator = consumer._coordinator
        coordinator.request_rejoin()
        if coordinator._join_task is not None and not isinstance(coordinator._join_task, _Joining):
            coordinator._join_task = _Joining(coordinator._join_task)


def unreadable_partitions(consumer: KafkaConsumer, fault: Exception) -> list[TopicPartition]:
    """The partitions whose messages made a poll raise; empty where the fault is of no partition.

    The library does not say which, and keeps what it failed to unpack: the next poll would go around in it
    for ever, without listening to anybody. Here it is thrown away, so that the messages are fetched anew.
    """
    if isinstance(fault, TopicAuthorizationFailedError):
        topics = fault.args[0] if fault.args else ()
        return [partition for partition in consumer.assignment() if partition.topic in topics]
    unpacking = consumer._fetcher._next_partition_records
    frames = {frame.f_code.co_name: frame for frame, _ in traceback.walk_tb(fault.__traceback__)}
    if "take" in frames and unpacking:
        unpacking.drain()
        return [unpacking.topic_partition]
    return [frames["_parse_fetched_data"].f_locals["tp"]] if "_parse_fetched_data" in frames else []
