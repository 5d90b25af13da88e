"""What the tests of boards begin with: hubs that follow by hand, boards loaded afresh, reported values."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest

import live.serving.boards
from live.boards.board import Board, load_board
from live.serving.hub import Hub
from storage.connection.settings import settings
from storage.core.database import Store
from tests.fixtures.small_book import MONDAY


def fresh_board(store: Store, as_of: date = MONDAY) -> Board:
    with store.read() as connection:
        return load_board(connection, as_of, store.revisions(connection))


@contextmanager
def hub_of(store: Store) -> Iterator[Hub]:
    """A hub that follows when it is told to."""
    followed = Hub(Store(store.url.render_as_string(hide_password=False)), settings())
    followed.follow()
    yield followed
    followed.close()


def reported(trade_id: str, risk_factor: str, as_of: date = MONDAY, market_value: Any = 1.0, **more: Any) -> Any:
    """A sensitivity that somebody else computed."""
    return {"as_of_date": as_of, "trade_id": trade_id, "risk_factor": risk_factor, "market_value": market_value, **more}


def hold_back(monkeypatch: pytest.MonkeyPatch, held: str) -> tuple[threading.Event, threading.Event, list[str]]:
    """Have the messages of one table wait while they are built.

    Returns what is set when one has begun, what lets them go on, and the names of the threads that built them.
    """
    begun, go_on = threading.Event(), threading.Event()
    build = live.serving.boards.message  # type: ignore[attr-defined]
    threads: list[str] = []

    def slow(board: Any, table: str, *more: Any) -> bytes:
        if table == held:
            threads.append(threading.current_thread().name)
            begun.set()
            assert go_on.wait(60)
        built: bytes = build(board, table, *more)
        return built

    monkeypatch.setattr(live.serving.boards, "message", slow)
    return begun, go_on, threads
