"""Must people sign in, and with what? The [auth] section of Streamlit's secrets.toml says so."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from live.components.streamlit_internals import auth_section, secrets_are_read
from storage.connection.settings import settings

DEFAULT = "default"
"""The name of the identity provider that [auth] itself describes."""
_SHORTEST_SECRET = 32
_OF_A_PROVIDER = ("client_id", "client_secret", "server_metadata_url")
_was_there = False


def must_sign_in() -> bool:
    """Whether there is a sign-in. Once there was, there is one until the server ends, whatever becomes of the file."""
    global _was_there
    if not _was_there:
        _was_there = settings().require_sign_in or _is_unreadable() or bool(auth_section())
    return _was_there


def faults() -> list[str]:
    """What is wrong with the set-up, for those who run the server; nobody can sign in before it is fixed."""
    section = auth_section()
    if not section:
        return ["There is no secrets.toml that can be read and has an [auth] section."]
    found = [f"{name} is missing." for name in ("redirect_uri", "cookie_secret") if not section.get(name)]
    address = str(section.get("redirect_uri", ""))
    if address and (not urlsplit(address).netloc or urlsplit(address).path.rsplit("/")[-1] != "oauth2callback"):
        found.append("redirect_uri must be the whole address of this server with /oauth2callback at its end.")
    if 0 < len(str(section.get("cookie_secret", ""))) < _SHORTEST_SECRET:
        found.append(f"cookie_secret is shorter than {_SHORTEST_SECRET} characters: it could be guessed.")
    if not providers():
        found.append(f"No identity provider has {', '.join(_OF_A_PROVIDER)}.")
    if find_spec("authlib") is None:
        found.append("The package Authlib is not installed: install requirements.txt.")
    return found


def redirect_host() -> str | None:
    """The name of this server in the address that the identity provider leads back to; None: there is none."""
    try:
        return urlsplit(str(auth_section().get("redirect_uri", ""))).hostname
    except ValueError:
        return None


def providers() -> list[str]:
    """The identity providers that are whole: that of [auth] itself, then those of [auth.NAME]."""
    section = auth_section()
    named = [name for name, value in section.items() if isinstance(value, Mapping) and _is_whole(value)]
    return [DEFAULT] * _is_whole(section) + named


def _is_whole(section: Mapping[str, Any]) -> bool:
    return all(section.get(name) for name in _OF_A_PROVIDER)


def _is_unreadable() -> bool:
    """Whether there is a file that cannot be read: then nobody knows what it was to say, and the demo must not open."""
    there = any(Path(path).exists() for path in st.get_option("secrets.files"))
    return there and not secrets_are_read()
