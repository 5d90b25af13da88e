"""Files that the server answers from memory: read once, compressed once, and the browser keeps them.

Streamlit reads a static file from the disk for every request, in a thread, and sends it as it is. A page asks for a
hundred of them, and an answer costs ten times what it costs here.
"""

import asyncio
import gzip
import mimetypes
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

IMMUTABLE = "max-age=31536000, immutable"
_LEAST_BYTES, _LEVEL = 1_000, 6
_COMPRESSED = ("text/", "application/javascript", "application/json", "image/svg")


@dataclass(frozen=True)
class KeptFile:
    """A file by its content. cache: what the browser may do with it, as Cache-Control says it."""

    content: bytes
    media_type: str
    cache: str

    @classmethod
    def read(cls, path: Path, cache: str) -> "KeptFile":
        """Read a file, and compress it where that helps. Raises OSError."""
        kind = "text/javascript" if path.suffix == ".js" else mimetypes.guess_type(path.name)[0]
        kept = cls(path.read_bytes(), kind or "application/octet-stream", cache)
        _ = kept.compressed
        return kept

    @cached_property
    def compressed(self) -> bytes | None:
        """None where it would not be smaller, as with fonts and pictures."""
        if len(self.content) < _LEAST_BYTES or not self.media_type.startswith(_COMPRESSED):
            return None
        return gzip.compress(self.content, _LEVEL, mtime=0)

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer a GET or HEAD."""
        small = self.compressed if "gzip" in Headers(scope=scope).get("accept-encoding", "") else None
        body = self.content if small is None else small
        headers = [
            (b"content-type", self.media_type.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", self.cache.encode()),
            (b"vary", b"accept-encoding"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if small is not None:
            headers.append((b"content-encoding", b"gzip"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


class KeptFolder:
    """The files of a folder that does not change while the server runs; each is read when it is first asked for."""

    def __init__(self, folder: Path, cache: str) -> None:
        self._cache = cache
        self._paths = {
            path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()
        }
        self._kept: dict[str, KeptFile] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._paths

    @property
    def names(self) -> list[str]:
        return list(self._paths)

    def read(self, name: str) -> KeptFile:
        """A file of the folder. Raises KeyError for another name, and OSError."""
        kept = self._kept.get(name)
        if kept is None:
            kept = self._kept[name] = KeptFile.read(self._paths[name], self._cache)
        return kept

    async def file(self, name: str) -> KeptFile:
        """The same, without holding up the event loop."""
        kept = self._kept.get(name)
        return kept if kept is not None else await asyncio.to_thread(self.read, name)
