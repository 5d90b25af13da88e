"""``POST /api/{kind}`` brings rows in; ``/api/openapi.json`` and ``/api/docs`` say how."""

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from api.access import ClientWindows, Gate, RequestWindow, is_of_another_origin, token_fault
from api.appender import Appender
from api.bodies import content_type_of, read_away
from api.body_files import BadBody
from api.docs_page import docs_page
from api.openapi import ANSWERED_FAILURES, openapi
from services.records.record_kinds import RECORD_KINDS
from services.workers.worker_process import WorkFailed
from services.writes.append import Appended
from storage.connection.faults import StoreUnavailable
from storage.connection.settings import Settings
from storage.core.database import StoreUnreadable

_BODY_SECONDS = 60.0
_WRONG_TOKENS_A_MINUTE, _REFUSALS_LOGGED_A_MINUTE = 60, 120
_MOST_AT_ONCE = 8
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_PAGE_POLICY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

log = structlog.get_logger("api")


class Refused(Exception):
    """A request that is not served: its status, why in words, and headers that belong to the answer."""

    def __init__(self, status: int, error: str, headers: dict[str, str] | None = None, place: str = "") -> None:
        super().__init__(error)
        self.status, self.error, self.headers, self.place = status, error, headers or {}, place


class AppendRoute:
    """What answers under ``/api/``: checks who asks, reads the body within its bounds, applies it."""

    def __init__(self, appender: Appender, settings: Settings) -> None:
        self._appender = appender
        self._token = settings.api_token.get_secret_value().strip()
        self._most_bytes = int(settings.api_megabytes * 1e6)
        self._window = RequestWindow(settings.api_requests_a_minute)
        self._running = 0
        self._wrong_tokens = ClientWindows(_WRONG_TOKENS_A_MINUTE)
        self._log_lines = RequestWindow(_REFUSALS_LOGGED_A_MINUTE)

    async def answer(self, request: Request) -> Response:
        chunks = request.stream()
        try:
            return await self._append(request, chunks)
        except Refused as refused:
            await read_away(request, chunks)
            client = request.client.host if request.client else ""
            path = request.url.path[:100]
            if self._log_lines.enter() == 0:  # strangers must not fill the disk
                log.warning("append_refused", status=refused.status, reason=refused.error, path=path, client=client)
            body = {"error": refused.error, **({"place": refused.place} if refused.place else {})}
            return _json(body, refused.status, refused.headers)
        except Exception:
            log.exception("append_failed", path=request.url.path[:100])
            return _json({"error": "the server failed: its log says why. Nothing was taken"}, 500)

    async def _append(self, request: Request, chunks: AsyncIterator[bytes]) -> Response:
        kind = RECORD_KINDS.get(request.path_params["kind"])
        if kind is None:
            raise Refused(404, f"there is no such address: the kinds are {', '.join(RECORD_KINDS)}; see /api/docs")
        if request.method != "POST":
            raise Refused(405, "rows are sent with POST; see /api/docs", {"Allow": "POST"})
        if is_of_another_origin(request.headers):
            raise Refused(403, "a page of another server may not append")
        if (fault := token_fault(request.headers, self._token)) is not None:
            raise self.refused_token(request, fault)
        if (wait := self._window.enter()) > 0:
            raise Refused(429, "too many requests in a minute: send more rows in each", _retry_after(wait))
        if self._running >= _MOST_AT_ONCE:
            raise Refused(429, f"{self._running} appends are under way already: wait for one to end", _retry_after(1))
        self._running += 1
        try:
            content_type = content_type_of(request.headers.get("content-type", ""))
            atomic = _atomic(request)
            body = await self._body(request, chunks)
            appended = await self._appender.append(kind, body, content_type, atomic=atomic)
        except BadBody as bad:
            raise Refused(bad.status, bad.reason, place=bad.place) from bad
        except WorkFailed as failed:
            raise Refused(500, str(failed)) from failed
        except (StoreUnavailable, StoreUnreadable) as error:
            raise Refused(503, "the store does not answer: send the same again later", _retry_after(2)) from error
        finally:
            self._running -= 1
        return _json(answer_of(appended), 422 if appended.refused and not appended.taken else 200)

    def refused_token(self, request: Request, fault: str) -> Refused:
        """The refusal of a request without the right token: a client that guesses is told to wait. The right one always
        passes, for behind a proxy all clients are one."""
        wait = self._wrong_tokens.enter(request.client.host if request.client else "")
        if wait > 0:
            return Refused(429, "too many requests without the right token", _retry_after(wait))
        return Refused(401, fault, {"WWW-Authenticate": "Bearer"})

    async def _body(self, request: Request, chunks: AsyncIterator[bytes]) -> bytes:
        """The body, refused as soon as it is too large. Raises Refused."""
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise Refused(415, "the body must not be compressed")
        reason = f"larger than {self._most_bytes / 1e6:g} MB: send the rows in several requests"
        said = request.headers.get("content-length", "")
        if said.isdecimal() and int(said) > self._most_bytes:
            raise Refused(413, reason, {"Connection": "close"})
        body = bytearray()
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                async for chunk in chunks:
                    body += chunk
                    if len(body) > self._most_bytes:
                        raise Refused(413, reason, {"Connection": "close"})
        except TimeoutError as error:
            reason = f"the body did not come within {_BODY_SECONDS:.0f} s"
            raise Refused(408, reason, {"Connection": "close"}) from error
        except ClientDisconnect as error:
            raise Refused(400, "the connection ended before the body did") from error
        return bytes(body)


