"""What every answer tells the browser not to do: run or load what is not ours, guess types, stand in foreign frames."""

import hashlib
import re
from base64 import b64encode

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from live.components.front_end import FrontEnd

POLICY = "content-security-policy"
_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_SOURCES = {
    "default-src": "'self'",
    # blob: Streamlit loads the scripts of components from memory. The pivot's engine is WebAssembly.
    "script-src": "'self' blob: 'wasm-unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "media-src": "'self' data: blob:",
    "connect-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "frame-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
_HEADERS = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    # A sign-in learns from it which of our pages was asked for; no other server is told.
    "referrer-policy": "same-origin",
}


def content_policy(page: bytes) -> str:
    """The policy of a page: the scripts that stand in it are known by their hash, and no other may."""
    hashes = [
        f"'sha256-{b64encode(hashlib.sha256(script).digest()).decode()}'" for script in _INLINE_SCRIPT.findall(page)
    ]
    sources = {**_SOURCES, "script-src": " ".join([_SOURCES["script-src"], *hashes])}
    return "; ".join(f"{name} {value}" for name, value in sources.items())


class SecurityHeaders:
    """Adds them to every answer. One that has a policy of its own keeps it."""

    def __init__(self, app: ASGIApp, front_end: FrontEnd) -> None:
        self._app = app
        self._policy = content_policy(front_end.page)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in {POLICY: self._policy, **_HEADERS}.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, guarded if scope["type"] == "http" else send)
