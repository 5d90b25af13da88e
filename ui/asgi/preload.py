"""What the browser gets first: Streamlit's page, which says beforehand all that the asked page of ours will need.

Streamlit's page is an empty shell. Its code asks the server whether it is there and how it is set up, opens its
connection, hears what the page shows, and only then asks for the code of that, level by level. Here the shell says it
all at once, and the code comes while the script runs. Where the shell is not as expected, it goes out untouched.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from html import escape
from typing import Any

from sqlalchemy.exc import DBAPIError
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from live.components.front_end import FOLDER, FrontEnd
from live.components.panels import EVERY_PAGE_SCRIPT, PAGE_STYLE, PANELS_SCRIPT, asset_address
from live.components.pivot_engine import ENGINE_SCRIPT, engine_address
from live.components.streamlit_internals import HOST_CONFIG, IN_EVERY_SHELL, beforehand
from live.serving.routes import Gate
from storage.book.trade_statuses import shown_statuses
from storage.core.database import Store
from ui.asgi.page_chunks import PIECES, Pieces
from ui.asgi.request_path import request_path, root_path
from ui.asgi.security_headers import POLICY, content_policy

_HEAD_ENDS = b"</head>"
_LATER = 'fetchpriority="low"'
"""What Streamlit's own start does not need waits for what it does: so it begins earlier."""
_PREFETCH_AFTER_MS = 3000
"""When the pivot's engine is fetched for the next page: its megabytes would hold up this one."""
_FONT = re.compile(rb'<link[^>]*as="font"[^>]*>')
"""Streamlit's shell asks for its own font first of all. Nothing here is written in it: the theme names others."""
_ICONS = "MaterialSymbols-Rounded"
_NOT_PASSED_ON = (b"if-none-match", b"if-modified-since", b"accept-encoding")