def answer_of(appended: Appended) -> dict[str, Any]:
    """What is answered: counts, the revision, and the rows that were refused."""
    listed = appended.failures[:ANSWERED_FAILURES]
    return {
        "kind": appended.kind,
        "revision": appended.revision,
        "new": appended.new,
        "changed": appended.changed,
        "unchanged": appended.unchanged,
        "late": appended.late,
        "refused": appended.refused,
        "failures": [
            {"row": f.line, "column": f.column, "value": f.value, "reason": f.reason, "remediation": f.remediation}
            for f in listed
        ],
        "more_failures": appended.more_failures + len(appended.failures) - len(listed),
        "left_aside": appended.left_aside[:ANSWERED_FAILURES],
        "warnings": appended.warnings,
    }


def routes(appender: Appender, settings: Settings, gate: Gate) -> list[BaseRoute]:
    """The routes under ``/api``. The description is for who has passed the gate or has the token; appending is for the
    token alone, since programs do not sign in."""
    description, token = openapi(settings), settings.api_token.get_secret_value().strip()
    append = AppendRoute(appender, settings)

    async def refusal(request: Request) -> Response | None:
        if (why := await gate(request)) is None or token_fault(request.headers, token) is None:
            return None
        if "authorization" in request.headers and (wrong := append.refused_token(request, why)).status == 429:
            return _json({"error": wrong.error}, wrong.status, wrong.headers)
        return _json({"error": f"{why} Programs send the token of this server."}, 401, {"WWW-Authenticate": "Bearer"})

    async def described(request: Request) -> Response:
        return await refusal(request) or _json(description)

    async def docs(request: Request) -> Response:
        if (refused := await refusal(request)) is not None:
            return refused
        return HTMLResponse(docs_page(str(request.base_url), settings), headers=_PAGE_POLICY)

    async def to_docs(request: Request) -> Response:
        return await refusal(request) or RedirectResponse("/api/docs")

    return [
        Route("/api", to_docs),
        Route("/api/openapi.json", described),
        Route("/api/docs", docs),
        Route("/api/{kind:path}", append.answer, methods=_METHODS),
    ]


def _atomic(request: Request) -> bool:
    unknown = set(request.query_params) - {"atomic"}
    wish = request.query_params.get("atomic", "false").lower()
    if unknown or wish not in ("true", "false"):
        raise Refused(400, "the only parameter is atomic, which is true or false")
    return wish == "true"


def _retry_after(seconds: float) -> dict[str, str]:
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def _json(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(
        body, status, {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})}
    )
