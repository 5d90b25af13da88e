"""What of Deltaboard stands on names of Streamlit that its documentation does not have: no other module knows any.

`tests/live/components/test_streamlit_internals.py` says which of them an upgrade has taken away, and what needs it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit import file_util
from streamlit.auth_util import get_cookie_with_chunks, get_origin_from_redirect_uri
from streamlit.runtime import exists, get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

HOST_CONFIG = "_stcore/host-config"
"""How the server is set up: the first thing that Streamlit's page asks for."""
STREAM = "_stcore/stream"
"""The websocket of a page's session."""
SIGN_IN, SIGNED_IN, SIGN_OUT = "auth/login", "oauth2callback", "auth/logout"
ASKS_NOBODY = ("media/", "_stcore/upload_file/", "_stcore/metrics", "_stcore/agent/")
"""Where Streamlit answers without asking who it is: downloads, uploads, the server's figures, agents."""
NOT_PAGES = ("_stcore/", "static/", "media/", "component/", "auth/", "app/", SIGNED_IN)
"""Beginnings of all paths of Streamlit that are no page."""
IN_EVERY_SHELL = b"static/js/index."
"""What is in Streamlit's page, and in no other."""


def static_folder() -> Path:
    """Where the package has Streamlit's page, and the manifest of its build."""
    return Path(file_util.get_static_dir())


def beforehand(connection: str) -> str:
    """The script by which a page opens its connection without asking first; connection: its object, in JavaScript."""
    return f"<script>window.__streamlit = {connection}</script>"


def came_by_history() -> bool:
    """Whether the browser's back or forward led to the page that runs."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def session_of(connection_protocols: str) -> str | None:
    """The session that a browser comes back to, by the header Sec-WebSocket-Protocol of its stream."""
    said = connection_protocols.split(",")
    return said[2].strip() if len(said) > 2 else None


def sessions() -> set[str]:
    """The ids of the open sessions, those that a browser has just left included."""
    if not exists():
        return set()
    return {info.session.id for info in get_instance()._session_mgr.list_sessions()}


def auth_section() -> dict[str, Any]:
    """The section [auth] of secrets.toml; empty where there is none, or no file that can be read."""
    found = st.secrets.get("auth", {}) if secrets_are_read() else {}
    return dict(found.to_dict() if hasattr(found, "to_dict") else found)


def secrets_are_read() -> bool:
    """Whether there is a secrets.toml that can be read; says nothing on the page where there is not."""
    return st.secrets.load_if_toml_exists()


def sign_in_origin() -> str | None:
    """The origin of this server in redirect_uri, which Streamlit writes into the cookie of who has signed in."""
    return get_origin_from_redirect_uri()


def sign_in_cookie(cookies: Mapping[str, str]) -> bytes | None:
    """What Streamlit's cookie says of who has signed in, by its signature; None: nothing, or nothing of ours."""
    secret = str(auth_section().get("cookie_secret", st.get_option("server.cookieSecret")))

    def one_cookie(name: str) -> bytes | None:
        value = cookies.get(name)
        return None if value is None else decode_signed_value(secret, name, value.encode("latin-1"))

    return get_cookie_with_chunks(one_cookie, USER_COOKIE_NAME)
