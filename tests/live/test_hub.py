"""The boards of the web process follow the store: what the log says equals what a fresh read says."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import pytest
from sqlalchemy import func, select

from engine.selection import TradeSelection
from live.board import Board, load_board
from live.hub import Hub
from live.tables import message, summary_sums
from live.wire import decode, plain_text
from services.apply_quotes import apply_quotes
from services.change_records import change_records
from services.pricing_state import PricingState
from storage.change_log import prune
from storage.database import Store
from storage.schema import sensitivities
from storage.settings import settings
from tests.small_book import MONDAY, TUESDAY, quote, trade

ALL = TradeSelection()


def fresh_board(store: Store, as_of: date = MONDAY) -> Board:
    with store.read() as connection:
        return load_board(connection, as_of, store.revisions(connection))


@pytest.fixture
def hub(small_store: Store) -> Iterator[Hub]:
    followed = Hub(Store(small_store.url.render_as_string(hide_password=False)), settings())
    followed.follow()
    yield followed
    followed.close()


def same(one: Board, other: Board) -> bool:
    return (
        one.trade_ids == other.trade_ids
        and one.revision == other.revision
        and all(np.array_equal(one.values[name], other.values[name], equal_nan=True) for name in one.values)
        and all(np.array_equal(one.closes[name], other.closes[name], equal_nan=True) for name in one.closes)
        and one.reason.tolist() == other.reason.tolist()
        and one.priced_by.tolist() == other.priced_by.tolist()
        and [(m.ticker, m.quote, m.day) for m in one.market if m.quote == m.quote]
        == [(m.ticker, m.quote, m.day) for m in other.market if m.quote == m.quote]
    )


def test_following_gives_what_a_fresh_read_gives(hub: Hub, small_store: Store, state: PricingState) -> None:
    for second, price in enumerate((68.5, 69.25, 67.0), start=1):
        apply_quotes(
            small_store, state, [quote("AAPL", price, second), quote("MSFT", 150 + second, second)], source="t"
        )
        hub.follow()
        board = hub.board_of(MONDAY)
        assert board is not None
        assert same(board, fresh_board(small_store))


def test_a_new_trade_a_new_ticker_and_a_termination_arrive(hub: Hub, small_store: Store, state: PricingState) -> None:
    change_records(small_store, state, "trades", [trade("NEW"), trade("C1", trade_status="Terminated")], source="t")
    hub.follow()
    apply_quotes(small_store, state, [quote("OXY", 20.0, 5)], source="t")
    hub.follow()
    board = hub.board_of(MONDAY)
    assert board is not None
    assert same(board, fresh_board(small_store))
    assert not np.isnan(board.values["market_value"][board.trade_ids.index("N1")]), "OXY has a quote now"


def test_the_roll_moves_the_latest_and_keeps_the_close(hub: Hub, small_store: Store, state: PricingState) -> None:
    close = hub.board_of(MONDAY)
    assert close is not None
    apply_quotes(small_store, state, [quote("AAPL", 60.0, day=TUESDAY)], source="t")
    hub.follow()
    assert hub.latest == TUESDAY
    board = hub.board_of(TUESDAY)
    assert board is not None
    row = board.trade_ids.index("S1")
    assert board.closes["market_value"][row] == close.values["market_value"][row] == -300 * 68.0
    assert board.values["market_value"][row] == -300 * 60.0


def test_a_follower_that_fell_too_far_behind_reads_afresh(hub: Hub, small_store: Store, state: PricingState) -> None:
    for second in range(1, 5):
        applied = apply_quotes(small_store, state, [quote("AAPL", 68 + second, second)], source="t")
    with small_store.bookkeeping() as connection:
        prune(connection, quote("AAPL", 1, 10**9).observed_at, minutes=1.0, megabytes=1.0)
    hub.follow()
    board = hub.board_of(MONDAY)
    assert board is not None
    assert board.revision == applied.revision
    assert same(board, fresh_board(small_store))


def test_the_summary_adds_up_to_the_store(hub: Hub, small_store: Store) -> None:
    board = hub.board_of(MONDAY)
    assert board is not None
    sums = summary_sums(board)
    with small_store.read() as connection:
        for name in ("market_value", "cash_delta", "cash_gamma_1pct", "vega_1pt", "theta_1d", "rho_1bp"):
            query = select(func.sum(sensitivities.c[name])).where(sensitivities.c.as_of_date == MONDAY)
            assert np.nansum(sums[name]) == pytest.approx(connection.execute(query).scalar_one(), rel=1e-12)
    unpriced = [i for i, group in enumerate(board.groups) if group[4] == "OXY"]
    assert np.isnan(sums["market_value"][unpriced]).all(), "what is not known is not zero"
    assert sums["not_included"][unpriced].tolist() == [1.0]


def test_a_delta_brings_a_viewer_to_the_newest_snapshot(hub: Hub, small_store: Store, state: PricingState) -> None:
    board = hub.board_of(MONDAY)
    assert board is not None
    seen = board.revision
    for table in ("market", "summary", "trades"):
        before = decode(message(board, table, ALL, None))
        apply_quotes(small_store, state, [quote("AAPL", 70.0 + seen, seen)], source="t")
        hub.follow()
        header, changes = decode(message(board, table, ALL, seen))
        _, after = decode(message(board, table, ALL, None))
        assert header["kind"] == "delta"
        assert 0 < header["rows"] < before[0]["rows"]
        rows = changes.pop("row").astype(int)
        for name, values in changes.items():
            before[1][name][rows] = values
            np.testing.assert_array_equal(before[1][name], after[name], err_msg=f"{table} {name}")
        seen = board.revision


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
    built = hub.message(TUESDAY, "summary", ALL, None)
    assert built is not None
    seen, _ = built
    apply_quotes(small_store, state, [quote("AAPL", 90.0, 9)], source="a correction")
    hub.follow()
    hub.board_of(TUESDAY)
    built = hub.message(TUESDAY, "summary", ALL, seen)
    assert built is not None
    header, columns = decode(built[1])
    assert header["kind"] == "snapshot", "closes are in snapshots alone"
    gained = summary_sums(fresh_board(small_store, TUESDAY))["actual_pnl"]
    np.testing.assert_array_equal(columns["actual_pnl"], gained)
