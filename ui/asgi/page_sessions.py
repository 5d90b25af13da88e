"""No more pages than a set number are open on one web server: each takes memory of it, also for a while after it."""

from http import HTTPStatus

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from live.components.streamlit_internals import NOT_PAGES, STREAM, session_of, sessions
from ui.asgi.request_path import request_path

_NOT_PAGES = (*NOT_PAGES, "deltaboard/", "api/")
_TRY_AGAIN_LATER = 1013
_WAIT_SECONDS = 15
_FULL = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Deltaboard</title>
<meta http-equiv="refresh" content="{_WAIT_SECONDS}"></head>
<body><main><h1>Too many pages are open</h1>
<p>This server shows as many pages as it may. Close tabs that you do not need.
This page tries again by itself every {_WAIT_SECONDS} seconds.</p>
<p>If it stays so, tell whoever runs Deltaboard: DELTABOARD_PAGE_SESSIONS says how many may be open.</p>
</main></body></html>"""


class PageSessions:
    """Stands before Streamlit: refuses a page in words, and a connection that would open one more session."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            if request_path(scope) == STREAM and self._is_full() and not _comes_back(HTTPConnection(scope)):
                await receive()
                await send({"type": "websocket.close", "code": _TRY_AGAIN_LATER, "reason": "Too many pages are open."})
                return
        elif scope["type"] == "http" and _asks_for_page(scope) and self._is_full():
            headers = {"retry-after": str(_WAIT_SECONDS), "cache-control": "no-store"}
            await HTMLResponse(_FULL, HTTPStatus.SERVICE_UNAVAILABLE, headers)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_full(self) -> bool:
        return len(sessions()) >= self._most


def _asks_for_page(scope: Scope) -> bool:
    path = request_path(scope)
    wants_html = "text/html" in HTTPConnection(scope).headers.get("accept", "")
    return scope["method"] == "GET" and wants_html and not path.startswith(_NOT_PAGES)


def _comes_back(connection: HTTPConnection) -> bool:
    """Whether the browser names a session that is still there, as Streamlit's own page does."""
    return session_of(connection.headers.get("sec-websocket-protocol", "")) in sessions()
