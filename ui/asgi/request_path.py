"""What of Deltaboard a request asks for: its path, without the path at which Streamlit serves."""

from functools import cache

import streamlit as st
from starlette.types import Scope


@cache
def root_path() -> str:
    """Where Streamlit serves: empty, or with a slash before it and none behind. Set for as long as the server runs."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""


def request_path(scope: Scope) -> str:
    """Without a slash before or after; empty for the first page."""
    base = root_path().lstrip("/")
    path = str(scope["path"]).strip("/")
    if base and (path == base or path.startswith(f"{base}/")):
        return path[len(base) :].lstrip("/")
    return path
