"""Who has signed in, as the browser's signed cookie says, and who has left meanwhile."""

import json
import time
from typing import Any

import streamlit as st
from starlette.requests import HTTPConnection

from live.components.streamlit_internals import sign_in_cookie, sign_in_origin
from services.access.note_sign_in import NOBODY
from services.access.permissions import Role, User
from services.access.read_claims import Claims, NotKnown, SignIn, key_of, read_claims
from storage.connection.settings import settings
from storage.core.database import Store
from storage.people.user_roles import roles_granted_to
from ui.identity.revoked_sessions import RevokedSessions

_ended = RevokedSessions()


def claims_of_page() -> Claims | None:
    """What the browser of this page says of who signed in; None: nobody has."""
    said = st.user.to_dict()
    return said if said.get("is_logged_in") is True else None


def claims_of(connection: HTTPConnection) -> Claims | None:
    """The same for a request or websocket, by the same cookie, signature and secret; None: nobody has signed in."""
    try:
        cookie = sign_in_cookie(connection.cookies)
        said: dict[str, Any] = json.loads(cookie) if cookie else {}
    except ValueError:
        return None
    is_ours = said.get("origin") == sign_in_origin()
    return said if is_ours and said.get("is_logged_in") is True else None


def end_sign_in(store: Store, claims: Claims) -> None:
    """End a sign-in, in every tab and on every connection, wherever its cookie was copied to."""
    try:
        name = read_claims(claims, settings()).name
    except NotKnown:
        name = NOBODY
    _ended.end(store, key_of(claims), name)


def is_over(store: Store, sign_in: SignIn) -> bool:
    """Whether its time has passed, or somebody signed out. Raises DBAPIError where that has never been known."""
    return sign_in.ends_at <= time.time() or _ended.has(store, sign_in.key)


def asks_store() -> bool:
    """Whether the next question whether a sign-in is over goes to the store."""
    return _ended.is_stale


def user_of(store: Store, sign_in: SignIn) -> User:
    """Who it is, with all roles of this moment: those of the sign-in, and those that an admin has granted."""
    with store.read() as connection:
        granted = roles_granted_to(connection, sign_in.name)
    return User(sign_in.name, sign_in.roles | frozenset(map(Role, granted)))
