"""Every route and websocket but the health answer asks the gate, and the gate believes nothing but a good cookie."""

import ast
import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import streamlit as st
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import ui.identity.sign_in_setup
from api.appender import Appender
from api.exports import export_routes
from api.routes import routes as api_routes
from live.components.panels import assets_version
from live.serving.hub import Hub
from live.serving.routes import routes as live_routes
from storage.connection.settings import ROOT, Settings, settings
from storage.core.database import Store
from storage.people.audit import read_audit
from tests.fixtures.databases import Templates, free_port, wait_for
from tests.sign_in.serving import secrets_for
from ui.asgi.gate import NO_ROLE, NOT_KNOWN_YET, NOT_SIGNED_IN, SIGN_IN_IS_OVER, Gate, Guard
from ui.identity import signed_in
from ui.identity.current_user import ACCESS_BLOCKED
from ui.identity.revoked_sessions import RevokedSessions
from ui.identity.sign_in_setup import faults, must_sign_in, providers

SECRET = "a secret of the tests that is long enough"
TOKEN = "a token of the tests"
BOARD = "http://127.0.0.1:8501"
WHO = {"iss": "idp", "sub": "17", "nonce": "n", "iat": 1000, "email": "kim@desk.example", "roles": ["viewer"]}
Configure = Callable[..., None]


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Sets what secrets.toml says (None: there is none), the address of the server, and settings."""
    before = {name: st.get_option(name) for name in ("secrets.files", "server.address", "server.port")}
    monkeypatch.setattr(signed_in, "_ended", RevokedSessions())

    def configure(secrets: str | None, address: str = "127.0.0.1", **variables: str) -> None:
        path = tmp_path / "secrets.toml"
        path.unlink(missing_ok=True)
        if secrets is not None:
            path.write_text(secrets)
        secrets_singleton._reset()
        for name, value in {"secrets.files": [str(path)], "server.address": address, "server.port": 8501}.items():
            st.config.set_option(name, value)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        monkeypatch.setattr(ui.identity.sign_in_setup, "_was_there", False)

    yield configure
    for name, value in before.items():
        st.config.set_option(name, value)
    secrets_singleton._reset()
    settings.cache_clear()


@pytest.fixture
def sqlite_store(templates: Templates) -> Iterator[Store]:
    opened = Store(templates.copy("sqlite", "empty", lambda _: None, None))
    yield opened
    opened.close()


def cookie(
    claims: dict[str, Any] | None = None, *, secret: str = SECRET, origin: str = BOARD, name: str = "_streamlit_user"
) -> str:
    said = {**WHO, "exp": time.time() + 60, **(claims or {}), "origin": origin, "is_logged_in": True}
    return f"{name}={create_signed_value(secret, name, json.dumps(said)).decode()}"


def ask(gate: Gate, header: str = "") -> str | None:
    scope = {"type": "http", "headers": [(b"cookie", header.encode())]}
    return asyncio.run(gate(HTTPConnection(scope)))  # type: ignore[arg-type]


def test_a_good_cookie_is_believed_and_no_other(configure: Configure, sqlite_store: Store) -> None:
    configure(secrets_for("http://idp.example"))
    gate = Gate(sqlite_store)
    good = cookie()
    assert ask(gate, good) is None
    assert ask(gate) == NOT_SIGNED_IN
    assert ask(gate, cookie(secret="another secret, as long as the first one")) == NOT_SIGNED_IN
    assert ask(gate, cookie(origin="http://127.0.0.1:8502")) == NOT_SIGNED_IN
    assert ask(gate, cookie(name="_streamlit_user_tokens")) == NOT_SIGNED_IN
    assert ask(gate, "_streamlit_user=" + cookie(name="_streamlit_user_tokens").partition("=")[2]) == NOT_SIGNED_IN
    head, dot, signature = good.rpartition(".")  # of its last letter, not all bits count
    assert ask(gate, head + dot + ("a" if signature[0] != "a" else "b") + signature[1:]) == NOT_SIGNED_IN
    assert ask(gate, "_streamlit_user=nonsense; _streamlit_xsrf=1") == NOT_SIGNED_IN
    assert ask(gate, cookie({"exp": time.time() - 1})) == SIGN_IN_IS_OVER
    assert ask(gate, cookie({"email": None})) == NOT_SIGNED_IN
    assert ask(gate, cookie({"roles": []})) == NO_ROLE


def test_whom_it_lets_pass_is_known_by_name(configure: Configure, sqlite_store: Store) -> None:
    def name_in(query: str, header: str = "") -> str:
        scope = {"type": "http", "headers": [(b"cookie", header.encode())], "query_string": query.encode()}
        return Gate(sqlite_store).name_of(HTTPConnection(scope))  # type: ignore[arg-type]

    configure(None)
    assert [name_in(query) for query in ("", "person=Max", "person=kim@desk.example")] == ["Vera", "Max", "Vera"]
    configure(secrets_for("http://idp.example"))
    assert name_in("person=Max", cookie()) == WHO["email"], "not whom the address says"


def test_who_signed_out_is_out_with_the_same_cookie(configure: Configure, sqlite_store: Store) -> None:
    configure(secrets_for("http://idp.example"))
    gate, first, again = Gate(sqlite_store), cookie(), cookie({"nonce": "another"})

    async def app(*_: Any) -> None:
        """What Streamlit does then is Streamlit's."""

    for sent in ("", first):
        scope = {"type": "http", "path": "/auth/logout", "headers": [(b"cookie", sent.encode())]}
        asyncio.run(Guard(app, gate)(scope, None, None))  # type: ignore[arg-type]
    assert ask(gate, first) == SIGN_IN_IS_OVER
    with sqlite_store.read() as connection:
        assert [(e.entry.action, e.entry.user_name) for e in read_audit(connection)] == [("signed out", WHO["email"])]
    assert ask(gate, again) is None, "a later sign-in of the same person"


