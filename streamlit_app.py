"""The web server: ``streamlit run streamlit_app.py`` serves the whole board on the store that a sidecar fills."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st

from api.appender import Appender
from api.routes import routes as api_routes
from live.hub import Hub
from live.routes import routes
from storage.database import Store
from storage.settings import settings
from ui.errors import show_script_error

_hub = Hub(Store(settings().database_url), settings())
_appender = Appender(Store(settings().database_url), settings())


@asynccontextmanager
async def _following(_app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Follow the store for as long as the server runs."""
    await asyncio.to_thread(Store(settings().database_url).migrate)
    _hub.start(asyncio.get_running_loop())
    yield {}
    await asyncio.to_thread(_hub.stop)
    await asyncio.to_thread(_appender.close)


app = st.App(
    Path(__file__).parent / "ui" / "navigation.py",
    lifespan=_following,
    routes=[*routes(_hub, settings()), *api_routes(_appender, settings())],
    on_script_error=show_script_error,
)
