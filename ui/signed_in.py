"""Who has signed in, as the browser's signed cookie says, and who has left meanwhile."""

import json
import threading
import time
from typing import Any

import streamlit as st
from starlette.requests import HTTPConnection
from streamlit.auth_util import get_cookie_with_chunks, get_origin_from_redirect_uri
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from services.permissions import Role, User
from services.read_claims import Claims, SignIn, key_of
from storage.database import Store
from storage.user_roles import roles_granted_to

_left: dict[str, float] = {}
"""Sign-ins that ended by signing out -> when. Their cookie would go on in other tabs, and wherever it was copied to."""
_lock = threading.Lock()
_KEPT_SECONDS = 32 * 86400.0
"""As long as Streamlit takes the cookie, and a little more."""


def claims_of_page() -> Claims | None:
    """What the browser of this page says of who signed in; None: nobody has."""
    said = st.user.to_dict()
    return said if said.get("is_logged_in") is True else None


def claims_of(connection: HTTPConnection) -> Claims | None:
    """The same for a request or websocket, by the same cookie, signature and secret; None: nobody has signed in."""

    def one_cookie(name: str) -> bytes | None:
        value = connection.cookies.get(name)
        return None if value is None else decode_signed_value(get_cookie_secret(), name, value.encode("latin-1"))

    try:
        cookie = get_cookie_with_chunks(one_cookie, USER_COOKIE_NAME)
        said: dict[str, Any] = json.loads(cookie) if cookie else {}
    except ValueError:
        return None
    is_ours = said.get("origin") == get_origin_from_redirect_uri()
    return said if is_ours and said.get("is_logged_in") is True else None


def leave(claims: Claims) -> None:
    """End a sign-in, in every tab and on every connection. It is remembered until this server ends."""
    with _lock:
        _left[key_of(claims)] = time.time()
        for key in [key for key, at in _left.items() if at < time.time() - _KEPT_SECONDS]:
            del _left[key]


def is_over(sign_in: SignIn) -> bool:
    """Whether its time has passed, or somebody signed out."""
    return sign_in.ends_at <= time.time() or sign_in.key in _left


def user_of(store: Store, sign_in: SignIn) -> User:
    """Who it is, with all roles of this moment: those of the sign-in, and those that an admin has granted."""
    with store.read() as connection:
        granted = roles_granted_to(connection, sign_in.name)
    return User(sign_in.name, sign_in.roles | frozenset(map(Role, granted)))
