"""The first check of every request and websocket, whoever answers it: by which name it asks, and that it is text."""

from urllib.parse import unquote_to_bytes

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from storage.core.storable_text import text_fault
from ui.asgi.allowed_hosts import host_of, is_allowed_host

_LONGEST = 64_000
"""Bytes of a path and query. The pivots that addresses tell are the longest that anybody has a use for."""
_MISDIRECTED, _BAD_REQUEST = 421, 400


class RequestChecks:
    """Stands before everything: refuses a foreign name of this server, and addresses that are no text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif (words := _host_fault(scope)) is not None:
            await JSONResponse({"error": words}, _MISDIRECTED)(scope, receive, send)
        elif (words := _address_fault(scope)) is not None:
            await JSONResponse({"error": words}, _BAD_REQUEST)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _host_fault(scope: Scope) -> str | None:
    said = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    if len(said) == 1 and is_allowed_host(said[0]):
        return None
    name = host_of(said[0])[:100] if said else ""
    return (
        f"This server is not asked for by the name {name or 'that was given'}. Whoever runs it can allow a name with "
        "DELTABOARD_ALLOWED_HOSTS."
    )


def _address_fault(scope: Scope) -> str | None:
    for what, raw in (("path", scope.get("raw_path") or b""), ("query", scope["query_string"])):
        text = unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8", "replace")
        if (fault := text_fault(text, _LONGEST)) is not None:
            return f"The {what} of this address {fault}."
    return None
