"""How the Kafka broker is reached: the consumer's settings, and a consumer that opens without holding anything up."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import closing, suppress
from typing import Any

import structlog
from kafka import KafkaAdminClient, KafkaConsumer
from kafka.admin import MemberToRemove
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.errors import KafkaError

from ingestion.kafka.client_internals import open_client

_DEFAULTS: dict[str, Any] = {
    "fetch_max_bytes": 4 * 1024 * 1024,  # what is read ahead is held in memory
    "fetch_max_wait_ms": 200,
    "session_timeout_ms": 10_000,
    "heartbeat_interval_ms": 2_000,
    "metadata_max_age_ms": 3_000,  # so soon a topic or partition that is new is seen
    "request_timeout_ms": 10_000,
    "reconnect_backoff_max_ms": 1_000,
    "isolation_level": "read_committed",
    "metrics_enabled": False,
}
_OURS: dict[str, Any] = {
    "enable_auto_commit": False,  # the store's offsets rule
    "auto_offset_reset": "none",  # messages that are gone are said to be gone, not skipped silently
    "allow_auto_create_topics": False,
    "key_deserializer": None,
    "value_deserializer": None,
    "bootstrap_timeout_ms": None,
    # Partitions of one number are one member's in all topics: trades and quotes with one key meet. The second is what
    # sidecars of former versions know: a group takes the first that all of its members do.
    "partition_assignment_strategy": (RangePartitionAssignor, RoundRobinPartitionAssignor),
}
_NAMED_ELSEWHERE = {"bootstrap_servers": "--bootstrap", "group_id": "--group", "max_poll_records": "--max-batch"}

log = structlog.get_logger("sidecar")


class SettingFault(Exception):
    """A setting of the consumer cannot be taken; the message says why."""


def consumer_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """What the command line says as ``name=value``, with the types that the consumer wants. Raises SettingFault."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise SettingFault(f"--config must be name=value, it is '{pair}'.")
        if name in _NAMED_ELSEWHERE:
            raise SettingFault(f"--config {name}: use {_NAMED_ELSEWHERE[name]}.")
        if name in _OURS:
            raise SettingFault(f"--config {name}: it must stay as it is, for each message to take effect once.")
        if name not in KafkaConsumer.DEFAULT_CONFIG:
            raise SettingFault(f"--config {name}: kafka-python's consumer has no such setting.")
        settings[name] = _typed(name, text, KafkaConsumer.DEFAULT_CONFIG[name])
    return settings


def open_consumer(
    bootstrap: str, group: str, client: str, settings: dict[str, Any], gone_member: str | None
) -> "Future[KafkaConsumer]":
    """A consumer as soon as a broker answers; a thread waits for it. Settings that contradict each other are raised.

    gone_member: a member of the group that is known to be dead. It is taken out, or its partitions would be waited for
    until its session ends.
    """
    wanted = {**_DEFAULTS, **settings, **_OURS}
    wanted |= {"bootstrap_servers": bootstrap.split(","), "group_id": group, "client_id": client}
    opened: Future[KafkaConsumer] = Future()

    def run() -> None:
        try:
            consumer = open_client(KafkaConsumer, wanted)
            if gone_member:
                _remove(wanted, group, gone_member)
        except BaseException as fault:
            opened.set_exception(fault)
        else:
            opened.set_result(consumer)

    threading.Thread(target=run, name="deltaboard-kafka-open", daemon=True).start()
    return opened


def close_consumer(consumer: KafkaConsumer) -> None:
    """Leave the group, so that others need not wait for this member's session to end."""
    with suppress(KafkaError, RuntimeError):
        consumer.close(autocommit=False, timeout_ms=2000)


def _remove(settings: dict[str, Any], group: str, member: str) -> None:
    known = {name: value for name, value in settings.items() if name in KafkaAdminClient.DEFAULT_CONFIG}
    try:
        with closing(open_client(KafkaAdminClient, {**known, "bootstrap_timeout_ms": 5000})) as admin:
            admin.remove_group_members(group, [MemberToRemove(member_id=member)])
    except KafkaError as fault:
        log.info("dead_member_kept", group=group, error=str(fault))


def _typed(name: str, text: str, default: Any) -> Any:
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(default, int):
            return int(text)
        if isinstance(default, float):
            return float(text)
    except (KeyError, ValueError):
        wanted = "true or false" if isinstance(default, bool) else "a number"
        raise SettingFault(f"--config {name} must be {wanted}, it is '{text}'.") from None
    if default is None or isinstance(default, str):
        return int(text) if text.isdecimal() and not isinstance(default, str) else text
    raise SettingFault(f"--config {name}: this one is no text or number, and cannot be set here.")