HERE = {"host": "board.example", "sec-fetch-site": "same-origin"}


@pytest.mark.parametrize(
    ("headers", "is_out"),
    [
        (HERE, True),
        ({**HERE, "sec-fetch-site": "none"}, True),
        ({"host": "board.example", "referer": "http://board.example/trades"}, True),
        ({"host": "board.example"}, True),
        ({**HERE, "sec-fetch-site": "cross-site"}, False),
        ({**HERE, "sec-fetch-site": "same-site"}, False),
        ({**HERE, "sec-fetch-site": "cross-site", "referer": "http://board.example/"}, False),
        ({"host": "board.example", "referer": "http://evil.test/board.example"}, False),
        ({"host": "board.example", "origin": "null"}, False),
    ],
)
def test_no_other_page_signs_anybody_out(
    configure: Configure, sqlite_store: Store, headers: dict[str, str], is_out: bool
) -> None:
    configure(secrets_for("http://idp.example"))
    gate, passed, said = Gate(sqlite_store), [], []

    async def app(*_: Any) -> None:
        passed.append(True)

    async def send(message: Any) -> None:
        said.append(message)

    sent = [(name.encode(), value.encode()) for name, value in {**headers, "cookie": cookie()}.items()]
    asyncio.run(Guard(app, gate)({"type": "http", "path": "/auth/logout", "headers": sent}, None, send))  # type: ignore[arg-type]
    assert bool(passed) is is_out
    assert (ask(gate, cookie()) == SIGN_IN_IS_OVER) is is_out
    assert is_out or said[0]["status"] == 403


def test_without_a_sign_in_the_demo_is_for_this_machine(configure: Configure, sqlite_store: Store) -> None:
    gate = Gate(sqlite_store)
    configure(None)
    assert ask(gate) is None
    configure(None, "0.0.0.0")
    assert ask(gate) == ACCESS_BLOCKED
    configure(None, "0.0.0.0", DELTABOARD_DEMO_IDENTITY="true")
    assert ask(gate) is None


@pytest.mark.parametrize("secrets", ["[auth", "[auth]\nclient_id = 'deltaboard'", "[auth]\ncookie_secret = 'short'"])
def test_a_set_up_that_is_not_right_never_opens_the_demo(
    secrets: str, configure: Configure, sqlite_store: Store
) -> None:
    configure(secrets)
    assert must_sign_in()
    assert faults()
    assert ask(Gate(sqlite_store), cookie(secret="short")) is not None


def test_what_is_wrong_with_the_set_up_is_named(configure: Configure) -> None:
    configure(secrets_for("http://idp.example"))
    assert (faults(), providers()) == ([], ["default"])
    configure(secrets_for("http://idp.example").replace("a secret of the tests that is long enough", "short"))
    assert faults() == ["cookie_secret is shorter than 32 characters: it could be guessed."]
    configure(secrets_for("http://idp.example").replace("/oauth2callback", "/callback"))
    assert ["/oauth2callback at its end" in fault for fault in faults()] == [True]
    configure(secrets_for("http://idp.example").replace("client_id", "client"))
    assert faults() == ["No identity provider has client_id, client_secret, server_metadata_url."]
    configure(f"""[auth]
        redirect_uri = "{BOARD}/oauth2callback"
        cookie_secret = "{SECRET}"
        [auth.okta]
        client_id = "a"
        client_secret = "b"
        server_metadata_url = "https://okta.example"
        [auth.half]
        client_id = "a"
        """)
    assert (faults(), providers()) == ([], ["okta"])


def test_once_there_was_a_sign_in_there_is_one(configure: Configure, tmp_path: Path) -> None:
    configure(secrets_for("http://idp.example"))
    assert must_sign_in()
    (tmp_path / "secrets.toml").unlink()
    secrets_singleton._reset()
    assert must_sign_in()
    assert faults() == ["There is no secrets.toml that can be read and has an [auth] section."]
    configure(None)
    assert not must_sign_in()
    configure(None, DELTABOARD_REQUIRE_SIGN_IN="true")
    assert must_sign_in()


