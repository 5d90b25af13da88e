"""What the tests of boards begin with: hubs that follow by hand, boards loaded afresh, reported values."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

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