class FirstPage:
    """Stands before Streamlit: answers its files from memory, and completes its page."""

    def __init__(self, app: ASGIApp, gate: Gate, front_end: FrontEnd, store: Store) -> None:
        self._app = app
        self._gate = gate
        self._front_end = front_end
        self._store = store
        self._host_config: dict[str, Any] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        path = request_path(scope)
        name = path.removeprefix(FOLDER)
        if name != path and name in self._front_end.files:
            kept = await self._front_end.files.file(name)
            await kept(scope, receive, send)
        elif path in PIECES and await self._gate(HTTPConnection(scope)) is None:
            await self._complete(PIECES[path], scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _complete(self, pieces: Pieces, scope: Scope, receive: Receive, send: Send) -> None:
        """Streamlit's answer, with what the page needs in its head. It is asked for plain text and without conditions:
        the browser may have an older completion of the same file."""
        asked = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name not in _NOT_PASSED_ON]}
        answer = _Answer()
        await self._app(asked, receive, answer.take)
        if answer.is_page:
            connection, tables = self._connection(await self._config(scope)), await self._tables(pieces)
            said = [*_first_paint(), *connection, *tables, *self._code(pieces)]
            shell = _FONT.sub(b"", answer.body)
            answer.body = shell.replace(_HEAD_ENDS, "\n".join(["", *said, ""]).encode() + _HEAD_ENDS)
        await answer.send_on(send)

    async def _config(self, scope: Scope) -> dict[str, Any] | None:
        """What Streamlit's own code would ask for first; None where it is not as expected."""
        if self._host_config is None:
            path = f"{root_path()}/{HOST_CONFIG}"
            answer = _Answer()
            headers = [(name, value) for name, value in scope["headers"] if name == b"host"]
            asked = {**scope, "method": "GET", "path": path, "raw_path": path.encode(), "headers": headers}
            await self._app({**asked, "query_string": b""}, _nothing, answer.take)
            try:
                self._host_config = json.loads(answer.body) if answer.status == 200 else None
            except ValueError:
                self._host_config = None
        return self._host_config

    def _connection(self, config: dict[str, Any] | None) -> Iterator[str]:
        """Where the server is and how it is set up: Streamlit's code opens its connection without asking first."""
        if config is not None:
            said = f"{{ BACKEND_BASE_URL: new URL('.', location.href).href, HOST_CONFIG: {_in_script(config)} }}"
            yield beforehand(said)

    def _code(self, pieces: Pieces) -> Iterator[str]:
        icons = self._front_end.media(_ICONS)
        if icons is not None:
            yield f'<link rel="preload" as="font" type="font/woff2" {_LATER} crossorigin href="./{escape(icons)}">'
        for address in self._front_end.styles(pieces.streamlit):
            yield f'<link rel="stylesheet" crossorigin href="./{escape(address)}">'
        for address in self._front_end.scripts(pieces.streamlit):
            yield f'<link rel="modulepreload" {_LATER} crossorigin href="./{escape(address)}">'
        if pieces.panels:
            yield f'<link rel="stylesheet" data-deltaboard href="{escape(asset_address("panels/board.css"))}">'
            panels = escape(asset_address(PANELS_SCRIPT))
            yield f'<script type="module" async fetchpriority="high" src="{panels}"></script>'
        yield f'<script type="module" async {_LATER} src="{escape(asset_address(EVERY_PAGE_SCRIPT))}"></script>'
        engine = engine_address(ENGINE_SCRIPT)
        if pieces.pivot:
            yield f'<link rel="modulepreload" href="{escape(engine)}">'
        else:
            link = f"Object.assign(document.createElement('link'), {{ rel: 'prefetch', href: {_in_script(engine)} }})"
            yield f"<script>setTimeout(() => document.head.append({link}), {_PREFETCH_AFTER_MS});</script>"

    async def _tables(self, pieces: Pieces) -> list[str]:
        """What the page's panels will ask for: it comes while Streamlit's page is on its way."""
        if not pieces.tables and not pieces.pivot:
            return []
        try:
            statuses = await asyncio.to_thread(self._shown_statuses)
        except DBAPIError:
            return []
        early = {
            "tables": [asdict(table) for table in pieces.tables],
            "statuses": statuses,
            "engine": engine_address("") if pieces.pivot else None,
        }
        return [f'<meta name="deltaboard-early" content="{escape(json.dumps(early))}">']

    def _shown_statuses(self) -> tuple[str, ...]:
        with self._store.read() as connection:
            return shown_statuses(connection)


class _Answer:
    """An answer of the application, held back until it is whole."""

    def __init__(self) -> None:
        self.start: Message = {}
        self.body = b""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    @property
    def status(self) -> int:
        return int(self.start.get("status", 0))

    @property
    def is_page(self) -> bool:
        """Whether it is the shell, as it is expected."""
        kind = MutableHeaders(raw=self.start.get("headers", [])).get("content-type", "")
        is_html = self.status == 200 and kind.startswith("text/html")
        return is_html and self.body.count(_HEAD_ENDS) == 1 and IN_EVERY_SHELL in self.body

    async def send_on(self, send: Send) -> None:
        if not self.start:
            return  # whoever asked has gone
        headers = MutableHeaders(raw=list(self.start.get("headers", [])))
        if self.is_page:
            headers["content-length"] = str(len(self.body))
            headers[POLICY] = content_policy(self.body)
            for name in ("etag", "last-modified", "accept-ranges"):
                del headers[name]  # they are of the file, and this is more
        await send({**self.start, "headers": headers.raw})
        await send({"type": "http.response.body", "body": self.body})


def _first_paint() -> Iterator[str]:
    """The ground, the theme and the style of the page, before anything is drawn: in files, as policies allow them."""
    for style in ("page/first_paint.css", PAGE_STYLE):
        yield f'<link rel="stylesheet" href="{escape(asset_address(style))}">'
    yield f'<script src="{escape(asset_address("page/first_paint.js"))}"></script>'


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _in_script(value: object) -> str:
    """JSON that cannot end the script it stands in."""
    return json.dumps(value).replace("<", "\\u003c")
