"""What of Deltaboard a request asks for: its path, without the path at which Streamlit serves."""

from functools import cache

import streamlit as st
from starlette.types import Scope


@cache
def base_path() -> str:
    """Where Streamlit serves, without slashes; empty: at the root. Set for as long as the server runs."""
    return str(st.get_option("server.baseUrlPath") or "").strip("/")


def request_path(scope: Scope) -> str:
    """Without a slash before or after; empty for the first page."""
    base = base_path()
    path = str(scope["path"]).strip("/")
    if base and (path == base or path.startswith(f"{base}/")):
        return path[len(base) :].lstrip("/")
    return path
