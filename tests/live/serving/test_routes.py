"""The live websocket: who may open it, what it sends, and that it takes nothing."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from live.serving.hub import Hub
from live.serving.routes import routes
from live.tables.registry import TABLES
from live.tables.wire import decode
from services.pricing.pricing_state import PricingState
from storage.connection.settings import Settings, settings
from storage.core.database import Store
from tests.fixtures.applying import apply_quotes
from tests.fixtures.databases import wait_for
from tests.fixtures.open_gate import everyone
from tests.fixtures.small_book import quote


class Server:
    """The live routes on a real web server, without Streamlit around them."""

    def __init__(self, store: Store, wanted: Settings) -> None:
        self.hub = Hub(Store(store.url.render_as_string(hide_password=False)), wanted)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._socket.getsockname()[1]}"
        app = Starlette(routes=routes(self.hub, wanted, everyone))
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        wait_for(lambda: self._server.started, 60, "the web server")

    def _run(self) -> None:
        import asyncio

        async def serve() -> None:
            self.hub.start(asyncio.get_running_loop())
            await self._server.serve([self._socket])

        asyncio.run(serve())

    def open(self, path: str, origin: str | None = None) -> ClientConnection:
        origin = origin or f"http://{self.host}"
        return connect(f"ws://{self.host}{path}", origin=origin, max_size=None, open_timeout=60)  # type: ignore[arg-type]

    def close(self) -> None:
        wait_for(lambda: self.hub.has_looked, 60, "the first look")  # on a slow machine it outlasts the hub's patience
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self.hub.stop()


@pytest.fixture
def server(small_store: Store) -> Iterator[Server]:
    running = Server(small_store, settings())
    yield running
    running.close()


def next_table(connection: ClientConnection) -> tuple[dict[str, Any], dict[str, Any]]:
    while True:
        received = connection.recv(timeout=60)
        if isinstance(received, bytes):
            return decode(received)


def test_a_snapshot_then_deltas(server: Server, small_store: Store, state: PricingState) -> None:
    with server.open("/live/nodes?as_of=latest") as connection:
        snapshot, _ = next_table(connection)
        applied = apply_quotes(small_store, state, [quote("AAPL", 70.0, 9)], source="test")
        delta, columns = next_table(connection)
    assert (snapshot["kind"], delta["kind"]) == ("snapshot", "delta")
    assert delta["revision"] == applied.revision
    assert len(columns["row"]) < snapshot["rows"]


def test_who_comes_back_gets_what_was_missed_alone(server: Server, small_store: Store, state: PricingState) -> None:
    with server.open("/live/trades") as connection:
        seen, _ = next_table(connection)
    apply_quotes(small_store, state, [quote("MSFT", 151.0, 9)], source="test")
    resume = f"/live/trades?since={seen['revision']}&board={seen['board']}"
    with server.open(resume) as connection:
        missed, columns = next_table(connection)
    assert (missed["kind"], missed["rows"]) == ("delta", 1)
    assert columns["spot"].tolist() == [151.0]
    with server.open(f"/live/trades?since={seen['revision'] + 99}&board=another") as connection:
        assert next_table(connection)[0]["kind"] == "snapshot", "another board's revision is no start"


def test_the_status_counts_what_is_missing(server: Server) -> None:
    with server.open("/live/nodes") as connection:
        while not isinstance(received := connection.recv(timeout=60), str):
            pass
    status = json.loads(received)
    assert (status["trades"], status["included"]) == (7, 5)
    assert status["not_included"] == {"expired": 1, "no quote": 1}
    assert status["feed"]["state"] == "stopped"


def statuses(connection: ClientConnection, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < count:
        received = connection.recv(timeout=60)
        if isinstance(received, str):
            found.append(json.loads(received))
    return found


@pytest.mark.parametrize("table", TABLES)
def test_every_table_says_again_and_again_how_the_board_is_whatever_its_pace(server: Server, table: str) -> None:
    with server.open(f"/live/{table}?pace=3600") as connection:
        next_message = connection.recv(timeout=60)
        assert isinstance(next_message, bytes)
        first, second = statuses(connection, 2)
    assert (first["loaded"], first["store"]) == (True, "ok")
    assert second["server_time"] > first["server_time"]


def test_a_look_that_ends_while_a_viewer_asks_for_the_date_is_not_told_as_a_board_that_is_not_there(
    small_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def latest(hub: Hub) -> Any:
        known = hub.boards.latest
        hub.follow()
        return known

    monkeypatch.setattr(Hub, "_tail", lambda *_: None)
    monkeypatch.setattr(Hub, "latest", property(latest))
    server = Server(small_store, settings())
    try:
        with server.open("/live/market") as connection:
            assert isinstance(connection.recv(timeout=60), bytes), "the board comes before what is said of it"
    finally:
        server.close()


def test_a_date_that_nothing_is_known_of_is_said(server: Server) -> None:
    with server.open("/live/market?as_of=2031-02-03") as connection:
        said = statuses(connection, 1)[0]
    assert (said["loaded"], said["as_of_date"]) == (False, "2031-02-03")
    assert said["latest_as_of_date"] is not None


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_another_origin_is_refused(server: Server, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        server.open("/live/nodes", origin)
    assert refusal.value.response.status_code == 403


def test_no_origin_is_refused(server: Server) -> None:
    with pytest.raises(InvalidStatus):
        connect(f"ws://{server.host}/live/nodes", open_timeout=60)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("/live/passwords", 4404),
        ("/live/nodes?as_of=yesterday", 4400),
        ("/live/nodes?sql=1", 4400),
        ("/live/trades?pace=-1", 4400),
        ("/live/trades?pace=nan", 4400),
    ],
)
def test_a_wrong_address_is_refused_with_a_reason(server: Server, address: str, code: int) -> None:
    with server.open(address) as connection, pytest.raises(ConnectionClosed) as closed:
        connection.recv(timeout=60)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code
    assert closed.value.rcvd.reason


def test_a_viewer_that_writes_is_cut_off(server: Server, small_store: Store) -> None:
    with small_store.read() as connection:
        before = small_store.revisions(connection)
    with server.open("/live/market") as viewer:
        next_table(viewer)
        viewer.send("DELETE FROM trades")
        list(viewer)  # ends when the server hangs up
        assert viewer.close_code is not None
    with small_store.read() as connection:
        assert small_store.revisions(connection) == before


def test_beyond_the_limit_the_refusal_is_polite_and_a_place_comes_free(small_store: Store) -> None:
    server = Server(small_store, settings().model_copy(update={"live_viewers": 1}))
    try:
        with server.open("/live/market") as first:
            next_table(first)
            with server.open("/live/market") as second, pytest.raises(ConnectionClosed, match="Too many live viewers"):
                second.recv(timeout=60)
        wait_for(lambda: server.hub.viewers == 0, 60, "the place to come free")
        with server.open("/live/market") as third:
            next_table(third)
    finally:
        server.close()


def test_a_slow_pace_conflates(server: Server, small_store: Store, state: PricingState) -> None:
    with server.open("/live/trades?ticker=MSFT&pace=1") as connection:
        next_table(connection)
        begun = time.monotonic()
        for second in range(1, 6):
            applied = apply_quotes(small_store, state, [quote("MSFT", 150.0 + second, second)], source="test")
            time.sleep(0.02)
        received = [next_table(connection)]
        while received[-1][0]["revision"] < applied.revision:
            received.append(next_table(connection))
    assert len(received) <= 2 + int(time.monotonic() - begun), "one a second, however slow this machine is"
    assert received[-1][1]["spot"].tolist() == [155.0]
