"""A lock of one board: the thread that brings it up to date waits for one message at most, however many are built."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class BoardLock:
    """Whoever wants the board stands in a row of two: first the turn, then the board."""

    def __init__(self) -> None:
        self._turn, self._board = threading.Lock(), threading.Lock()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """For the thread that applies entries: it keeps the turn, so that no other reader gets in before it."""
        with self._turn, self._board:
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """For threads that build a message."""
        with self._turn:
            self._board.acquire()
        try:
            yield
        finally:
            self._board.release()

    @contextmanager
    def reading_at_once(self) -> Iterator[bool]:
        """For the event loop, which waits for nobody: whether the board was free."""
        is_free = self._turn.acquire(blocking=False)
        if is_free:
            is_free = self._board.acquire(blocking=False)
            self._turn.release()
        try:
            yield is_free
        finally:
            if is_free:
                self._board.release()
