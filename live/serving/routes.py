"""What the web server serves beside Streamlit: the live tables, the panels' assets, and a health answer."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.selection import TradeSelection
from live.components.kept_files import IMMUTABLE, KeptFolder
from live.components.panels import ASSETS_FOLDER, ASSETS_URL, assets_version
from live.components.pivot_engine import ENGINE_URL, engine_folder, engine_version
from live.serving.boards import Built, Seen
from live.serving.connection_guard import Room, no_bound
from live.serving.hub import Hub
from live.serving.store_watch import LIVE
from live.tables.registry import TABLES
from storage.connection.settings import Settings
from storage.core.storable_text import LONGEST_ASKED, text_fault

_POLICY, _FAULT, _NOT_SIGNED_IN, _REFUSED, _NOT_FOUND, _BAD_REQUEST = 1008, 1011, 4401, 4403, 4404, 4400
_STATUS_SECONDS = 1.0
_GATE_SECONDS = 3.0
_LEAST_PACE_SECONDS = 0.05
_PATH_SEPARATOR = "\x1f"
_LONGEST_PATH = 10 * LONGEST_ASKED
_REVISION_DIGITS, _REASON_BYTES = 18, 120
"""A revision fits into eight bytes; the reason of a closing frame into 123."""
Gate = Callable[[HTTPConnection], Awaitable[str | None]]
"""Why whoever asks is refused, in words; None: they may. Asked again and again while a websocket is open."""
_PARAMETERS = {"as_of", "since", "board", "status", "book", "path", "ticker", "pace"}


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a viewer asked for in the address of its connection. as_of None: the newest date, whichever that is."""

    table: str
    as_of: date | None
    selection: TradeSelection
    pace_seconds: float
    seen: Seen | None


def read_subscription(websocket: WebSocket) -> Subscription:
    """Read the address. Raises ValueError with what is wrong."""
    query = websocket.query_params
    unknown = set(query) - _PARAMETERS
    if unknown:
        raise ValueError(f"unknown parameter {', '.join(sorted(unknown))}")
    for name, text in query.multi_items():
        if (fault := text_fault(text, _LONGEST_PATH if name == "path" else LONGEST_ASKED)) is not None:
            raise ValueError(f"{name} {fault}")
    as_of = query.get("as_of", "latest")
    pace = float(query.get("pace", 0.0))
    if not 0.0 <= pace <= 3600.0:
        raise ValueError("pace must be between 0 and 3600 seconds")
    path = query.get("path", "")
    return Subscription(
        websocket.path_params["table"],
        None if as_of == "latest" else date.fromisoformat(as_of),
        TradeSelection(
            tuple(query.getlist("status")),
            tuple(query.getlist("book")),
            tuple(path.split(_PATH_SEPARATOR)) if path else (),
            query.get("ticker", ""),
        ),
        max(pace, _LEAST_PACE_SECONDS),
        Seen(query["board"], _revision(query["since"])) if "board" in query and "since" in query else None,
    )


def _revision(text: str) -> int:
    if not text.isdecimal() or len(text) > _REVISION_DIGITS:
        raise ValueError("since must be a revision")
    return int(text)


def same_origin(websocket: WebSocket) -> bool:
    """Whether the page that opens the connection came from this very server."""
    origin = websocket.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == websocket.headers.get("host")


class GatedFiles:
    """A folder of files, for those whom the gate lets pass. Its address has a version: what it stands for stays."""

    def __init__(self, files: KeptFolder, version: str, gate: Gate) -> None:
        self._files = files
        self._version = version
        self._gate = gate

    async def answer(self, request: Request) -> ASGIApp:
        if (refusal := await self._gate(request)) is not None:
            raise HTTPException(401, refusal)
        version, name = request.path_params["version"], request.path_params["name"]
        if version != self._version or name not in self._files:
            raise HTTPException(404)
        return await self._files.file(name)


