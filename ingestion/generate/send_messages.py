"""Send generated messages at a pace: to a topic of Kafka, or as lines to standard output."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import IO, Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from ingestion.kafka.client_internals import open_client

_SECONDS_TO_CONNECT, _SECONDS_FOR_TOPIC, _SECONDS_TO_DELIVER = 5.0, 10.0, 30.0
_LARGEST_BACKLOG = 10_000
"""Messages that the broker has not acknowledged yet: more are not sent until it has."""

Message = dict[str, Any]
Send = Callable[[str, Message], None]
"""Takes the key and the message."""


class NotSent(Exception):
    """Messages could not be sent; the message says why and what to do."""


def send_paced(
    messages: Iterable[Message],
    key: str,
    send: Send,
    *,
    rate: float | None,
    count: int | None,
    stop: threading.Event,
) -> int:
    """Send messages one by one until they are so many, or somebody stops it; how many were sent.

    key: the column that is the key of a message. rate: messages a second; None: as fast as it goes.
    """
    sent = 0
    started = time.monotonic()
    for message in islice(messages, count):
        ahead = 0.0 if rate is None else started + sent / rate - time.monotonic()
        if stop.wait(ahead) if ahead > 0 else stop.is_set():
            break
        send(message[key], message)
        sent += 1
    return sent


def to_lines(stream: IO[str]) -> Send:
    """A line of JSON a message; it goes out at once, so that a pipe sees it when it is made."""

    def send(_key: str, message: Message) -> None:
        stream.write(_json(message) + "\n")
        stream.flush()

    return send


@contextmanager
def to_kafka(bootstrap: str, topic: str) -> Iterator[Send]:
    """A topic; what was sent has arrived when the context ends. Raises NotSent.

    Messages with one key go to one partition and stay in their order.
    """
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # we say ourselves what went wrong
    try:
        settings = {
            "bootstrap_servers": bootstrap.split(","),
            "bootstrap_timeout_ms": int(_SECONDS_TO_CONNECT * 1000),
            "max_block_ms": int(_SECONDS_FOR_TOPIC * 1000),
            "delivery_timeout_ms": int(_SECONDS_TO_DELIVER * 1000),
            "request_timeout_ms": int(_SECONDS_TO_CONNECT * 1000),
            "reconnect_backoff_max_ms": 1000,
            "linger_ms": 5,
        }
        producer = open_client(KafkaProducer, settings)
    except (KafkaError, ValueError) as error:
        raise NotSent(
            f"No Kafka broker answers at {bootstrap}: start one (python -m launch.kafka_broker), "
            "or name another with --bootstrap."
        ) from error
    free = threading.BoundedSemaphore(_LARGEST_BACKLOG)
    failures: list[BaseException] = []

    def failed(error: BaseException) -> None:
        failures.append(error)
        free.release()

    def raise_failure() -> None:
        if failures:
            raise NotSent(f"Kafka at {bootstrap} did not take the messages for {topic}: {_words(failures[0])}.")

    def send(name: str, message: Message) -> None:
        raise_failure()
        if not free.acquire(timeout=2 * _SECONDS_TO_DELIVER):
            raise NotSent(f"Kafka at {bootstrap} does not answer any more: look at its log.")
        try:
            future = producer.send(topic, key=name.encode(), value=_json(message).encode())
        except KafkaTimeoutError as error:
            raise NotSent(f"Kafka at {bootstrap} has no topic {topic}, and does not make it: create it.") from error
        except (KafkaError, ValueError) as error:
            raise NotSent(f"Nothing can be sent to the topic '{topic}': {_words(error)}.") from error
        future.add_callback(lambda _metadata: free.release())
        future.add_errback(failed)

    try:
        yield send
        producer.flush(2 * _SECONDS_TO_DELIVER)
        raise_failure()
    except KafkaError as error:
        raise NotSent(f"Kafka at {bootstrap} did not take all messages for {topic}: {_words(error)}.") from error
    finally:
        producer.close(0)


def _words(error: BaseException) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__


_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
