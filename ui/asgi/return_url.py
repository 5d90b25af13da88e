"""Which page did somebody ask for who had to sign in first? There the sign-in leads, and not to the first page.

The way to the identity provider begins on the page that was asked for, and the browser says which that is (Referer). A
cookie keeps it until the provider sends the browser back: one for each way there and back, so that tabs are not mixed
up. Whatever a browser says, it only ever leads to a page of ours.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import Message, Send

from live.components.streamlit_internals import sign_in_origin
from ui.asgi.request_path import root_path
from ui.page.page_files import page_addresses

_COOKIE = "deltaboard_asked_"
_SECONDS = 3600
_LONGEST = 2900
"""In characters: a browser keeps no cookie of more than 4096, and in base64 four stand for three."""
_PLAIN = re.compile(r"[!-~]*")
_STATE = re.compile(r"[A-Za-z0-9_-]{8,100}")


def keeps_asked(connection: HTTPConnection, send: Send) -> Send:
    """Answers of the way to the identity provider: what was asked for is kept in the browser."""
    asked = own_address(connection.headers.get("referer", ""), sign_in_origin())

    async def keeping(message: Message) -> None:
        if message["type"] == "http.response.start" and asked is not None:
            headers = MutableHeaders(scope=message)
            state = _state(urlsplit(headers.get("location", "")).query)
            if state is not None:
                _set_cookie(headers, state, urlsafe_b64encode(asked.encode()).decode(), _SECONDS)
        await send(message)

    return keeping


def leads_to_asked(connection: HTTPConnection, send: Send) -> Send:
    """Answers of the way back: not to the first page but to what was asked for, signed in or not."""
    state = _state(connection.url.query)
    asked = _kept(connection.cookies, state)

    async def leading(message: Message) -> None:
        if message["type"] == "http.response.start" and state is not None and asked is not None:
            headers = MutableHeaders(scope=message)
            if headers.get("location") == f"{root_path()}/":
                headers["location"] = asked
            _set_cookie(headers, state, "", 0)
        await send(message)

    return leading


def own_address(address: str, origin: str | None = None) -> str | None:
    """The path and query of an address that leads to a page of ours; None where it does not.

    origin: the address must begin with it; without one it must be a path. Too long a query is left out.
    """
    if not _PLAIN.fullmatch(address):
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    if (f"{parts.scheme}://{parts.netloc}" if origin else parts.scheme + parts.netloc) != (origin or ""):
        return None
    if parts.path not in {f"{root_path()}/{page}" for page in page_addresses()}:
        return None
    whole = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return whole if len(whole) <= _LONGEST else parts.path


def _kept(cookies: Mapping[str, str], state: str | None) -> str | None:
    value = cookies.get(f"{_COOKIE}{state}")
    if value is None:
        return None
    try:
        return own_address(urlsafe_b64decode(value).decode("ascii"))
    except ValueError:
        return None


def _state(query: str) -> str | None:
    """What tells one way to the provider and back from every other."""
    found = parse_qs(query).get("state", [""])[0]
    return found if _STATE.fullmatch(found) else None


def _set_cookie(headers: MutableHeaders, state: str, value: str, seconds: int) -> None:
    """seconds: how long it holds; 0: forget it. The browser shows it to the way back alone, and to no script."""
    made = Response()
    path = f"{root_path()}/oauth2callback"
    made.set_cookie(f"{_COOKIE}{state}", value, max_age=seconds, path=path, httponly=True, samesite="lax")
    headers.append("set-cookie", made.headers["set-cookie"])