class LiveTables:
    """The websocket of the live tables. It only ever sends; a viewer that sends anything is cut off."""

    def __init__(self, hub: Hub, settings: Settings, gate: Gate, room: Room) -> None:
        self._hub = hub
        self._room = room
        self._settings = settings
        self._gate = gate

    async def serve(self, websocket: WebSocket) -> None:
        if not same_origin(websocket):
            await websocket.close(_REFUSED, "This page is not of this server.")
            return
        await websocket.accept()
        if (refusal := await self._gate(websocket)) is not None:
            await websocket.close(_NOT_SIGNED_IN, refusal)
            return
        if websocket.path_params["table"] not in TABLES:
            await websocket.close(_NOT_FOUND, "There is no such table.")
            return
        if self._hub.viewers >= self._settings.live_viewers:
            await websocket.close(_POLICY, "Too many live viewers; close a tab or try again later.")
            return
        try:
            wanted = read_subscription(websocket)
        except ValueError as error:
            await websocket.close(_BAD_REQUEST, str(error).encode()[:_REASON_BYTES].decode("utf-8", "ignore"))
            return
        self._hub.viewers += 1
        if wanted.as_of is not None:
            self._hub.boards.watch(wanted.as_of)
        gone = asyncio.create_task(websocket.receive())
        sending = asyncio.create_task(self._send(websocket, wanted))
        refused = asyncio.create_task(self._until_refused(websocket))
        try:
            await asyncio.wait({gone, sending, refused}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.viewers -= 1
            if wanted.as_of is not None:
                self._hub.boards.unwatch(wanted.as_of)
            how = _ending(sending, refused)
            for task in (gone, sending, refused):
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):  # what it raised is logged where it was
                    await task
            with suppress(RuntimeError, WebSocketDisconnect):
                await websocket.close(*how)

    async def _until_refused(self, websocket: WebSocket) -> str:
        """Wait until whoever looks may do so no more; returns why."""
        while (refusal := await self._gate(websocket)) is None:
            await asyncio.sleep(_GATE_SECONDS)
        return refusal

    async def _send(self, websocket: WebSocket, wanted: Subscription) -> str:
        """Rows at the pace that was asked for; beside them, at any pace, how the board is: a viewer that hears nothing
        of that for some seconds knows that what it shows is stale. Returns why the date gets no board."""
        seen = wanted.seen
        next_rows = next_status = 0.0
        told: object = None
        while True:
            has_looked = self._hub.has_looked  # before the date is asked for: then what was found is in it
            as_of = wanted.as_of or self._hub.latest
            if wanted.as_of is not None and (refusal := self._hub.boards.refusal(wanted.as_of)) is not None:
                return refusal
            if as_of is not None and time.monotonic() >= next_rows:
                built = await self._next_message(as_of, wanted, seen)
                if built is not None:
                    seen = built[0]
                    await self._room(len(built[1]))
                    await websocket.send_bytes(built[1])
                    self._hub.messages_life.beat()
                    next_rows = time.monotonic() + wanted.pace_seconds
            condition = self._hub.condition
            is_known = has_looked and not self._hub.boards.is_pending(wanted.as_of)
            if is_known and (time.monotonic() >= next_status or condition != told):
                await websocket.send_text(json.dumps(self._hub.status(as_of)))
                next_status, told = time.monotonic() + _STATUS_SECONDS, condition
            await self._hub.changed(_STATUS_SECONDS)
            early = min(next_rows - time.monotonic(), _STATUS_SECONDS)
            if early > 0:
                await asyncio.sleep(early)

    async def _next_message(self, as_of: date, wanted: Subscription, seen: Seen | None) -> Built | None:
        try:
            return await self._hub.boards.next_message(as_of, wanted.table, wanted.selection, seen)
        except Exception as error:
            self._hub.message_failed(error)
            raise


def _ending(sending: "asyncio.Task[str]", refused: "asyncio.Task[str]") -> tuple[int, str]:
    """The code and the reason with which a websocket is closed; after 1011 a browser connects again by itself."""
    if refused.done():
        return (_NOT_SIGNED_IN, refused.result()) if refused.exception() is None else (_FAULT, "")
    if sending.done() and not sending.cancelled():
        return (_POLICY, sending.result()) if sending.exception() is None else (_FAULT, "")
    return 1000, ""


def routes(hub: Hub, settings: Settings, gate: Gate, room: Room = no_bound) -> list[BaseRoute]:
    """The routes of the live board. The health answer alone is for everyone; who may look is told more of it.

    room: waits until so many bytes may be sent.
    """

    async def health(request: Request) -> JSONResponse:
        status = hub.status(hub.latest)
        faulty = any(fault["needed_live"] for fault in status["faults"])
        live = status["included"] > 0 and status["store"] in LIVE and not faulty
        may_know = await gate(request) is None
        told = status if may_know else {"store": status["store"], "feed": {"state": status["feed"]["state"]}}
        return JSONResponse({"live": live, **told}, status_code=200 if live else 503)

    kept = f"private, {IMMUTABLE}"
    assets, engine = KeptFolder(ASSETS_FOLDER, kept), KeptFolder(engine_folder(), kept)
    tables = LiveTables(hub, settings, gate, room)
    return [
        Route("/deltaboard/health", health),
        Route(f"{ASSETS_URL}/{{version}}/{{name:path}}", GatedFiles(assets, assets_version(), gate).answer),
        Route(f"{ENGINE_URL}/{{version}}/{{name}}", GatedFiles(engine, engine_version(), gate).answer),
        WebSocketRoute("/live/{table}", tables.serve),
    ]
