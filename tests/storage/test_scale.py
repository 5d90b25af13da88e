"""What a page or a tick asks the store for follows what it shows or changes, not the size of the book or the history.

Two stores are asked the same: one has four times the trades, or four times the dates, of the other. Statements and rows
fetched are counted. The long tier does it with 200,000 trades and 500 dates.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from textwrap import indent
from typing import Any

import pytest
from sqlalchemy import Connection

from engine.selection import TradeSelection
from live.boards.board import load_board
from services.access.permissions import Role, User
from services.pricing.fallback_parameters import fallback_parameters_table
from services.pricing.pricing_state import PricingState
from services.queries.day_history import DayHistories
from services.queries.trade_day import trade_day
from services.queries.trade_detail import read_trade_detail
from services.queries.without_value import trades_without_value
from services.tagging.tag_trades import tag_trades
from storage.book.trade_statuses import count_by_status
from storage.core.database import Store
from storage.market.quotes import Quote, newest_as_of
from storage.people.audit import audit_words, read_audit
from storage.read_models.one_trade import nearest_ids
from storage.read_models.read_models import as_of_dates, book_names, read_status, rejections_frame
from storage.read_models.trade_list import (
    TradeFilter,
    TradePage,
    count_past_maturity,
    count_trades,
    list_trades,
    traded_tickers,
)
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.databases import DATABASES, Templates, server_of
from tests.fixtures.large_store import (
    FIRST_BOOK,
    FIRST_TICKER,
    FIRST_TRADE,
    NEWEST,
    Asked,
    Size,
    asked_of,
    fill,
)
from tests.live.changes import hub_of

SMALL, MORE_TRADES, MORE_DATES = Size(400, 8), Size(1600, 8), Size(400, 32)
FULL, HALF_OF_TRADES, HALF_OF_DATES = Size(200_000, 500, 1000), Size(100_000, 500, 1000), Size(200_000, 250, 1000)
MAX = User("Max", frozenset({Role.MANAGER}))


@dataclass
class Board:
    """A store, and the memory of a sidecar and of a web server that have read it."""

    store: Store
    state: PricingState = field(default_factory=PricingState)
    second: int = 0

    def tick(self, ticker: str = FIRST_TICKER, day: Any = NEWEST) -> None:
        self.second += 1
        at = datetime(day.year, day.month, day.day, 15, 0, self.second, tzinfo=UTC)
        apply_quotes(self.store, self.state, [Quote(day, ticker, 70.0 + self.second / 100, at)], source="test")

    def trade(self, name: str, **changes: Any) -> None:
        terms = {"ticker": FIRST_TICKER, "book": FIRST_BOOK, "product": "EQ_Option", "quantity": 1.0, "strike": 65.0}
        terms |= {"maturity": NEWEST.replace(month=6), "option_type": "put", "exercise_style": "European"}
        terms |= {"contract_multiplier": 100.0, "trade_status": "Live", "trade_id": name}
        change_records(self.store, self.state, "trades", [terms | changes], source="test")


Ask = Callable[[Board], Any]


def reads(ask: Callable[[Connection], Any]) -> Ask:
    def asking(board: Board) -> None:
        with board.store.read() as connection:
            ask(connection)

    return asking


def page(number: int) -> Callable[[Connection], Any]:
    chosen = TradeFilter(text="T00", books=(FIRST_BOOK,))
    return lambda connection: list_trades(connection, chosen, NEWEST, TradePage(size=5, number=number))


def in_parameters(board: Board) -> None:
    record = {"as_of_date": NEWEST, "ticker": FIRST_TICKER, "implied_vol": 0.4, "risk_free_rate": 0.001}
    change_records(board.store, board.state, "parameters", [record | {"dividend_yield": 0.0}], source="test")


def load(board: Board) -> None:
    with board.store.read() as connection:
        load_board(connection, NEWEST, board.store.revisions(connection))


PAGES: dict[str, Ask] = {
    "newest date": reads(newest_as_of),
    "books to choose from": reads(book_names),
    "day of a trade": reads(lambda connection: trade_day(connection, FIRST_TRADE, FIRST_TICKER, NEWEST)),
    "ids like this": reads(lambda connection: nearest_ids(connection, "T0000-0000x")),
    "page of trades": reads(page(0)),
    "how many trades": reads(lambda connection: count_trades(connection, TradeFilter(text="T0000"))),
    "trades past maturity": reads(lambda connection: count_past_maturity(connection, NEWEST)),
    "not included": reads(lambda connection: trades_without_value(connection, NEWEST)),
    "fallback parameters": reads(lambda connection: fallback_parameters_table(connection, NEWEST)),
    "rejections": reads(rejections_frame),
    "status": reads(read_status),
    "statuses": reads(count_by_status),
    "audit": reads(lambda connection: (read_audit(connection, limit=100), audit_words(connection))),
}
TICKS: dict[str, Ask] = {
    "tick": Board.tick,
    "new trade": lambda board: board.trade("NEW"),
    "changed trade": lambda board: board.trade(FIRST_TRADE, quantity=7.0),
    "tag": lambda board: tag_trades(board.store, board.state, MAX, {FIRST_TRADE: "Live"}, "Terminated", "test"),
    "parameters": in_parameters,
    "tick of an earlier date": lambda board: board.tick(day=SMALL.days[1]),
}
DATES_SHOWN: dict[str, Ask] = {
    "dates to choose from": reads(as_of_dates),
    "page of a trade": reads(lambda connection: read_trade_detail(connection, FIRST_TRADE, NEWEST)),
    "page of a trade, an earlier date": reads(
        lambda connection: read_trade_detail(connection, FIRST_TRADE, SMALL.days[1])
    ),
}
BOOK_SHOWN: dict[str, Ask] = {
    "tickers to choose from": reads(traded_tickers),
    "board": load,
    "first look at a day": lambda board: DayHistories(board.store).of(NEWEST, TradeSelection()),
    "start of a sidecar": lambda board: PricingState().catch_up(board.store),
}
"""What shows all dates, as a choice, or the whole book follows these and nothing else."""
MORE_TRADES_LEFT = {
    "tick of an earlier date": "the quotes of a date that was not at hand are read of all underlyings",
}
MORE_DATES_LEFT = {
    "day of a trade": "every version of every date's parameters of the underlying is read",
    "first look at a day": "the parameters of all dates are read",
    "start of a sidecar": "so are they here",
}
"""What does not follow what is shown or changed, and why: whoever fixes one takes it out."""


def counts(board: Board) -> dict[str, Asked]:
    """What each of them asks for, one after the other, of a sidecar and a web server that run."""
    found: dict[str, Asked] = {}

    def count(asks: dict[str, Ask]) -> None:
        for name, ask in asks.items():
            with asked_of(board.store) as found[name]:
                ask(board)

    board.state.catch_up(board.store)
    count(PAGES | DATES_SHOWN | BOOK_SHOWN)
    board.tick()  # what is prepared once is prepared
    histories = DayHistories(board.store)
    histories.of(NEWEST, TradeSelection())
    with hub_of(board.store) as hub:
        board.tick()
        count({"day, after a tick": lambda _: histories.of(NEWEST, TradeSelection())})
        board.trade("FIRST")
        count({"day, after a new trade": lambda _: histories.of(NEWEST, TradeSelection())})
        with asked_of(hub._store) as found["board, after a tick and a trade"]:
            hub.follow()
    count(TICKS)
    board.tick()  # the newest date is at hand again
    other = Board(board.store, second=30)
    other.tick()
    other.trade("OTHER")
    board.second = 40
    count({"tick, after another process wrote": Board.tick})
    return found


def grown(less: dict[str, Asked], more: dict[str, Asked]) -> dict[str, str]:
    """What asks for more of the larger store: how much, and by which statements."""
    return {
        name: f"{asked.counts} statements and rows, of the larger store {more[name].counts}\n"
        f"{indent(asked.beside(more[name]), '    ')}"
        for name, asked in less.items()
        if asked.counts != more[name].counts
    }


@pytest.fixture(params=DATABASES)
def sized(request: pytest.FixtureRequest, templates: Templates) -> Iterator[Callable[[Size], Board]]:
    """Makes stores of a size, on each database in turn."""
    with ExitStack() as stack:

        def make(size: Size) -> Board:
            name = f"{size.trades}_trades_{size.dates}_dates"
            store = Store(templates.copy(request.param, name, partial(fill, size=size), server_of(request)))
            stack.callback(store.close)
            return Board(store)

        yield make


@pytest.mark.parametrize(
    ("less", "more", "shown", "left"),
    [
        pytest.param(SMALL, MORE_TRADES, BOOK_SHOWN, MORE_TRADES_LEFT, id="four times the trades"),
        pytest.param(SMALL, MORE_DATES, DATES_SHOWN, MORE_DATES_LEFT, id="four times the dates"),
        pytest.param(HALF_OF_TRADES, FULL, BOOK_SHOWN, MORE_TRADES_LEFT, id="200,000 trades", marks=pytest.mark.long),
        pytest.param(HALF_OF_DATES, FULL, DATES_SHOWN, MORE_DATES_LEFT, id="500 dates", marks=pytest.mark.long),
    ],
)
def test_what_is_asked_for_follows_what_is_shown_or_changed(
    sized: Callable[[Size], Board], less: Size, more: Size, shown: dict[str, Ask], left: dict[str, str]
) -> None:
    found = grown(counts(sized(less)), counts(sized(more)))
    wrong = [f"{name}: {words}" for name, words in found.items() if name not in shown.keys() | left.keys()]
    assert not wrong, "\n".join(wrong)
    assert set(left) <= set(found), "these do not grow any more: take them out of the list"
