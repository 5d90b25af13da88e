"""Who may append over HTTP, and how often."""

import hmac
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

_MINUTE = 60.0
_MOST_CLIENTS = 1_000
Gate = Callable[[HTTPConnection], Awaitable[str | None]]
"""Why whoever asks is refused, in words; None: they may."""


class KnowingGate(Protocol):
    """A gate that also knows whom it lets pass."""

    async def __call__(self, connection: HTTPConnection, /) -> str | None: ...

    def name_of(self, connection: HTTPConnection, /) -> str:
        """What somebody is called whom it has let pass."""


NO_TOKEN_SET = (
    "this server takes no rows over HTTP: set DELTABOARD_API_TOKEN to a long random text where it is started, "
    "and send it as Authorization: Bearer <token>"
)
_NO_TOKEN_GIVEN = "send the token of this server as Authorization: Bearer <token>"
_WRONG_TOKEN = "the token is not that of this server"


def token_fault(headers: Headers, token: str) -> str | None:
    """Why a request with these headers may not append, or None. Takes equally long for every wrong token."""
    if not token:
        return NO_TOKEN_SET
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given.strip():
        return _NO_TOKEN_GIVEN
    if not hmac.compare_digest(given.strip().encode("latin-1"), token.encode()):
        return _WRONG_TOKEN
    return None


def is_of_another_origin(headers: Headers) -> bool:
    """Whether a page of another server sends this request. Programs send no origin."""
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


class ClientWindows:
    """A window of requests for each client, for the clients that came last."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._windows: OrderedDict[str, RequestWindow] = OrderedDict()

    def enter(self, client: str) -> float:
        """Count a request of a client, and return 0; or return how many seconds until one of it is taken again."""
        window = self._windows.pop(client, None) or RequestWindow(self._most, self._clock)
        self._windows[client] = window
        while len(self._windows) > _MOST_CLIENTS:
            self._windows.popitem(last=False)
        return window.enter()


class RequestWindow:
    """How many requests came in the last minute."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._times: deque[float] = deque()

    def enter(self) -> float:
        """Count a request, and return 0; or return how many seconds until one is taken again."""
        now = self._clock()
        while self._times and self._times[0] <= now - _MINUTE:
            self._times.popleft()
        if len(self._times) >= self._most:
            return self._times[0] + _MINUTE - now
        self._times.append(now)
        return 0.0
