"""``/deltaboard/export``: tables as files, CSV, Excel or Parquet, each made when it is asked for.

``GET /deltaboard/export/{kind}`` gives rows of the store: its address says all that the file is made of. ``POST`` takes
what a pivot shows, as Arrow, and gives it back as a file.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote

import pyarrow as pa
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from api.access import KnowingGate, is_of_another_origin
from api.bodies import read_away
from services.exports.arrow_stream import TooLarge
from services.exports.export_kinds import EXPORT_KINDS, EXPORT_URL, FORM, NotThere, read_asked
from services.exports.export_table import ExportForm
from services.exports.export_worker import export_worker
from services.workers.worker_process import WorkFailed

_MOST_BYTES, _MOST_HELD = 200_000_000, 400_000_000
"""Of one table that a page sends, and of all that wait to be files."""
_MOST_MADE_AT_ONCE, _MOST_AT_ONCE = 2, 16
_PIECE = 256 * 1024
_ABOUT = "about."
_LONGEST_WORDS = 2_000
_REFUSES = 400
"""Statuses from here on are of answers without a file."""
_NOT_IN_A_FILE_NAME = re.compile(r"[^\w.-]+")
_FAILED = "the file could not be made. Try again; the server's log says more."

_Wanted = tuple[str, ExportForm, Callable[[], bytes]]
"""The name of a file, its form, and what makes it."""

log = structlog.get_logger("api")


class Refused(Exception):
    """A request that gets no file: its status, and why in words."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status, self.error = status, error


class Exports:
    """Answers with files, two made at once, and sixteen asked for or on their way: others are told to wait."""

    def __init__(self, gate: KnowingGate) -> None:
        self._gate = gate
        self._turns = asyncio.Semaphore(_MOST_MADE_AT_ONCE)
        self._asked = self._held = 0

    async def of_store(self, request: Request) -> Response:
        """GET: query ``form``, and what the kind is asked for by."""
        return await self._answer(request, self._rows_of_store)

    async def shown(self, request: Request) -> Response:
        """POST: query ``form``, ``title`` and ``about.…``; the body is an Arrow stream."""
        chunks = request.stream()
        if request.headers.get("origin") is None or is_of_another_origin(request.headers):
            answer: Response = _refusal(Refused(403, "this page is not of this server."))
        else:
            answer = await self._answer(request, partial(self._rows_shown, chunks))
        if answer.status_code >= _REFUSES:
            await read_away(request, chunks)
        return answer

    async def _answer(self, request: Request, read: Callable[[Request], Awaitable[_Wanted]]) -> Response:
        if (why := await self._gate(request)) is not None:
            return _refusal(Refused(401, why))
        if self._asked >= _MOST_AT_ONCE:
            return _refusal(Refused(503, f"{self._asked} files are being made already. Try again in a moment."))
        self._asked += 1
        try:
            file_name, form, make = await read(request)
            async with self._turns:
                made = await asyncio.to_thread(make)
        except Exception as error:
            self._asked -= 1
            return _refusal(_words_for(error))
        except BaseException:  # whoever asked has gone
            self._asked -= 1
            raise
        finally:
            self._held -= getattr(request.state, "held", 0)
        return _File(made, form, file_name, self._has_gone_out)

    def _has_gone_out(self) -> None:
        self._asked -= 1

    async def _rows_of_store(self, request: Request) -> _Wanted:
        form, kind = _form_of(request), request.path_params["kind"]
        try:
            asked = read_asked(kind, request.query_params.multi_items())
        except ValueError as error:
            raise Refused(400, f"{error}.") from error
        who = self._gate.name_of(request)
        table = EXPORT_KINDS[kind].table(asked, who)
        about = {**table.about, **_made_for(who)}
        return table.file_name, form, partial(export_worker().of_store, table.make, form, table.title, about)

    async def _rows_shown(self, chunks: AsyncIterator[bytes], request: Request) -> _Wanted:
        form, body = _form_of(request), await self._body_of(request, chunks)
        title = request.query_params.get("title", "Pivot")[:100]
        about = {
            name.removeprefix(_ABOUT)[:100]: value[:_LONGEST_WORDS]
            for name, value in request.query_params.items()
            if name.startswith(_ABOUT)
        }
        about |= _made_for(self._gate.name_of(request))
        return title, form, partial(_made_of_arrow, body, form, title, about)

    async def _body_of(self, request: Request, chunks: AsyncIterator[bytes]) -> bytes:
        """The body, which counts among those that are kept while their files are made."""
        too_large = Refused(413, f"it is larger than {_MOST_BYTES // 1_000_000} MB: filter or group it first.")
        said = request.headers.get("content-length", "")
        if said.isdecimal() and int(said) > _MOST_BYTES:
            raise too_large
        body = bytearray()
        async for chunk in chunks:
            body += chunk
            request.state.held = len(body)
            self._held += len(chunk)
            if len(body) > _MOST_BYTES:
                raise too_large
            if self._held > _MOST_HELD:
                raise Refused(503, "many large files are being made already. Try again in a moment.")
        return bytes(body)


class _File(Response):
    """A file to keep, sent piece by piece as fast as it is taken; then ``gone_out`` is called, whatever came of it."""

    def __init__(self, content: bytes, form: ExportForm, name: str, gone_out: Callable[[], None]) -> None:
        super().__init__(content, media_type=form.mime, headers=_headers(f"{_file_name(name)}.{form}"))
        self._gone_out = gone_out

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            for start in range(0, len(self.body), _PIECE):
                piece = bytes(self.body[start : start + _PIECE])
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._gone_out()


def _made_of_arrow(body: bytes, form: ExportForm, title: str, about: Mapping[str, str]) -> bytes:
    try:
        return export_worker().of_arrow(body, form, title, about)
    except TooLarge as error:
        raise Refused(413, f"{error}: filter or group it first.") from error
    except (pa.ArrowException, OSError, ValueError) as error:  # a stream that was cut off is an OSError
        log.warning("pivot_table_unreadable", error=str(error))
        raise Refused(400, "what the page sent could not be read as a table.") from error


def _form_of(request: Request) -> ExportForm:
    try:
        return ExportForm(request.query_params.get(FORM, ""))
    except ValueError as error:
        raise Refused(400, f"{FORM} must be one of {', '.join(ExportForm)}.") from error


def _made_for(who: str) -> dict[str, str]:
    return {"Made at": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC", "Made by": who}


def _words_for(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, NotThere):
        return Refused(404, f"{error}.")
    if isinstance(error, WorkFailed):
        return Refused(500, str(error))
    log.error("export_failed", exc_info=error)
    return Refused(500, _FAILED)


def _refusal(refused: Refused) -> JSONResponse:
    return JSONResponse({"error": refused.error}, refused.status, {"Cache-Control": "no-store"})


def _file_name(name: str) -> str:
    return _NOT_IN_A_FILE_NAME.sub("_", name).strip("_.") or "table"


def _headers(name: str) -> dict[str, str]:
    """Of a file to keep. Names have letters of any language, which such a header has in this way alone."""
    return {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }


def export_routes(gate: KnowingGate) -> list[BaseRoute]:
    """The routes of the exports."""
    exports = Exports(gate)
    return [
        Route(EXPORT_URL, exports.shown, methods=["POST"]),
        Route(f"{EXPORT_URL}/{{kind}}", exports.of_store, methods=["GET"]),
    ]
