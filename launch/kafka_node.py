"""What is a broker on this machine told, which cluster is it, and does it answer? Standard library only."""

import socket
import struct
from pathlib import Path

ADDRESS = "127.0.0.1"
PARTITIONS = 4
"""Of a topic that comes into being by its first message."""
_NODE = 1
_DESCRIBE_CLUSTER = struct.pack(">hhih2s3B", 60, 0, 1, 2, b"db", 0, 0, 0)
"""A request of Kafka's protocol: key, version, number, client, and no options."""


def cluster_at(port: int) -> str | None:
    """The cluster of the broker that answers at a port and takes part in it; None where none does."""
    try:
        with socket.create_connection((ADDRESS, port), timeout=2.0) as connection:
            connection.sendall(struct.pack(">i", len(_DESCRIBE_CLUSTER)) + _DESCRIBE_CLUSTER)
            with connection.makefile("rb") as answer:
                (size,) = struct.unpack(">i", answer.read(4))
                return _cluster_of(answer.read(size))
    except (OSError, struct.error, IndexError, UnicodeDecodeError):
        return None


def cluster_in(data: Path) -> str | None:
    """The cluster that a data folder belongs to; None where it has not been prepared."""
    try:
        lines = (data / "meta.properties").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition("=")[2] for line in lines if line.startswith("cluster.id=")), None)


def server_properties(port: int, controller_port: int, data: Path) -> str:
    """What the broker is told. It keeps to loopback, is quick to start and to come back, and sparing with memory."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": _NODE,
        "controller.quorum.voters": f"{_NODE}@{ADDRESS}:{controller_port}",
        "listeners": f"PLAINTEXT://{ADDRESS}:{port},CONTROLLER://{ADDRESS}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{ADDRESS}:{port}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data.as_posix(),
        "num.partitions": PARTITIONS,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 500,
        "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _cluster_of(answer: bytes) -> str | None:
    """The cluster that answers; None where it tells an error or has no broker yet."""
    (error,) = struct.unpack_from(">h", answer, 9)
    place = 11 + max(answer[11], 1)  # after the error message: its length plus one, or 0 for none, and so many bytes
    after = place + max(answer[place], 1)
    has_broker = answer[after + 4] > 1  # after the number of the controller: how many there are, plus one
    return answer[place + 1 : after].decode("ascii") if has_broker and not error else None
