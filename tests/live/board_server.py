"""A small server for the browser tests: the real assets, a bare page, and websockets that say what a test wants."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from live.components.panels import ASSETS_FOLDER

PAGE = """<!doctype html><meta charset="utf-8"><title>Panels</title>
<style>body { margin: 0; --st-background-color: #0e1116; --st-secondary-background-color: #151a21;
--st-text-color: #d7dde6; --st-border-color: #232a34; background: #0e1116 }</style>
<script type="module">
import { mount } from '/deltaboard/assets/built/panel.js';
window.emitted = [];
const hosts = {};
// What Streamlit does at every run of the page: the same function again, with new data.
window.mountPanel = (key, data) => {
  hosts[key] ??= document.body.appendChild(document.createElement('div'));
  const setStateValue = (name, value) => window.emitted.push({ key, name, value });
  hosts[key].unmount = mount({ parentElement: hosts[key], data: { key, panel: key, ...data }, setStateValue });
};
window.unmountPanel = (key) => hosts[key].unmount();
window.ready = true;
</script>"""


_LIFE_SECONDS = 5.0


class Connection:
    """One websocket of the browser: what it asked for, and a way to talk to it from the test's thread."""

    def __init__(self, websocket: WebSocket, loop: asyncio.AbstractEventLoop) -> None:
        self.table: str = websocket.path_params["table"]
        self.query = websocket.query_params
        self.is_open = True
        self._websocket = websocket
        self._loop = loop

    def send(self, message: bytes | dict[str, Any]) -> None:
        if isinstance(message, bytes):
            self._run(self._websocket.send_bytes(message))
        else:
            self._run(self._websocket.send_text(json.dumps(message)))

    def drop(self, code: int = 1012, reason: str = "") -> None:
        self._run(self._websocket.close(code, reason))

    def _run(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)


class BoardServer:
    """Serves in a thread of its own. `greeting[table]` is what a new connection is sent first."""

    def __init__(self) -> None:
        self.greeting: dict[str, Callable[[Connection], list[bytes | dict[str, Any]]]] = {}
        self.connections: list[Connection] = []
        app = Starlette(
            routes=[
                Route("/", self._page),
                Mount("/deltaboard/assets", StaticFiles(directory=ASSETS_FOLDER)),
                WebSocketRoute("/live/{table}", self._live),
            ]
        )
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="websockets-sansio")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def start(self) -> None:
        self._thread.start()
        wait_until(lambda: self._server.started)

    def stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(60)
        self._socket.close()

    def reset(self) -> None:
        """Begin anew: whoever is still being greeted belongs to what was before."""
        self.greeting, self.connections = {}, []

    def connected(self, table: str, number: int = 1) -> Connection:
        """The n-th connection to a table since the last reset; waits for it."""
        wait_until(lambda: len(self.to(table)) >= number)
        return self.to(table)[number - 1]

    def to(self, table: str) -> list[Connection]:
        return [connection for connection in self.connections if connection.table == table]

    async def _page(self, _: Request) -> Response:
        return HTMLResponse(PAGE)

    async def _live(self, websocket: WebSocket) -> None:
        greeting, connections = self.greeting, self.connections
        await websocket.accept()
        connection = Connection(websocket, asyncio.get_running_loop())
        greet = greeting.get(connection.table, lambda _: [])
        try:
            for message in greet(connection):
                if isinstance(message, bytes):
                    await websocket.send_bytes(message)
                else:
                    await websocket.send_text(json.dumps(message))
            connections.append(connection)
            alive = asyncio.create_task(_show_life(websocket))
            try:
                while True:
                    await websocket.receive()
            finally:
                alive.cancel()
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            connection.is_open = False


async def _show_life(websocket: WebSocket) -> None:
    """Say from time to time what changes nothing: a viewer gives up a connection that is silent for long."""
    while True:
        await asyncio.sleep(_LIFE_SECONDS)
        await websocket.send_text('{"kind": "life"}')


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits for another thread to get there."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("it did not happen")
        time.sleep(0.01)


@pytest.fixture(scope="module")
def server() -> Iterator[BoardServer]:
    """One server for all tests of the module."""
    board = BoardServer()
    board.start()
    yield board
    board.stop()
