"""Who is refused at the door: foreign names of this server (DNS rebinding), and addresses that are no text."""

import asyncio
from typing import Any

import pytest
from streamlit import config

from storage.connection.settings import Settings
from ui.asgi import allowed_hosts
from ui.asgi.allowed_hosts import is_allowed_host
from ui.asgi.request_checks import RequestChecks

PASSED = 200


@pytest.fixture(autouse=True)
def _known_anew() -> None:
    allowed_hosts._fixed_hosts.cache_clear()


def listening(monkeypatch: pytest.MonkeyPatch, address: str | None, allowed: str = "") -> None:
    """The server listens at an address, with a setting of allowed names, on a machine called deskserver."""
    options = {"server.address": address, "browser.serverAddress": "localhost"}
    monkeypatch.setattr(allowed_hosts.st, "get_option", lambda name: options.get(name) or config.get_option(name))  # type: ignore[attr-defined]
    monkeypatch.setattr(allowed_hosts, "settings", lambda: Settings(allowed_hosts=allowed))
    monkeypatch.setattr(allowed_hosts.socket, "gethostname", lambda: "DeskServer")  # type: ignore[attr-defined]
    monkeypatch.setattr(allowed_hosts, "redirect_host", lambda: "board.example.com")


HERE = ("127.0.0.1:8501", "localhost", "LOCALHOST:8501", "localhost.", "[::1]:8501", "board.example.com", "[::1]")
FOREIGN = ("evil.test:8501", "evil.test", "", "127.0.0.1.evil.test", "localhost.evil.test", "evil.test@localhost:1:2")
FOREIGN += ("[::1", "[evil]:80", "board.example.com.evil.test", "deskserver.evil.test", "x localhost")


@pytest.mark.parametrize("host", HERE)
@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "0.0.0.0", None, "::1"])
def test_this_machine_and_the_sign_in_are_always_names_of_the_server(
    monkeypatch: pytest.MonkeyPatch, host: str, address: str | None
) -> None:
    listening(monkeypatch, address)
    assert is_allowed_host(host)


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", None, "10.0.0.5"])
def test_a_foreign_name_is_none(monkeypatch: pytest.MonkeyPatch, host: str, address: str | None) -> None:
    listening(monkeypatch, address, "desk.example.com")
    assert not is_allowed_host(host)


@pytest.mark.parametrize(("host", "beyond"), [("10.0.0.5:8501", True), ("deskserver", True), ("[fe80::1]:80", True)])
def test_numbers_and_the_name_of_the_machine_are_where_others_can_reach_it(
    monkeypatch: pytest.MonkeyPatch, host: str, beyond: bool
) -> None:
    listening(monkeypatch, "0.0.0.0")
    assert is_allowed_host(host) is beyond
    allowed_hosts._fixed_hosts.cache_clear()
    listening(monkeypatch, "127.0.0.1")
    assert not is_allowed_host(host)


def test_the_setting_allows_names(monkeypatch: pytest.MonkeyPatch) -> None:
    listening(monkeypatch, "127.0.0.1", " Desk.example.com, proxy:8443 ,")
    assert is_allowed_host("desk.example.com:80")
    assert is_allowed_host("PROXY")
    assert not is_allowed_host("other.example.com")


def answered(kind: str, path: bytes = b"/", query: bytes = b"", hosts: tuple[bytes, ...] = (b"localhost",)) -> int:
    """The status of what is answered; PASSED where the application was asked."""
    said: list[dict[str, Any]] = []

    async def application(_scope: Any, _receive: Any, _send: Any) -> None:
        said.append({"status": PASSED})

    async def send(message: Any) -> None:
        if "status" in message:
            said.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    scope = {
        "type": kind,
        "method": "GET",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "headers": [(b"host", host) for host in hosts],
        "extensions": {"websocket.http.response": {}},
    }
    asyncio.run(RequestChecks(application)(scope, receive, send))
    return int(said[0]["status"])


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_foreign_names_reach_nothing(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    listening(monkeypatch, "127.0.0.1")
    assert answered(kind) == PASSED
    for hosts in ((b"evil.test:8501",), (), (b"localhost", b"evil.test"), (b"\xff\xfe",)):
        assert answered(kind, hosts=hosts) == 421, hosts


@pytest.mark.parametrize("hostile", [b"%00", b"%ed%a0%80", b"%ff", b"\x00", b"%EF%BF%BD", b"a" * 64_001])
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_an_address_that_is_no_text_reaches_nothing(monkeypatch: pytest.MonkeyPatch, kind: str, hostile: bytes) -> None:
    listening(monkeypatch, "127.0.0.1")
    assert answered(kind, query=b"trade_id=" + hostile) == 400
    assert answered(kind, path=b"/" + hostile) == 400


@pytest.mark.parametrize("harmless", [b"a+b%26c%3D%F0%9F%92%B0", b"%1f", b"%0a", b"%25" * 10, b"a" * 60_000, b"%zz"])
def test_what_is_text_passes(monkeypatch: pytest.MonkeyPatch, harmless: bytes) -> None:
    listening(monkeypatch, "127.0.0.1")
    assert answered("http", query=b"path=" + harmless) == PASSED
