"""How Streamlit's page is completed: for whom, and only where it is as expected."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from live.components.front_end import FrontEnd
from storage.core.database import Store
from ui.asgi.preload import FirstPage

FONT = '<link\n rel="preload" href="./static/media/Some.woff2"\n as="font" />'
SHELL = f'<html><head>{FONT}<script src="./static/js/index.abcdefgh.js"></script></head><body></body></html>'


class Shell:
    """An application that answers with a page, and says what it was asked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        answer = HTMLResponse(self.text) if not scope["path"].endswith("host-config") else Response(status_code=500)
        await answer(scope, receive, send)


def answered(store: Store, shell: Shell, refusal: str | None = None) -> str:
    """What a browser gets of the board, where the application and the gate answer so."""

    async def gate(_connection: Any) -> str | None:
        return refusal

    async def ask() -> str:
        app = FirstPage(shell, gate, FrontEnd(), store)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://board") as client:
            return (await client.get("/")).text

    return asyncio.run(ask())


def test_it_is_completed_for_whom_the_gate_lets_pass(small_store: Store) -> None:
    text = answered(small_store, Shell(SHELL))
    assert text.index("deltaboard-early") < text.index("</head>")
    assert "&quot;statuses&quot;: [&quot;Live&quot;]" in text
    assert "window.__streamlit" not in text, "the host configuration was not there to be said"
    assert FONT not in text, "no page of ours is written in it"
    assert answered(small_store, Shell(SHELL), refusal="You are nobody.") == SHELL


@pytest.mark.parametrize("shell", ["<html><body>index</body></html>", SHELL.replace("index.", "other.")])
def test_what_is_not_as_expected_goes_out_untouched(small_store: Store, shell: str) -> None:
    assert answered(small_store, Shell(shell)) == shell
