"""The boards of the web process follow the store: what the log says equals what a fresh read says."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, func, select, update

from engine.selection import TradeSelection
from live.boards.board import Board, load_board
from live.boards.group_sums import SUM_NAMES
from live.serving.hub import Hub
from live.tables.nodes import SEPARATOR
from live.tables.registry import message
from live.tables.wire import decode, plain_text
from services.pricing.pricing_state import PricingState
from services.records.incoming import Incoming
from services.writes.apply_incoming import apply_incoming
from storage.connection.settings import settings
from storage.core.change_log import prune
from storage.core.database import Store, StoreRevisions
from storage.core.schema import change_rows, sensitivities
from storage.feeds.dead_letters import DeadLetter, write_dead_letters
from storage.feeds.feeds import FeedState, claim_feed, report
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.databases import wait_for
from tests.fixtures.small_book import MONDAY, TUESDAY, quote, trade
from tests.live.board_contents import contents, nodes_of, value
from tests.live.changes import fresh_board, hub_of, reported
from tests.live.viewer import Viewer

ALL = TradeSelection()
JULY = date(2020, 7, 9)


@pytest.fixture
def hub(small_store: Store) -> Iterator[Hub]:
    with hub_of(small_store) as followed:
        yield followed


def test_following_gives_what_a_fresh_read_gives(hub: Hub, small_store: Store, state: PricingState) -> None:
    for second, price in enumerate((68.5, 69.25, 67.0), start=1):
        apply_quotes(
            small_store, state, [quote("AAPL", price, second), quote("MSFT", 150 + second, second)], source="t"
        )
        hub.follow()
        board = hub.board_of(MONDAY)
        assert board is not None
        assert contents(board) == contents(fresh_board(small_store))


def test_a_new_trade_a_new_ticker_and_a_termination_arrive(hub: Hub, small_store: Store, state: PricingState) -> None:
    change_records(small_store, state, "trades", [trade("NEW"), trade("C1", trade_status="Terminated")], source="t")
    hub.follow()
    apply_quotes(small_store, state, [quote("OXY", 20.0, 5)], source="t")
    hub.follow()
    board = hub.board_of(MONDAY)
    assert board is not None
    assert contents(board) == contents(fresh_board(small_store))
    assert not np.isnan(value(board, "N1", "OXY")), "OXY has a quote now"


def test_the_roll_moves_the_latest_and_keeps_the_close(hub: Hub, small_store: Store, state: PricingState) -> None:
    close = hub.board_of(MONDAY)
    assert close is not None
    apply_quotes(small_store, state, [quote("AAPL", 60.0, day=TUESDAY)], source="t")
    hub.follow()
    assert hub.latest == TUESDAY
    board = hub.board_of(TUESDAY)
    assert board is not None
    assert value(board, "S1", "AAPL", "close_market_value") == value(close, "S1", "AAPL") == -300 * 68.0
    assert value(board, "S1", "AAPL") == -300 * 60.0


def test_a_follower_that_fell_too_far_behind_reads_afresh(hub: Hub, small_store: Store, state: PricingState) -> None:
    for second in range(1, 5):
        applied = apply_quotes(small_store, state, [quote("AAPL", 68 + second, second)], source="t")
    with small_store.bookkeeping() as connection:
        prune(connection, quote("AAPL", 1, 10**9).observed_at, minutes=1.0, megabytes=1.0)
    hub.follow()
    board = hub.board_of(MONDAY)
    assert board is not None
    assert board.revision == applied.revision
    assert contents(board) == contents(fresh_board(small_store))


def test_the_tree_adds_up_to_the_store(hub: Hub, small_store: Store) -> None:
    board = hub.board_of(MONDAY)
    assert board is not None
    nodes = nodes_of(board)
    total = dict(zip(SUM_NAMES, nodes[()], strict=True))
    with small_store.read() as connection:
        for name in ("market_value", "cash_delta", "cash_gamma_1pct", "vega_1pt", "theta_1d", "rho_1bp"):
            query = select(func.sum(sensitivities.c[name])).where(sensitivities.c.as_of_date == MONDAY)
            assert total[name] == pytest.approx(connection.execute(query).scalar_one(), rel=1e-12)
    unpriced = ("Americas", "Equity derivatives", "Vol hedging", "EQ_VOL_HED", "OXY")
    without = dict(zip(SUM_NAMES, nodes[unpriced], strict=True))
    assert np.isnan(without["market_value"]), "what is not known is not zero"
    assert (without["trades"], without["not_included"]) == (0.0, 1.0)


def test_a_tick_sends_what_moved_and_no_text(hub: Hub, small_store: Store, state: PricingState) -> None:
    for table, text in (("market", {}), ("nodes", {}), ("trades", {})):
        viewer = Viewer(table)
        viewer.look(hub, MONDAY)
        before = viewer.last["rows"]
        applied = apply_quotes(small_store, state, [quote("AAPL", 70.0 + viewer.revision, viewer.revision)], source="t")
        hub.follow()
        viewer.look(hub, MONDAY)
        assert (viewer.last["kind"], viewer.last["revision"]) == ("delta", applied.revision)
        assert 0 < viewer.last["rows"] < before
        assert viewer.last["text"] == text
        assert not {"gone", "text_rows"} & set(viewer.last)
        assert "quantity" not in viewer.last["columns"]
        fresh = Viewer(table)
        fresh.look(hub, MONDAY)
        assert viewer.rows == fresh.rows


def test_a_selection_sends_its_trades_alone(hub: Hub) -> None:
    board = hub.board_of(MONDAY)
    assert board is not None
    for selection, wanted in (
        (TradeSelection(ticker="MSFT"), ["M1"]),
        (TradeSelection(statuses=("Terminated",)), ["T1"]),
        (TradeSelection(path=("Unassigned",)), ["M1"]),
        (TradeSelection(path=("Americas", "Equity derivatives", "Vol hedging", "EQ_VOL_HED", "OXY")), ["N1"]),
        (TradeSelection(books=("none",)), []),
    ):
        header, _ = decode(message(board, "trades", selection, None))
        assert plain_text(header["text"]["trade_id"]) == wanted


def test_terminated_and_unpriced_trades_are_counted_apart(hub: Hub) -> None:
    board = hub.board_of(MONDAY)
    assert board is not None
    assert board.live_counts() == (7, 5, {"expired": 1, "no quote": 1})


def test_a_corrected_close_reaches_who_looks(hub: Hub, small_store: Store, state: PricingState) -> None:
    apply_quotes(small_store, state, [quote("AAPL", 60.0, day=TUESDAY)], source="t")
    hub.follow()
    viewer = Viewer("nodes")
    viewer.look(hub, TUESDAY)
    apply_quotes(small_store, state, [quote("AAPL", 90.0, 9)], source="a correction")
    hub.follow()
    viewer.look(hub, TUESDAY)
    assert viewer.last["kind"] == "delta"
    after = Viewer("nodes")
    after.look(hub, TUESDAY)
    assert viewer.rows == after.rows
    assert contents(hub.board_of(TUESDAY)) == contents(fresh_board(small_store, TUESDAY))


def test_a_quiet_date_of_reported_values_can_be_opened(hub: Hub, small_store: Store, state: PricingState) -> None:
    apply_incoming(small_store, state, Incoming(sensitivities=[reported("Z9", "FB", JULY, -3.5)]), source="desk")
    hub.follow()
    assert hub.latest == MONDAY
    board = hub.board_of(JULY)
    assert board is not None
    assert board.live_counts() == (8, 1, {"not priced yet": 7})
    assert value(board, "Z9", "FB") == -3.5
    assert board.close_date == MONDAY
    assert hub.board_of(JULY + timedelta(days=1)) is None

    apply_quotes(small_store, state, [quote("AAPL", 61.0, 3)], source="t")
    hub.follow()
    assert hub.board_of(JULY) is board, "a tick of its previous close does not load it anew"
    assert contents(board) == contents(fresh_board(small_store, JULY))


def test_without_quotes_the_newest_reported_date_is_the_latest(store: Store, state: PricingState) -> None:
    rows = [reported("Z9", "FB", day, 1.0) for day in (MONDAY, JULY, TUESDAY)]
    apply_incoming(store, state, Incoming(sensitivities=rows), source="desk")
    with hub_of(store) as hub:
        assert hub.latest == JULY
        board = hub.board_of(JULY)
        assert board is not None
        assert (board.close_date, board.close_is_ours) == (TUESDAY, False)


def test_a_board_that_loads_while_others_go_on_catches_up(
    hub: Hub, small_store: Store, state: PricingState, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_quotes(small_store, state, [quote("AAPL", 60.0, day=TUESDAY)], source="t")
    hub.follow()
    with hub_of(small_store) as late:
        loaded: list[int] = []

        def slow_load(connection: Connection, as_of: date, revisions: StoreRevisions) -> Board:
            board = load_board(connection, as_of, revisions)
            loaded.append(board.revision)
            if len(loaded) == 1:
                change_records(small_store, state, "trades", [trade("NEW")], source="t")
                late.follow()
                assert late.message(TUESDAY, "market", ALL, None) is not None, "nobody waits meanwhile"
            return board

        monkeypatch.setattr("live.serving.boards.load_board", slow_load)
        board = late.board_of(MONDAY)
        assert board is not None
        assert board.revision == loaded[0] + 1
        assert contents(board) == contents(fresh_board(small_store))
        assert len(loaded) == 1


def test_static_data_load_boards_anew(hub: Hub, small_store: Store, state: PricingState) -> None:
    viewer = Viewer("nodes")
    viewer.look(hub, MONDAY)
    book = {"book": "EQ_OTHER", "desk": "Other", "business_unit": "Equity derivatives", "region": "EMEA"}
    change_records(small_store, state, "books", [book], source="t")
    hub.follow()
    viewer.look(hub, MONDAY)
    assert viewer.last["kind"] == "snapshot"
    assert {row["path"].split(SEPARATOR)[0] for row in viewer.rows.values()} == {"", "Americas", "EMEA"}


def test_the_status_tells_of_every_feed_and_of_what_was_set_aside(hub: Hub, small_store: Store) -> None:
    now = datetime.now(UTC) + timedelta(minutes=5)  # they are not silent before this test ends
    with small_store.write() as unit:
        letter = DeadLetter("g", "trades", 0, 7, None, b"{", "trades", "ticket", "", "", "not JSON")
        write_dead_letters(unit, [letter])
        for name, state, lag in (("replay", "ended", None), ("kafka", "playing", 3.0), ("watch", "playing", 0.1)):
            claim_feed(unit.connection, name, name, 1, now, 10.0, None)
            report(unit.connection, name, name, now, FeedState(state), None, lag, f"{name} at work")
    hub.look_around()
    status = hub.status(MONDAY)
    assert (status["dead_letters"], status["rejected"]) == (1, 0)
    assert [feed["name"] for feed in status["feeds"]] == ["kafka", "watch", "replay"]
    assert status["feed"] == {
        "name": "kafka",
        "state": "playing",
        "speed": None,
        "lag_seconds": 3.0,
        "detail": "kafka at work",
    }


@pytest.mark.parametrize("blob", [b"\x00\xff", b"", b"ARROW1"], ids=["torn", "empty", "foreign"])
def test_an_entry_that_cannot_be_decoded_costs_a_load(
    hub: Hub, small_store: Store, state: PricingState, blob: bytes
) -> None:
    for number, rows in enumerate((blob, None), start=1):
        apply_quotes(small_store, state, [quote("AAPL", 68.0 + number, number)], source="t")
        if rows is not None:
            with small_store.bookkeeping() as connection:
                newest = connection.execute(select(func.max(change_rows.c.revision))).scalar_one()
                connection.execute(update(change_rows).where(change_rows.c.revision == newest).values(rows=rows))
        hub.follow()
        assert contents(hub.board_of(MONDAY)) == contents(fresh_board(small_store))


def test_the_thread_outlives_a_board_that_takes_no_entry(
    small_store: Store, state: PricingState, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Board, entry: Any) -> None:
        self.revision = entry.revision
        raise KeyError("no such column")

    running = Hub(Store(small_store.url.render_as_string(hide_password=False)), settings())
    loop = asyncio.new_event_loop()
    loop.close()  # nobody waits there
    running.start(loop)
    try:
        wait_for(lambda: running.latest == MONDAY, 60, "the first board")
        monkeypatch.setattr(Board, "apply", broken)
        applied = apply_quotes(small_store, state, [quote("AAPL", 71.0, 5)], source="t")
        wait_for(lambda: running.status(MONDAY)["revision"] == applied.revision, 60, "the board, loaded afresh")
        wait_for(lambda: not running.status(MONDAY)["faults"], 60, "the recovery")
        assert contents(running.board_of(MONDAY)) == contents(fresh_board(small_store))
    finally:
        running.stop()
