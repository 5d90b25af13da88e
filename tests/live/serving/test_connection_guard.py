"""Clients that take nothing, or never finish a request, are closed; those that are slow and go on are not."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from live.serving.connection_guard import ConnectionGuard, Connections
from storage.connection.settings import Settings
from tests.fixtures.databases import wait_for

MEGABYTE = b"x" * 1_000_000


class Guarded:
    """A server behind the guard: /echo answers with the length of a body, /flood sends without end,
    /quiet a little now and then."""

    def __init__(self, wanted: Settings, http: str) -> None:
        self.connections = Connections(wanted)
        self.ended = threading.Event()
        app = Starlette(
            routes=[
                Route("/echo", self._echo, methods=["POST"]),
                WebSocketRoute("/flood", self._flood),
                WebSocketRoute("/quiet", self._quiet),
            ]
        )
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = self._socket.getsockname()
        config = uvicorn.Config(
            ConnectionGuard(app, self.connections),
            log_level="critical",
            lifespan="on",
            http=http,  # type: ignore[arg-type]
            ws="websockets-sansio",
        )
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.server.run, args=([self._socket],))
        self._thread.start()
        wait_for(lambda: self.server.started, 60, "the server")

    def close(self) -> None:
        self.server.should_exit = self.server.force_exit = True
        self._thread.join(60)
        self._socket.close()

    def client(self, said: bytes) -> socket.socket:
        client = socket.create_connection(self.address, timeout=60)
        client.sendall(said)
        return client

    async def _echo(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    async def _quiet(self, websocket: WebSocket) -> None:
        await websocket.accept()
        while True:
            await websocket.send_text("still here")
            await asyncio.sleep(0.1)

    async def _flood(self, websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            while True:
                await self.connections.room(len(MEGABYTE))
                await websocket.send_bytes(MEGABYTE)
                await asyncio.sleep(0)
        except Exception:
            self.ended.set()
            raise


@contextmanager
def guarded(wanted: Settings, http: str = "auto") -> Iterator[Guarded]:
    server = Guarded(wanted, http)
    try:
        yield server
    finally:
        server.close()


def is_closed(client: socket.socket) -> bool:
    """Whether the server hangs up without an answer; waits for it."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True
    finally:
        client.close()


