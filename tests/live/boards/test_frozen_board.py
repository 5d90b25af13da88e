"""A large message is read from a copy of its board: the board goes on meanwhile, and the copy does not change."""

from copy import deepcopy

import pytest

import live.serving.boards
from live.tables.registry import TABLES
from services.pricing.pricing_state import PricingState
from services.records.incoming import Incoming
from services.writes.apply_incoming import apply_incoming
from storage.connection.settings import settings
from storage.core.change_log import read_since
from storage.core.database import Store
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.small_book import quote, stock, trade
from tests.live.board_contents import contents
from tests.live.changes import fresh_board, hold_back, reported
from tests.live.serving.test_routes import Server, next_table


def test_a_copy_stays_as_the_board_was(small_store: Store, state: PricingState) -> None:
    board = fresh_board(small_store)
    frozen, before = board.frozen(), deepcopy(contents(board))
    nodes = len(frozen.rows.groups.nodes)
    apply_quotes(small_store, state, [quote("AAPL", 71.0, 60.0), quote("OXY", 12.0, 61.0)], source="test")
    new = [trade(f"NEW{n}", ticker="IBM") for n in range(200)]  # more than there is room for
    change_records(small_store, state, "trades", [*new, trade("C1", trade_status="Terminated")], source="test")
    apply_incoming(small_store, state, Incoming(sensitivities=[reported("C1", "MSFT")]), source="risk file")
    with small_store.read() as connection:
        entries = read_since(connection, board.revision)
    for entry in entries or []:
        board.apply(entry)
        board.group_sums()  # as whoever brings a board up to date has it found
    assert contents(board) == contents(fresh_board(small_store))
    assert contents(frozen) == before
    assert len(frozen.rows.groups.nodes) == nodes < len(board.rows.groups.nodes)
    assert contents(board) != before
    assert (frozen.identity, frozen.revision) == (board.identity, before["revision"])


def test_the_board_goes_on_while_a_large_message_of_it_is_built(
    small_store: Store, state: PricingState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live.serving.boards, "_ROWS_BUILT_AT_ONCE", 2)
    begun, go_on, _ = hold_back(monkeypatch, "explore")
    server = Server(small_store, settings())
    try:
        with server.open("/live/explore") as one, server.open("/live/market") as other:
            assert begun.wait(60)
            first = next_table(other)[0]
            apply_quotes(small_store, state, [quote("MSFT", 160.0, 60.0)], source="test")
            then = next_table(other)[0]
            assert (first["kind"], then["kind"]) == ("snapshot", "delta")
            go_on.set()
            assert one.recv(timeout=60)
    finally:
        go_on.set()
        server.close()


def test_what_changed_says_which_messages_are_large(small_store: Store, state: PricingState) -> None:
    board = fresh_board(small_store)
    change_records(small_store, state, "trades", [stock("S2", ticker="MSFT")], source="test")
    seen = board.revision
    with small_store.read() as connection:
        for entry in read_since(connection, seen) or []:
            board.apply(entry)
    assert board.changed_rows(None) == len(board.rows)
    assert board.changed_rows(seen) == 1
    known, changed = ({name: table.rows(board, since) for name, table in TABLES.items()} for since in (None, seen))
    trades, groups = len(board.rows), len(board.rows.groups)
    assert known == {"market": len(board.market.rows), "nodes": groups, "trades": trades, "explore": trades}
    assert (changed["nodes"], changed["trades"], changed["explore"]) == (1, 1, 1)
