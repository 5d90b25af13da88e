"""Who may have what the server gives beside the pages: live tables, the panels' files, downloads and uploads?"""

import asyncio
import time
from urllib.parse import urlsplit

from sqlalchemy.exc import DBAPIError
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from live.components.streamlit_internals import ASKS_NOBODY, SIGN_IN, SIGN_OUT, SIGNED_IN
from services.access.read_claims import NotKnown, SignIn, read_claims
from storage.connection.settings import settings
from storage.core.database import Store
from storage.people.user_roles import read_granted
from ui.asgi.request_path import request_path
from ui.asgi.return_url import keeps_asked, leads_to_asked
from ui.identity.current_user import ACCESS_BLOCKED, DEMO_PEOPLE, PERSON, demo_is_open
from ui.identity.sign_in_setup import must_sign_in
from ui.identity.signed_in import asks_store, claims_of, end_sign_in, is_over

NOT_SIGNED_IN = "You are not signed in. Reload the page to sign in."
SIGN_IN_IS_OVER = "Your sign-in has ended. Reload the page to sign in again."
NOT_KNOWN_YET = "The store does not answer, so nobody knows whether your sign-in has ended. Try again in a moment."
NO_ROLE = "You have no role here any more. Reload the page to see what to do."
SIGNS_OUT_HERE = "Another server's page sent you here. You are still signed in: sign out on a page of Deltaboard."
_ROLES_SECONDS = 2.0


class Gate:
    """The one answer for every request and websocket: may it have what it asks for?

    A websocket is asked about again and again, so what admins have granted is read for all at once, every two seconds.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._granted: frozenset[str] | None = None
        self._stale_at = 0.0
        self._reading = asyncio.Lock()

    async def __call__(self, connection: HTTPConnection) -> str | None:
        """Why whoever asks is refused, in words for people; None: they are not."""
        if not must_sign_in():
            return None if demo_is_open() else ACCESS_BLOCKED
        claims = claims_of(connection)
        if claims is None:
            return NOT_SIGNED_IN
        try:
            sign_in = read_claims(claims, settings())
        except NotKnown:
            return NOT_SIGNED_IN
        try:
            if await self._is_over(sign_in):
                return SIGN_IN_IS_OVER
        except DBAPIError:
            return NOT_KNOWN_YET
        return None if sign_in.roles or sign_in.name in await self._names_with_a_role() else NO_ROLE

    def name_of(self, connection: HTTPConnection) -> str:
        """What somebody is called whom the gate has let pass; a demo identity is said by the address."""
        if not must_sign_in():
            person = connection.query_params.get(PERSON, "")
            return person if person in DEMO_PEOPLE else next(iter(DEMO_PEOPLE))
        claims = claims_of(connection)
        assert claims is not None
        return read_claims(claims, settings()).name

    async def _is_over(self, sign_in: SignIn) -> bool:
        if asks_store():
            return await asyncio.to_thread(is_over, self._store, sign_in)
        return is_over(self._store, sign_in)

    async def _names_with_a_role(self) -> frozenset[str]:
        """Everybody with a grant; while the store is away, as it was when it was last read."""
        async with self._reading:
            if self._granted is None or time.monotonic() >= self._stale_at:
                try:
                    self._granted = await asyncio.to_thread(self._read)
                except DBAPIError:
                    self._granted = self._granted or frozenset()
                self._stale_at = time.monotonic() + _ROLES_SECONDS
            return self._granted

    def _read(self) -> frozenset[str]:
        with self._store.read() as connection:
            return frozenset(granted.user_name for granted in read_granted(connection))

    def sign_out(self, connection: HTTPConnection) -> None:
        """End the sign-in of whoever asks, if there is one, in every tab: Streamlit ends it in this one alone."""
        claims = claims_of(connection) if must_sign_in() else None
        if claims is not None:
            end_sign_in(self._store, claims)


def _comes_from_elsewhere(connection: HTTPConnection) -> bool:
    """Whether a page of another server sends the browser here. A browser says so, or at least which page it was; it
    says neither where somebody typed the address, over plain HTTP."""
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    said = connection.headers.get("origin") or connection.headers.get("referer")
    return said is not None and urlsplit(said).netloc != connection.headers.get("host")


class Guard:
    """Stands before Streamlit's own routes that ask nobody who they are: downloads have an address, uploads a place in
    memory, the server's own figures are for all, and signing out leaves the other tabs as they are. Signing in leads
    back to the page that was asked for."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = request_path(scope) if scope["type"] == "http" else ""
        if path.startswith(ASKS_NOBODY):
            refusal = await self._gate(HTTPConnection(scope))
            if refusal is not None:
                await PlainTextResponse(refusal, 401)(scope, receive, send)
                return
        elif path == SIGN_OUT and must_sign_in() and _comes_from_elsewhere(HTTPConnection(scope)):
            await PlainTextResponse(SIGNS_OUT_HERE, 403)(scope, receive, send)
            return
        elif path == SIGN_OUT:
            await asyncio.to_thread(self._gate.sign_out, HTTPConnection(scope))
        elif path == SIGN_IN and must_sign_in():
            send = keeps_asked(HTTPConnection(scope), send)
        elif path == SIGNED_IN and must_sign_in():
            send = leads_to_asked(HTTPConnection(scope), send)
        await self._app(scope, receive, send)
