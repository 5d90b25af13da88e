"""What stands before every page of the whole server: names, headers, and what a browser may load."""

import base64
import http.client
import os
import socket
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.board.running import Open, RunningBoard, board, opened
from ui.page.page_files import page_addresses

__all__ = ["board", "opened"]
pytestmark = pytest.mark.browser
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
SOCKETS = {"/live/nodes": "", "/_stcore/stream": "Sec-WebSocket-Protocol: streamlit\r\n"}
FILES = ["/", "/trades", "/deltaboard/health", "/deltaboard/export/trades?form=csv", "/_stcore/health", "/api/docs"]
FILES += ["/_stcore/host-config", "/media/x", "/nowhere/at/all", "/static/x.js", "/favicon.png"]


def got(board: RunningBoard, path: str, **headers: str) -> http.client.HTTPResponse:
    """The answer to a request; its body is read."""
    connection = http.client.HTTPConnection(urlsplit(board.address).netloc, timeout=60)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def status_line(board: RunningBoard, path: str, host: str, more: str) -> str:
    """The first line of the answer to a browser's handshake from a page of the host that it asks for."""
    key = base64.b64encode(os.urandom(16)).decode()
    parts = urlsplit(board.address)
    head = (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    )
    head += f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    with socket.create_connection((str(parts.hostname), parts.port or 0), 60) as connection:
        connection.sendall(head.encode())
        with suppress(ConnectionError):
            return connection.makefile("rb").readline().decode()
    return ""


def test_a_foreign_name_gets_nothing(board: RunningBoard) -> None:
    port = urlsplit(board.address).port
    for path in FILES:
        assert got(board, path, Host=f"evil.test:{port}").status == 421, path
        assert got(board, path, Host=f"localhost:{port}").status != 421, path
    for path, more in SOCKETS.items():
        assert " 421 " in status_line(board, path, f"evil.test:{port}", more), path
        assert " 101 " in status_line(board, path, f"127.0.0.1:{port}", more), path


def test_an_address_that_is_no_text_is_refused_in_words(board: RunningBoard) -> None:
    for path in ("/trade?trade_id=%00", "/?book=%ed%a0%80", "/deltaboard/export/trades?form=csv&text=%00", "/%00"):
        assert got(board, path).status == 400, path
    for path, more in SOCKETS.items():
        assert " 400 " in status_line(board, f"{path}?a=%00", urlsplit(board.address).netloc, more), path


def test_every_answer_has_the_headers(board: RunningBoard) -> None:
    for path in FILES:
        answer = got(board, path)
        assert "frame-ancestors 'none'" in str(answer.getheader("Content-Security-Policy")), path
        assert answer.getheader("X-Content-Type-Options") == "nosniff", path
        assert answer.getheader("Referrer-Policy") in ("same-origin", "no-referrer"), path
        assert answer.getheader("X-Frame-Options") == "DENY", path


@pytest.mark.parametrize("page_path", sorted(page_addresses()))
def test_every_page_keeps_to_the_policy(opened: Open, page_path: str) -> None:
    said: list[str] = []
    page: Any = opened("/deltaboard/health")
    page.on("console", lambda message: said.append(message.text))
    page.goto(page.url.replace("/deltaboard/health", f"/{page_path}?trade_id=T00001"))
    page.wait_for_selector(IDLE)
    page.wait_for_load_state("networkidle") if page_path not in ("", "explore", "start", "trade") else None
    assert not [words for words in said if "Content Security Policy" in words or "Content-Security-Policy" in words]


def test_no_foreign_image_is_loaded_and_no_foreign_script_runs(opened: Open) -> None:
    page: Any = opened("/audit")
    failed: list[tuple[str, str]] = []
    page.on("requestfailed", lambda request: failed.append((request.url, request.failure)))
    page.wait_for_selector(IDLE)
    refused = page.evaluate(
        """() => new Promise((resolve) => {
            const refused = [];
            document.addEventListener('securitypolicyviolation', (event) => {
              refused.push(event.effectiveDirective);
              if (refused.length === 3) resolve(refused.sort());
            });
            const image = new Image();
            image.src = 'http://evil.test/beacon.png';
            for (const [name, value] of [['src', 'http://evil.test/x.js'], ['textContent', 'window.ran = true']])
              document.head.append(Object.assign(document.createElement('script'), { [name]: value }));
        })"""
    )
    assert refused == ["img-src", "script-src-elem", "script-src-elem"]
    assert page.evaluate("window.ran") is None
    assert sorted(failed) == [("http://evil.test/beacon.png", "csp"), ("http://evil.test/x.js", "csp")]
