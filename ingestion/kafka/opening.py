"""How is a client of Kafka opened, so that nothing of it is left where it cannot be?"""

from collections.abc import Callable, Mapping
from typing import Any


def open_client(kind: Callable[..., Any], settings: Mapping[str, Any]) -> Any:
    """A consumer, producer or admin client of kafka-python. Raises what its class raises.

    Where the class gives up, because no broker answers, say, the library (3.0.12) leaves the client's sockets open and
    its thread running, and nobody has a hand on them: here they are closed.
    """
    make = kind.DEFAULT_CONFIG["kafka_client"]  # type: ignore[attr-defined]
    made: list[Any] = []

    def remembered(**configs: Any) -> Any:
        made.append(make(**configs))
        return made[-1]

    try:
        return kind(**settings, kafka_client=remembered)
    except BaseException:
        for client in made:
            client.close()
        raise
