"""``POST /deltaboard/export`` makes a file of what a pivot shows: Arrow comes, CSV, Excel or Parquet goes back."""

import asyncio
import re

import pyarrow as pa
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from api.access import Gate, is_of_another_origin
from services.export_table import ExportForm
from services.export_worker import export_worker
from services.how_many import grouped
from services.process_beside import WorkFailed

EXPORT_URL = "/deltaboard/export"
_MOST_BYTES = 200_000_000
_MOST_CELLS = 30_000_000
_MOST_AT_ONCE = 2
_ABOUT = "about."
_LONGEST_WORDS = 2_000
_NOT_IN_A_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]+")

log = structlog.get_logger("api")


class ExportShown:
    """Answers with the file. What it is made of is what the asker sent: the store is not read."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._turns = asyncio.Semaphore(_MOST_AT_ONCE)

    async def answer(self, request: Request) -> Response:
        """POST: query ``form``, ``title`` and ``about.…``; the body is an Arrow stream."""
        if request.headers.get("origin") is None or is_of_another_origin(request.headers):
            return _refused(403, "this page is not of this server.")
        if (why := await self._gate(request)) is not None:
            return _refused(401, why)
        try:
            form = ExportForm(request.query_params.get("form", ""))
        except ValueError:
            return _refused(400, f"form must be one of {', '.join(ExportForm)}.")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BYTES:
                return _refused(413, f"it is larger than {_MOST_BYTES // 1_000_000} MB: filter or group it first.")
        title = request.query_params.get("title", "Pivot")[:100]
        about = {
            name.removeprefix(_ABOUT)[:100]: value[:_LONGEST_WORDS]
            for name, value in request.query_params.items()
            if name.startswith(_ABOUT)
        }
        async with self._turns:
            try:
                made = await asyncio.to_thread(_made, bytes(body), form, title, about)
            except TooMuch as error:
                return _refused(413, str(error))
            except WorkFailed as error:
                return _refused(500, str(error))
            except (pa.ArrowException, OSError, ValueError) as error:  # a stream that was cut off is an OSError
                log.warning("a table of a pivot could not be read", error=str(error))
                return _refused(400, "what the page sent could not be read as a table.")
        name = f"{_NOT_IN_A_FILE_NAME.sub('_', title).strip('_.') or 'pivot'}.{form}"
        return Response(made, media_type=form.mime, headers={"Content-Disposition": f'attachment; filename="{name}"'})


class TooMuch(Exception):
    """A table that is too large to be a file; the message is for people."""


def _made(body: bytes, form: ExportForm, title: str, about: dict[str, str]) -> bytes:
    table = pa.ipc.open_stream(body).read_all()
    if table.num_rows * max(table.num_columns, 1) > _MOST_CELLS:
        raise TooMuch(f"it has more than {grouped(_MOST_CELLS)} cells: filter or group it first.")
    return export_worker().of_arrow(body, form, title, about)


def _refused(status: int, error: str) -> JSONResponse:
    return JSONResponse({"error": error}, status_code=status)


def export_routes(gate: Gate) -> list[BaseRoute]:
    """The route of the exports."""
    return [Route(EXPORT_URL, ExportShown(gate).answer, methods=["POST"])]
