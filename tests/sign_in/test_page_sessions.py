"""The number of open pages is bounded: one too many is refused in words, and who comes back is not."""

import asyncio
from typing import Any

import pytest

import ui.asgi.page_sessions
from live.components.streamlit_internals import sessions
from ui.asgi.page_sessions import PageSessions

HTML = [(b"accept", b"text/html,*/*")]


async def answered(scope: dict[str, Any], most: int = 2) -> tuple[str, bytes]:
    """What comes back: the type of the first message, and all bodies."""
    sent: list[dict[str, Any]] = []

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "let through"})

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    whole = {"method": "GET", "headers": [], "query_string": b"", "extensions": {}, **scope}
    await PageSessions(application, most)(whole, receive, send)
    return sent[0]["type"], b"".join(message.get("body", b"") for message in sent)


def stream(*names: str) -> dict[str, Any]:
    protocols = ", ".join(("streamlit", "", *names)).encode()
    return {"type": "websocket", "path": "/_stcore/stream", "headers": [(b"sec-websocket-protocol", protocols)]}


PASS, REFUSED, CLOSED = "let through", "http.response.start", "websocket.close"


@pytest.mark.parametrize(
    ("scope", "then"),
    [
        ({"type": "http", "path": "/", "headers": HTML}, REFUSED),
        ({"type": "http", "path": "/trades", "headers": HTML}, REFUSED),
        ({"type": "http", "path": "/trades", "headers": HTML, "method": "HEAD"}, PASS),
        ({"type": "http", "path": "/deltaboard/health", "headers": HTML}, PASS),
        ({"type": "http", "path": "/deltaboard/export/trades", "headers": HTML}, PASS),
        ({"type": "http", "path": "/static/js/index.js"}, PASS),
        ({"type": "http", "path": "/auth/logout", "headers": HTML}, PASS),
        ({"type": "websocket", "path": "/live/trades"}, PASS),
        (stream(), CLOSED),
        (stream("unknown"), CLOSED),
        (stream("one"), PASS),
    ],
)
def test_what_is_refused_while_as_many_are_open_as_may_be(
    scope: dict[str, Any], then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ui.asgi.page_sessions, "sessions", lambda: {"one", "two"})
    kind, body = asyncio.run(answered(scope))
    assert kind == then
    assert (b"Too many pages are open" in body) == (then == REFUSED)
    assert asyncio.run(answered(scope, most=3))[0] == PASS


def test_the_sessions_of_a_running_server_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sessions() == set(), "no server runs here"
