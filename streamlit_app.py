"""The web server: ``streamlit run streamlit_app.py`` serves the whole board on the store that a sidecar fills."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware

from api.appender import Appender
from api.exports import export_routes
from api.routes import routes as api_routes
from live.components.front_end import FrontEnd
from live.serving.connection_guard import ConnectionGuard, Connections
from live.serving.hub import Hub
from live.serving.routes import routes
from storage.connection.plain_log import log_plainly
from storage.connection.settings import settings
from storage.connection.supervision import SupervisedThread
from storage.core.database import Store
from ui.asgi.gate import Gate, Guard
from ui.asgi.page_sessions import PageSessions
from ui.asgi.preload import FirstPage
from ui.asgi.request_checks import RequestChecks
from ui.asgi.security_headers import SecurityHeaders
from ui.asgi.warm_up import warm_up
from ui.page.errors import show_script_error
from ui.uploads.desk import upload_desk
from ui.uploads.folder import clear_left_behind

log_plainly()
_hub = Hub(Store.of(settings()), settings())
_appender = Appender(Store.of(settings()), settings())
_front_end = FrontEnd()
_connections = Connections(settings())
_gate = Gate(Store.of(settings()))


@asynccontextmanager
async def _following(_app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Follow the store for as long as the server runs."""
    await asyncio.to_thread(Store.of(settings()).migrate)
    await asyncio.to_thread(clear_left_behind)
    _hub.start(asyncio.get_running_loop())
    SupervisedThread("page warm-up", lambda _: warm_up(_front_end)).start()  # nobody waits for it, nor the end
    yield {}
    await asyncio.to_thread(_hub.stop)
    await asyncio.to_thread(_appender.close)
    await asyncio.to_thread(upload_desk.clear)  # after a signal to terminate nothing else takes its files away


app = st.App(
    Path(__file__).parent / "ui" / "navigation.py",
    lifespan=_following,
    routes=[
        *routes(_hub, settings(), _gate, _connections.room),
        *api_routes(_appender, settings(), _gate),
        *export_routes(_gate),
    ],
    middleware=[
        Middleware(ConnectionGuard, connections=_connections),
        Middleware(SecurityHeaders, front_end=_front_end),
        Middleware(RequestChecks),
        Middleware(PageSessions, most=settings().page_sessions),
        Middleware(FirstPage, gate=_gate, front_end=_front_end, store=Store.of(settings())),
        Middleware(Guard, gate=_gate),
    ],
    on_script_error=show_script_error,
)
