"""Boards of earlier dates: bounded, never in the way of the latest, and messages that hold up nobody."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

import live.serving.boards
from engine.selection import TradeSelection
from live.boards.board_lock import BoardLock
from live.serving.boards import Boards, Seen
from live.serving.built_messages import BuiltMessages, MessageKey
from live.serving.hub import Hub
from services.pricing.pricing_state import PricingState
from storage.connection.settings import Settings, settings
from storage.core.database import Store
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.databases import wait_for
from tests.fixtures.small_book import MONDAY, quote
from tests.live.board_contents import contents
from tests.live.changes import fresh_board, hold_back
from tests.live.serving.test_routes import Server, next_table

ALL = TradeSelection()
DAYS = [MONDAY + timedelta(days=n) for n in range(5)]
LATEST = DAYS[-1]


@pytest.fixture
def week(small_store: Store, state: PricingState) -> Store:
    """The small book with quotes of five dates."""
    for n, day in enumerate(DAYS[1:], start=1):
        apply_quotes(small_store, state, [quote("AAPL", 68.0 + n, day=day)], source="t")
    return small_store


@pytest.fixture
def running(week: Store) -> Iterator[Callable[[Settings], Hub]]:
    opened: list[Hub] = []

    def start(wanted: Settings) -> Hub:
        hub = Hub(Store(week.url.render_as_string(hide_password=False)), wanted)
        loop = asyncio.new_event_loop()
        loop.close()  # nobody waits there
        hub.start(loop)
        opened.append(hub)
        wait_for(lambda: hub.latest == LATEST, 60, "the latest board")
        return hub

    yield start
    for hub in opened:
        hub.stop()


def hear_to_the_end(connection: ClientConnection) -> None:
    """Raises ConnectionClosed."""
    while True:
        connection.recv(timeout=60)


def identities(boards: Boards, days: list[date]) -> list[str | None]:
    return [None if (board := boards.get(day)) is None else board.identity for day in days]


def test_boards_that_are_looked_at_stay_and_one_too_many_is_refused_in_words(
    running: Callable[[Settings], Hub], week: Store, state: PricingState
) -> None:
    boards = running(Settings(earlier_boards=2)).boards
    first, second, third = DAYS[:3]
    for day in (first, second):
        boards.watch(day)
    wait_for(lambda: None not in identities(boards, [first, second]), 60, "two earlier boards")
    before = identities(boards, [first, second])
    boards.watch(third)
    said = boards.refusal(third)
    assert said is not None
    assert said.startswith("2 earlier dates are open already")
    assert len(said.encode()) <= 123, "as long as the reason of a close may be"
    applied = apply_quotes(week, state, [quote("AAPL", 90.0, 9, day=LATEST)], source="t")
    wait_for(lambda: getattr(boards.get(LATEST), "revision", 0) == applied.revision, 60, "the tick")
    assert identities(boards, [first, second]) == before
    assert boards.get(third) is None
    boards.unwatch(first)
    wait_for(lambda: boards.get(third) is not None, 60, "the board that has room now")
    assert boards.refusal(third) is None
    assert identities(boards, [second]) == before[1:], "what is looked at does not give way"


def test_the_bound_counts_bytes_too(running: Callable[[Settings], Hub]) -> None:
    boards = running(Settings(earlier_boards=50, earlier_boards_megabytes=0.001)).boards
    boards.watch(DAYS[0])
    wait_for(lambda: boards.get(DAYS[0]) is not None, 60, "one board, however large")
    boards.watch(DAYS[1])
    assert boards.refusal(DAYS[1]) is not None


@pytest.mark.parametrize("day", [date(1, 1, 1), date(2020, 3, 8), date(9999, 12, 31)])
def test_a_date_that_the_store_does_not_have_gets_no_board(
    running: Callable[[Settings], Hub], monkeypatch: pytest.MonkeyPatch, day: date
) -> None:
    hub = running(settings())
    monkeypatch.setattr(live.serving.boards, "load", lambda *_: pytest.fail("a board was built"))
    hub.boards.watch(day)
    wait_for(lambda: not hub.boards.is_pending(day), 60, "the answer")
    assert hub.board_of(day) is None
    assert not hub.status(day)["loaded"]


def test_the_latest_date_goes_on_while_an_earlier_board_loads(
    running: Callable[[Settings], Hub], week: Store, state: PricingState, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = running(settings())
    begun, go_on = threading.Event(), threading.Event()
    load = live.serving.boards.load

    def slow(*given: Any) -> Any:
        begun.set()
        assert go_on.wait(60)
        return load(*given)

    monkeypatch.setattr(live.serving.boards, "load", slow)
    hub.boards.watch(DAYS[0])
    assert begun.wait(60)
    try:
        for n in range(3):
            applied = apply_quotes(week, state, [quote("AAPL", 80.0 + n, 10 + n, day=LATEST)], source="t")
            wait_for(lambda at=applied.revision: hub.status(LATEST)["revision"] == at, 60, "a tick of the latest")
        assert hub.boards.get(DAYS[0]) is None
    finally:
        go_on.set()
    wait_for(lambda: hub.boards.get(DAYS[0]) is not None, 60, "the earlier board")
    wait_for(lambda: getattr(hub.boards.get(DAYS[0]), "revision", 0) == applied.revision, 60, "what came meanwhile")
    assert contents(hub.board_of(DAYS[0])) == contents(fresh_board(week, DAYS[0]))


def test_an_earlier_board_that_must_load_again_is_shown_until_it_has(
    running: Callable[[Settings], Hub], week: Store, state: PricingState
) -> None:
    hub = running(settings())
    hub.boards.watch(DAYS[0])
    wait_for(lambda: hub.boards.get(DAYS[0]) is not None, 60, "the earlier board")
    before = hub.boards.get(DAYS[0])
    book = {"book": "EQ_OTHER", "desk": "Other", "business_unit": "Equity derivatives", "region": "EMEA"}
    change_records(week, state, "books", [book], source="t")
    seen = []

    def is_new() -> bool:
        seen.append(hub.boards.get(DAYS[0]))
        return seen[-1] is not None and seen[-1] is not before

    wait_for(is_new, 60, "the board, loaded again")
    assert None not in seen
    assert contents(hub.board_of(DAYS[0])) == contents(fresh_board(week, DAYS[0]))


def test_a_large_message_is_built_off_the_event_loop(
    week: Store, state: PricingState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one viewer's snapshot is being built, others get their status and their snapshots of other boards."""
    monkeypatch.setattr(live.serving.boards, "_ROWS_BUILT_AT_ONCE", 0)
    begun, go_on, threads = hold_back(monkeypatch, "explore")
    server = Server(week, settings())
    try:
        with server.open("/live/explore") as one, server.open("/live/explore") as same:
            assert begun.wait(60)
            with server.open(f"/live/nodes?as_of={DAYS[0]}") as other:
                assert next_table(other)[0]["kind"] == "snapshot"
            go_on.set()
            first, second = one.recv(timeout=60), same.recv(timeout=60)
        assert first == second
        assert len(threads) == 1, "viewers that need the same share it"
        assert threads[0].startswith("deltaboard-messages")
    finally:
        go_on.set()
        server.close()


