"""The routes of the HTTP append on a real web server, and a client that sends whatever a test wants."""

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette

from api.appender import Appender
from api.routes import routes
from storage.connection.settings import Settings
from storage.core.database import Store
from tests.fixtures.databases import wait_for
from tests.fixtures.open_gate import everyone

TOKEN = "a token of the tests"
QUOTE = {"AsOfDate": "2020-03-09", "Instrument": "AAPL", "Quote": 69.5}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found

    @property
    def error(self) -> str:
        return str(self.json["error"])


class Server:
    """The routes on a store. Settings are those of the product, with a token, and what a test changes."""

    def __init__(self, store: Store, **changes: Any) -> None:
        chosen = Settings(**{"api_token": TOKEN, **changes})
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._appender = Appender(store, chosen)
        app = Starlette(routes=routes(self._appender, chosen, everyone))
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve([self._socket])))
        self._thread.start()
        wait_for(lambda: self._server.started, 60, "the web server")

    def ask(
        self,
        path: str,
        body: bytes | str | Iterable[bytes] = b"",
        *,
        method: str = "POST",
        token: str | None = TOKEN,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request; an iterable body is sent in chunks, without saying how long it is.

        A server that has heard enough answers and hangs up while the body is still on its way: its answer is read.
        """
        sent = {"Content-Type": content_type, **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, body.encode() if isinstance(body, str) else body, sent)
            response = connection.getresponse()
            return Answer(response.status, response.msg, response.read().decode())
        finally:
            connection.close()

    def append(self, kind: str, rows: object, **options: Any) -> Answer:
        return self.ask(f"/api/{kind}", json.dumps(rows), **options)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self._appender.close()