class Nobody(Gate):
    """A gate that lets nobody in."""

    async def __call__(self, connection: HTTPConnection) -> str:
        return "You are nobody."


@pytest.fixture
def closed(sqlite_store: Store) -> Iterator[tuple[httpx.Client, list[Any]]]:
    """A client of a server with all our routes behind a gate that lets nobody in, and what they are."""
    chosen = Settings(api_token=TOKEN)
    appender, nobody = Appender(sqlite_store, chosen), Nobody(sqlite_store)
    ours = [*live_routes(Hub(sqlite_store, chosen), chosen, nobody), *api_routes(appender, chosen, nobody)]
    ours += export_routes(nobody)

    async def file(_: Any) -> PlainTextResponse:
        return PlainTextResponse("a file")

    streamlits = [Route("/media/{name}", file), Route("/_stcore/upload_file/{a}/{b}", file, methods=["PUT"])]
    streamlits += [Route("/_stcore/metrics", file), Route("/_stcore/agent/{name}", file)]
    guard = Middleware(Guard, gate=nobody)
    port = free_port()
    app = Starlette(routes=[*ours, *streamlits], middleware=[guard])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    wait_for(lambda: server.started, 60, "the web server")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        yield client, ours
    server.should_exit = True
    thread.join()
    appender.close()


def test_every_route_asks_the_gate(closed: tuple[httpx.Client, list[Any]]) -> None:
    client, ours = closed
    inside = {
        "{kind:path}": "trades",
        "{table}": "nodes",
        "{version}": assets_version(),
        "{name:path}": "wire/feed.js",
    }
    inside |= {"{kind}": "trades", "{name}": "perspective-anywidget.js"}
    asked = []
    for route in ours:
        address = route.path
        for name, value in inside.items():
            address = address.replace(name, value)
        if isinstance(route, WebSocketRoute):
            origin: Any = str(client.base_url).rstrip("/")
            with (
                connect(f"ws{origin.removeprefix('http')}{address}", origin=origin, open_timeout=60) as socket,
                pytest.raises(ConnectionClosed, match=r"4401.*You are nobody"),
            ):
                socket.recv(timeout=60)
        elif route.path == "/deltaboard/health":
            assert client.get(address).status_code == 503, "the hub does not run"
        elif route.path == "/api/{kind:path}":
            assert client.post(address, json=[]).status_code == 401, "without the token"
        else:
            method = "POST" if "POST" in (getattr(route, "methods", None) or ()) else "GET"
            answer = client.request(method, address, headers={"origin": str(client.base_url).rstrip("/")})
            assert (answer.status_code, "You are nobody." in answer.text) == (401, True), address
        asked.append(address)
    assert len(asked) >= 9


def test_the_server_gives_all_its_routes_the_gate() -> None:
    source = (ROOT / "streamlit_app.py").read_text(encoding="utf-8")
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    given = {ast.unparse(call.func): call for call in calls if ast.unparse(call.func).endswith("routes")}
    assert set(given) == {"routes", "api_routes", "export_routes"}, "those of the test above"
    assert all("_gate" in map(ast.unparse, call.args) for call in given.values())
    assert "Middleware(Guard, gate=_gate)" in source


def test_files_of_streamlit_ask_the_gate_too(closed: tuple[httpx.Client, list[Any]]) -> None:
    client, _ = closed
    assert client.get("/media/trades.csv").status_code == 401
    assert client.get("/_stcore/metrics").status_code == 401
    assert client.get("/_stcore/agent/mcp").status_code == 401
    assert client.put("/_stcore/upload_file/session/file", content=b"rows").status_code == 401


def test_health_tells_strangers_little(closed: tuple[httpx.Client, list[Any]]) -> None:
    client, _ = closed
    assert client.get("/deltaboard/health").json() == {"live": False, "store": "ok", "feed": {"state": "stopped"}}


def test_programs_have_the_token_instead(closed: tuple[httpx.Client, list[Any]]) -> None:
    client, _ = closed
    carried = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/api/openapi.json", headers=carried).status_code == 200
    quote = [{"AsOfDate": "2020-03-09", "Instrument": "AAPL", "Quote": 69.5}]
    assert client.post("/api/quotes", json=quote, headers=carried).json()["new"] == 1
    assert "token" in client.post("/api/quotes", json=quote).json()["error"]


def test_a_gate_that_cannot_know_who_signed_out_lets_nobody_in(configure: Configure) -> None:
    configure(secrets_for("http://idp.example"))
    away = Store(f"postgresql+psycopg://postgres@127.0.0.1:{free_port()}/nowhere")
    assert ask(Gate(away), cookie()) == NOT_KNOWN_YET
    away.close()
