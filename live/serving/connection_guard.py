"""Close connections that take nothing of what waits for them, never finish what they ask for, or ask for too much.

Uvicorn has no limit of either kind, and Streamlit starts it without asking. So this stands before the application, is
told of the start of the server, and has its connections made by protocols that report to it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from storage.connection.settings import Settings
from storage.connection.supervision import Supervised, supervised

_LOOK_SECONDS = 1.0
_LEAST_BYTES_A_SECOND = 1_000
"""So fast a body must come, and what waits must be taken, once the patience is over."""
_PRESSED_SECONDS = 2.0
"""The patience while more waits to be taken than may."""
_WAITS_SECONDS = 0.1
_LARGE_BYTES = 65_536

log = structlog.get_logger("web")


@dataclass(slots=True)
class Connection:
    """What is known of one connection; instants are monotonic."""

    protocol: Any
    transport: Any
    unfinished_since: float | None
    """Since when a request is awaited whose head has not come whole; None: none is."""
    body_since: float = 0.0
    body_bytes: int = 0
    unsent: int = 0
    moved_at: float = 0.0
    """When enough of what waits was last taken, or nothing waited."""


class Connections:
    """The connections of one server. Used on its event loop alone."""

    def __init__(self, settings: Settings) -> None:
        self._patience = settings.slow_client_seconds
        self._most_unsent = int(settings.unsent_megabytes * 1e6)
        self._most_unfinished = settings.unfinished_requests
        self._known: dict[int, Connection] = {}

    def made(self, protocol: Any, transport: Any, *, has_request: bool) -> None:
        """A connection was opened, or goes on as a websocket."""
        now = time.monotonic()
        self._known[id(transport)] = Connection(protocol, transport, None if has_request else now, moved_at=now)
        if not has_request:
            self._bound_unfinished()

    def lost(self, transport: Any) -> None:
        self._known.pop(id(transport), None)

    def received(self, protocol: Any, transport: Any, count: int) -> None:
        """Note what came, after the protocol has read it: it may have handed the connection on to a websocket's."""
        known = self._known.get(id(transport))
        if known is None or known.protocol is not protocol:
            return
        now = time.monotonic()
        cycle = getattr(known.protocol, "cycle", None)
        if cycle is None or cycle.response_complete:
            known.unfinished_since = known.unfinished_since or now
            return
        if known.unfinished_since is not None or not known.body_since:
            known.unfinished_since, known.body_since, known.body_bytes = None, now, 0
        known.body_bytes += count

    @property
    def unsent(self) -> int:
        """How many bytes wait to be taken, by all clients."""
        return sum(known.transport.get_write_buffer_size() for known in self._known.values())

    async def room(self, count: int) -> None:
        """Wait until so many bytes more may wait to be taken; small messages need not."""
        while count > _LARGE_BYTES and (waits := self.unsent) and waits + count > self._most_unsent:
            await asyncio.sleep(_WAITS_SECONDS)

    def look(self, now: float) -> None:
        """Close what has used up the patience."""
        for known in list(self._known.values()):
            reason = self._fault_of(known, now)
            if reason is not None:
                self._close(known, reason)
        if self.unsent > self._most_unsent:
            stalled = [known for known in self._known.values() if now - known.moved_at > _PRESSED_SECONDS]
            for known in sorted(stalled, key=lambda known: known.moved_at):
                self._close(known, "too much waits")
                if self.unsent <= self._most_unsent:
                    break

    def _fault_of(self, known: Connection, now: float) -> str | None:
        unsent = known.transport.get_write_buffer_size()
        enough = max(1, int(_LEAST_BYTES_A_SECOND * (now - known.moved_at)))
        if not unsent or known.unsent - unsent >= enough:
            known.moved_at, known.unsent = now, unsent
        known.unsent = max(known.unsent, unsent)  # more may have been added
        if now - known.moved_at > self._patience:
            return "takes nothing"
        if known.unfinished_since is not None and now - known.unfinished_since > self._patience:
            return "no whole request"
        return "no whole body" if self._is_late(known, now) else None

    def _is_late(self, known: Connection, now: float) -> bool:
        """Whether a body comes too slowly; one that we do not read meanwhile is in time."""
        cycle, flow = getattr(known.protocol, "cycle", None), getattr(known.protocol, "flow", None)
        if cycle is None or cycle.response_complete or not cycle.more_body or not known.body_since:
            return False
        if flow is not None and flow.read_paused:
            known.body_since, known.body_bytes = now, 0
            return False
        waited = now - known.body_since
        return waited > self._patience and known.body_bytes < _LEAST_BYTES_A_SECOND * waited

    def _bound_unfinished(self) -> None:
        unfinished = [known for known in self._known.values() if known.unfinished_since is not None]
        if len(unfinished) > self._most_unfinished:
            self._close(min(unfinished, key=lambda known: known.unfinished_since or 0.0), "too many without a request")

    def _close(self, known: Connection, reason: str) -> None:
        log.info("connection_closed", reason=reason, unsent=known.transport.get_write_buffer_size())
        self.lost(known.transport)
        known.transport.abort()  # an ordinary close waits until all is taken


class ConnectionGuard:
    """Stands before the application, and looks at all connections every second."""

    def __init__(self, app: ASGIApp, connections: Connections) -> None:
        self._app = app
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        config = getattr(getattr(receive, "__self__", None), "config", None)
        sign_of_life = supervised("connection guard")
        if config is None or not hasattr(config, "http_protocol_class"):
            sign_of_life.failed(RuntimeError("this server is not the one that is known"))
            await self._app(scope, receive, send)
            return
        config.http_protocol_class = _reporting(config.http_protocol_class, self._connections, has_request=False)
        config.ws_protocol_class = _reporting(config.ws_protocol_class, self._connections, has_request=True)
        looking = asyncio.create_task(self._keep_looking(sign_of_life))
        try:
            await self._app(scope, receive, send)
        finally:
            looking.cancel()
            sign_of_life.leave()

    async def _keep_looking(self, sign_of_life: Supervised) -> None:
        while True:
            try:
                self._connections.look(time.monotonic())
                sign_of_life.beat()
            except Exception as error:
                sign_of_life.failed(error)
            await asyncio.sleep(_LOOK_SECONDS)


def _reporting(kind: Any, connections: Connections, *, has_request: bool) -> Any:
    """The protocol of this kind that reports its connections."""

    class Reporting(kind):  # type: ignore[misc]
        def connection_made(self, transport: Any) -> None:
            connections.made(self, transport, has_request=has_request)
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            connections.lost(self.transport)
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if has_request:
                _answer_refused_handshake(self)
            else:
                connections.received(self, self.transport, len(data))

    return Reporting


def _answer_refused_handshake(protocol: Any) -> None:
    """Send what the protocol wrote to refuse a head, such as one too long, and hang up: Uvicorn does neither."""
    handshake: Any = getattr(protocol, "conn", None)
    if getattr(handshake, "handshake_exc", None) is None or protocol.transport.is_closing():
        return
    protocol.transport.write(b"".join(handshake.data_to_send()))
    protocol.transport.close()


Room = Callable[[int], Awaitable[None]]
"""Waits until so many bytes may be sent."""


async def no_bound(_count: int) -> None:
    """Where no connections are guarded."""
