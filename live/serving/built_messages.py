"""The messages that were built last: viewers that need the same share one, and they take no more than so many bytes."""

import threading
from collections import OrderedDict
from typing import NamedTuple

from engine.selection import TradeSelection

_MOST_BYTES = 128_000_000


class MessageKey(NamedTuple):
    """What a message says: a table of a board, from one revision to another."""

    board: str
    table: str
    selection: TradeSelection
    since: int | None
    revision: int


class BuiltMessages:
    """Those of earlier revisions of a board go when a newer one is built: nobody asks for them any more."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[MessageKey, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self.bytes = 0

    def get(self, key: MessageKey) -> bytes | None:
        with self._lock:
            return self._kept.get(key)

    def keep(self, key: MessageKey, built: bytes) -> None:
        """Keep a message, and drop what is of no more use or too much."""
        with self._lock:
            for old in [kept for kept in self._kept if kept.board == key.board and kept.revision < key.revision]:
                self.bytes -= len(self._kept.pop(old))
            self.bytes += len(built) - len(self._kept.pop(key, b""))
            self._kept[key] = built
            while self.bytes > self._most_bytes:
                self.bytes -= len(self._kept.popitem(last=False)[1])

    def drop_board(self, identity: str) -> None:
        """Drop the messages of a board that is there no more."""
        with self._lock:
            for old in [kept for kept in self._kept if kept.board == identity]:
                self.bytes -= len(self._kept.pop(old))