FLOOD = (
    b"GET /flood HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
REFUSED_HANDSHAKES = {
    "a query that is too long": (FLOOD.replace(b"/flood", b"/flood?book=" + b"a" * 9_000), b"414"),
    "a path that is too long": (FLOOD.replace(b"/flood", b"/" + b"a" * 60_000), b"414"),
    "a header that is too long": (FLOOD.replace(b"Host: h", b"Host: h\r\nCookie: " + b"a" * 9_000), b"431"),
    "too many headers": (FLOOD.replace(b"Host: h", b"Host: h" + b"\r\nX: y" * 200), b"431"),
}
HALF = {
    "nothing": b"",
    "a byte": b"G",
    "half a head": b"GET / HTTP/1.1\r\nHost: h\r\nX: ",
    "half a body": b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf",
    "half a head after a whole request": b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\nGET / HTT",
}


def test_a_handshake_that_cannot_be_read_is_answered_and_closed() -> None:
    """Nobody waits for an answer until the client gives up."""
    with guarded(Settings()) as server:
        for name, (said, status) in REFUSED_HANDSHAKES.items():
            client = server.client(said)
            client.settimeout(20)
            with client, client.makefile("rb") as answer:
                assert answer.read().split(b" ", 2)[1] == status, name
        with server.client(FLOOD) as whole, whole.makefile("rb") as answer:
            assert b" 101 " in answer.readline(), "what is short enough is taken"


@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_half_a_request_is_closed_and_a_whole_one_answered(http: str) -> None:
    with guarded(Settings(slow_client_seconds=0.5), http) as server:
        clients = {name: server.client(said) for name, said in HALF.items()}
        whole = server.client(b"POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody")
        answer = b""
        while part := whole.recv(1000):
            answer += part
        whole.close()
        assert answer.endswith(b"4")
        after = clients.pop("half a head after a whole request")
        assert after.recv(12) == b"HTTP/1.1 200"
        after.close()
        assert {name for name, client in clients.items() if not is_closed(client)} == set()


@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_a_websocket_stays_open_however_long(http: str) -> None:
    """It has made its one request; there is no other to wait for."""
    with guarded(Settings(slow_client_seconds=0.5), http) as server:
        client = server.client(FLOOD.replace(b"/flood", b"/quiet"))
        with client, client.makefile("rb") as answer:
            assert b" 101 " in answer.readline()
            while answer.readline().strip():
                pass
            for _ in range(30):  # three seconds
                assert b"still here" in answer.read(12)


def test_who_takes_nothing_is_closed() -> None:
    with guarded(Settings(slow_client_seconds=0.5)) as server:
        client = server.client(FLOOD)
        assert client.recv(12) == b"HTTP/1.1 101"
        assert server.ended.wait(60), "the connection is given up"
        wait_for(lambda: server.connections.unsent == 0, 60, "its bytes to go")
        client.close()


def test_what_waits_for_all_is_bounded() -> None:
    with guarded(Settings(slow_client_seconds=3600.0, unsent_megabytes=3.0)) as server:
        clients = [server.client(FLOOD) for _ in range(8)]
        most = 0

        def given_up() -> bool:
            nonlocal most
            most = max(most, server.connections.unsent)
            return server.ended.is_set()

        wait_for(lambda: most > 0 or given_up(), 60, "something to wait", pause=0.01)
        assert most < 8_000_000
        for client in clients:
            client.close()


def test_the_number_of_half_sent_requests_is_bounded() -> None:
    with guarded(Settings(slow_client_seconds=3600.0, unfinished_requests=5)) as server:
        clients = [server.client(b"GET / HTTP/1.1\r\nX: ") for _ in range(9)]
        assert [is_closed(client) for client in clients[:4]] == [True] * 4, "the oldest go"
        for client in clients[4:]:
            client.close()


class Fake:
    """A transport of which the test says how much waits."""

    def __init__(self) -> None:
        self.unsent = 0
        self.is_aborted = False

    def get_write_buffer_size(self) -> int:
        return 0 if self.is_aborted else self.unsent

    def abort(self) -> None:
        self.is_aborted = True


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> tuple[Connections, Fake, Callable[[float], None]]:
    """The connections, the transport of a websocket, and the clock."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr("live.serving.connection_guard.time", SimpleNamespace(monotonic=lambda: clock.now))
    connections, transport = Connections(Settings(slow_client_seconds=20.0, unsent_megabytes=1.0)), Fake()
    connections.made(SimpleNamespace(), transport, has_request=True)

    def pass_seconds(seconds: float) -> None:
        clock.now += seconds
        connections.look(clock.now)

    return connections, transport, pass_seconds


@pytest.mark.parametrize(
    ("taken_a_second", "is_closed_then"), [(0, True), (1, True), (500, True), (2_000, False), (100_000, False)]
)
def test_progress_is_what_counts(watched: Any, taken_a_second: int, is_closed_then: bool) -> None:
    _, transport, pass_seconds = watched
    transport.unsent = 900_000
    for _ in range(60):
        pass_seconds(1.0)
        transport.unsent = max(0, transport.unsent - taken_a_second)
    assert transport.is_aborted is is_closed_then


def test_who_takes_everything_stays_whatever_comes_anew(watched: Any) -> None:
    _, transport, pass_seconds = watched
    for n in range(100):
        transport.unsent = 0 if n % 5 == 4 else 800_000
        pass_seconds(1.0)
    assert not transport.is_aborted


def test_while_too_much_waits_the_patience_is_short(watched: Any) -> None:
    connections, transport, pass_seconds = watched
    moving = Fake()
    connections.made(SimpleNamespace(), moving, has_request=True)
    transport.unsent, moving.unsent = 900_000, 600_000
    for _ in range(4):
        pass_seconds(1.0)
        moving.unsent -= 50_000
    assert (transport.is_aborted, moving.is_aborted) == (True, False)


def test_an_application_that_reads_slowly_is_not_the_clients_fault(watched: Any) -> None:
    connections, _, pass_seconds = watched
    transport = Fake()
    cycle = SimpleNamespace(response_complete=False, more_body=True)
    protocol = SimpleNamespace(cycle=cycle, flow=SimpleNamespace(read_paused=True))
    connections.made(protocol, transport, has_request=False)
    connections.received(protocol, transport, 10)
    for _ in range(60):
        pass_seconds(1.0)
    assert not transport.is_aborted
    protocol.flow.read_paused = False
    for _ in range(22):
        pass_seconds(1.0)
    assert transport.is_aborted