def test_a_refused_date_is_closed_with_its_reason(week: Store) -> None:
    server = Server(week, Settings(earlier_boards=1))
    try:
        with server.open(f"/live/nodes?as_of={DAYS[0]}") as one:
            next_table(one)
            with server.open(f"/live/nodes?as_of={DAYS[1]}") as other, pytest.raises(ConnectionClosed) as closed:
                hear_to_the_end(other)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        assert "earlier dates are open already" in closed.value.rcvd.reason
    finally:
        server.close()


def test_built_messages_are_bounded_and_those_of_earlier_revisions_go() -> None:
    messages = BuiltMessages(most_bytes=100)
    keys = [MessageKey("b", "trades", TradeSelection(ticker=str(n)), None, 1) for n in range(5)]
    for key in keys:
        messages.keep(key, b"x" * 40)
    assert [messages.get(key) is not None for key in keys] == [False, False, False, True, True]
    assert messages.bytes == 80
    messages.keep(keys[0]._replace(revision=2), b"y")
    assert messages.get(keys[-1]) is None
    assert messages.bytes == 1
    messages.drop_board("b")
    assert messages.bytes == 0


def test_who_changes_a_board_waits_for_one_reader_and_the_loop_for_none() -> None:
    lock, order = BoardLock(), []
    reading, go_on = threading.Event(), threading.Event()

    def read(name: str) -> None:
        with lock.reading():
            order.append(name)
            reading.set()
            go_on.wait(60)

    def change() -> None:
        with lock.changing():
            order.append("change")

    first = threading.Thread(target=read, args=("first",))
    first.start()
    assert reading.wait(60)
    with lock.reading_at_once() as is_free:
        assert not is_free
    changing = threading.Thread(target=change)
    changing.start()
    wait_for(lock._turn.locked, 60, "its turn")
    later = threading.Thread(target=read, args=("later",))
    later.start()
    go_on.set()
    for thread in (first, changing, later):
        thread.join(60)
    assert order == ["first", "change", "later"]
    with lock.reading_at_once() as is_free:
        assert is_free


def test_who_has_seen_all_is_sent_nothing(running: Callable[[Settings], Hub]) -> None:
    boards = running(settings()).boards
    board = boards.get(LATEST)
    assert board is not None
    assert asyncio.run(boards.next_message(LATEST, "nodes", ALL, Seen(board.identity, board.revision))) is None
