"""A board that took the entries of the change log one by one is the board that a fresh load gives."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from engine.measures import MEASURE_NAMES
from engine.selection import HIERARCHY, TradeSelection
from live.boards.board import Board
from live.boards.board_rows import BoardRows
from live.boards.group_sums import SUM_NAMES
from live.boards.market import Market
from live.serving.hub import Hub
from live.tables.nodes import SEPARATOR
from services.pricing.pricing_state import PricingState
from services.records.incoming import Incoming
from services.writes.apply_incoming import apply_incoming
from services.writes.upsert_records import logged_trades
from storage.book.hierarchy import BookHierarchy
from storage.core.change_log import NO_DATE, Entry
from storage.core.database import Store
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.small_book import MONDAY, SMALL_BOOK, TUESDAY, quote, stock, trade
from tests.live.board_contents import differences, value
from tests.live.changes import fresh_board, hub_of, reported
from tests.live.viewer import Viewer

JULY = date(2020, 7, 9)
SELECTIONS = (
    TradeSelection(),
    TradeSelection(statuses=("Live",)),
    TradeSelection(books=("EQ_OTHER",)),
    TradeSelection(ticker="MSFT", statuses=("Live",)),
    TradeSelection(path=("Unassigned",)),
)


@pytest.fixture
def hub(small_store: Store) -> Iterator[Hub]:
    with hub_of(small_store) as followed:
        yield followed


def board_of(hub: Hub, as_of: date = MONDAY) -> Board:
    hub.follow()
    board = hub.board_of(as_of)
    assert board is not None
    return board


def any_change(chance: random.Random, second: int) -> Incoming:
    """What a feed may bring at once: trades, quotes and reported values, of things known and not known."""
    incoming = Incoming()
    trade_ids = [*(t["trade_id"] for t in SMALL_BOOK), "N2", "N3", "U1", "U2"]
    tickers = ["AAPL", "MSFT", "OXY", "FB"]
    for _ in range(chance.randrange(4)):
        make = chance.choice([trade, trade, stock])
        more = {
            "ticker": chance.choice(tickers),
            "book": chance.choice(["EQ_VOL_HED", "EQ_OTHER", "EQ_NEW"]),
            "quantity": float(chance.randrange(1, 9)),
            "trade_status": chance.choice(["Live", "Live", "Terminated"]),
        }
        incoming.add("trades", make(chance.choice(trade_ids), **more))
    for _ in range(chance.randrange(3)):
        day = chance.choice([MONDAY, MONDAY, TUESDAY])
        incoming.quotes.append(quote(chance.choice(tickers), float(chance.randrange(60, 80)), second, day))
    for _ in range(chance.randrange(3)):
        measures = {name: chance.choice([None, 2.5, -1.0]) for name in chance.sample(MEASURE_NAMES, 3)}
        risk_factor, day = chance.choice([*tickers, "SPX"]), chance.choice([MONDAY, TUESDAY, JULY])
        incoming.add("sensitivities", reported(chance.choice(trade_ids), risk_factor, day, **measures))
    return incoming


@pytest.mark.parametrize("seed", range(3))
def test_entry_by_entry_is_the_same_as_afresh(hub: Hub, small_store: Store, state: PricingState, seed: int) -> None:
    chance = random.Random(seed)
    viewers: dict[date, list[Viewer]] = {}
    opened: dict[date, str] = {}
    for step in range(20):
        incoming = any_change(chance, 10 + step)
        apply_incoming(small_store, state, incoming, source=f"desk {step % 3}")
        hub.follow()
        for as_of in (MONDAY, TUESDAY, JULY):
            board = hub.board_of(as_of)
            if board is None:
                continue
            found = differences(board, fresh_board(small_store, as_of))
            assert not found, "\n".join([f"step {step}, {as_of}", *found])
            opened.setdefault(as_of, board.identity)
            audience = viewers.setdefault(
                as_of, [Viewer(t, s) for s in SELECTIONS for t in ("market", "nodes", "trades", "explore")]
            )
            for viewer in (v for v in audience if v.seen is None or chance.random() < 0.4):
                viewer.look(hub, as_of)
                newcomer = Viewer(viewer.table, viewer.selection)
                newcomer.look(hub, as_of)
                known = viewer.rows if viewer.table != "nodes" else with_none_lacking(viewer.rows, newcomer.rows)
                assert known == newcomer.rows, f"step {step}, {viewer.table}, {viewer.selection}"
    assert board_of(hub).identity == opened[MONDAY], "no entry needed a fresh board"


def with_none_lacking(rows: dict[int, dict[str, Any]], newer: dict[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """A measure that nobody has lacked before is 0 times unknown where a viewer has not been told."""
    names = {name for row in newer.values() for name in row if name.startswith("unknown_")}
    return {i: {**dict.fromkeys(names, 0.0), **row} for i, row in rows.items()}


def test_a_change_of_book_tells_the_nodes_that_were_left(hub: Hub, small_store: Store, state: PricingState) -> None:
    viewer = Viewer("nodes", TradeSelection(statuses=("Live",)))
    viewer.look(hub, MONDAY)
    before = trades_of_leaves(viewer)
    change_records(small_store, state, "trades", [{"trade_id": "P1", "book": "EQ_OTHER"}], source="t")
    hub.follow()
    viewer.look(hub, MONDAY)
    after = trades_of_leaves(viewer)
    assert (viewer.last["kind"], "gone" in viewer.last) == ("delta", False)
    assert after["EQ_VOL_HED", "AAPL"] == before["EQ_VOL_HED", "AAPL"] - 1
    assert after["EQ_OTHER", "AAPL"] == 1
    assert viewer.last["rows"] == len(viewer.rows) - 2, "OXY and MSFT are as they were"

    change_records(small_store, state, "trades", [{"trade_id": "M1", "book": "EQ_VOL_HED"}], source="t")
    hub.follow()
    viewer.look(hub, MONDAY)
    assert len(viewer.last["gone"]) == 1
    assert ("EQ_OTHER", "MSFT") not in trades_of_leaves(viewer)


def trades_of_leaves(viewer: Viewer) -> dict[tuple[str, ...], float]:
    """Book and underlying -> how many trades."""
    paths = {tuple(row["path"].split(SEPARATOR)): row["trades"] for row in viewer.rows.values()}
    return {path[-2:]: trades for path, trades in paths.items() if len(path) == len(HIERARCHY)}


def test_who_filters_sees_a_trade_leave_and_come_back(hub: Hub, small_store: Store, state: PricingState) -> None:
    viewer = Viewer("trades", TradeSelection(statuses=("Live",)))
    viewer.look(hub, MONDAY)
    row = board_of(hub).rows.row("C1", "AAPL")
    for status, gone in (("Terminated", [row]), ("Live", [])):
        change_records(small_store, state, "trades", [{"trade_id": "C1", "trade_status": status}], source="t")
        hub.follow()
        viewer.look(hub, MONDAY)
        assert viewer.last.get("gone", []) == gone
        assert (row in viewer.rows) == (status == "Live")
    assert viewer.rows[row]["trade_id"] == "C1"


def test_a_reported_value_stands_beside_ours_until_its_trade_comes(
    hub: Hub, small_store: Store, state: PricingState
) -> None:
    rows = [reported("U1", "AAPL", vega_1pt=4.0), reported("U1", "SPX", market_value=None, cash_delta=5.0)]
    apply_incoming(small_store, state, Incoming(sensitivities=rows), source="risk file")
    board = board_of(hub)
    assert board.live_counts() == (8, 6, {"expired": 1, "no quote": 1}), "a trade with two values counts once"
    names = board.rows.groups.names[board.rows["group"][board.rows.row("U1", "SPX")]]
    assert names == ("Unassigned", "Unassigned", "Unassigned", "Unassigned", "SPX", "", "Live", "USD")
    assert board.rows["contract"][board.rows.row("U1", "SPX")] == "SPX, reported"
    assert board.rows["priced_by"][board.rows.row("U1", "SPX")] == "risk file"
    sums = board.group_sums()
    spx = board.rows["group"][board.rows.row("U1", "SPX")]
    value_row, delta_row = SUM_NAMES.index("market_value"), SUM_NAMES.index("cash_delta")
    assert np.isnan(sums.values[value_row, spx]), "what nobody reported is not known, and not 0"
    assert (sums.values[delta_row, spx], sums.unknown[value_row, spx]) == (5.0, 1.0)

    change_records(small_store, state, "trades", [trade("U1")], source="t")
    assert board_of(hub).live_counts() == (8, 6, {"expired": 1, "no quote": 1}), "and its record does not add to it"
    change_records(small_store, state, "trades", [{"trade_id": "U1", "trade_status": "Terminated"}], source="t")
    board = board_of(hub)
    assert value(board, "U1", "AAPL", "vega_1pt") == 4.0
    for risk_factor in ("AAPL", "SPX"):
        names = board.rows.groups.names[board.rows["group"][board.rows.row("U1", risk_factor)]]
        assert names[:4] == ("Americas", "Equity derivatives", "Vol hedging", "EQ_VOL_HED")
        assert names[6] == "Terminated"
    assert board.live_counts()[0] == 7
    assert [rows_id for rows_id in board.rows.trade_ids if rows_id == "U1"] == ["U1", "U1"], "nothing is counted twice"


def test_a_quote_of_an_unknown_ticker_appends_a_market_row(hub: Hub, small_store: Store, state: PricingState) -> None:
    viewer = Viewer("market")
    viewer.look(hub, MONDAY)
    before = board_of(hub).identity
    apply_quotes(small_store, state, [quote("SPX", 2746.0, 3)], source="t")
    board = board_of(hub)
    viewer.look(hub, MONDAY)
    assert (board.identity, viewer.last["kind"], viewer.last["rows"]) == (before, "delta", 1)
    assert [row["quote"] for row in viewer.rows.values() if row["ticker"] == "SPX"] == [2746.0]


def test_thousands_of_changed_trades_apply_in_one_entry() -> None:
    trades = [trade(f"T{i}", ticker=f"X{i % 50}", book=f"B{i % 40}") for i in range(10_000)]
    rows = BoardRows(BookHierarchy({}, {}))
    rows.take_trades({name: [record[name] for record in trades] for name in trades[0]}, 1)
    market = Market(MONDAY, {}, {}, None, {})
    board = Board(MONDAY, None, False, MONDAY, 1, None, rows, market)
    changed = [
        {**record, "book": f"B{i % 7}", "trade_id": record["trade_id"]} for i, record in enumerate(trades[:1000])
    ]
    new = [trade(f"N{i}", ticker=f"X{i % 50}", book=f"B{i % 40}") for i in range(1000)]
    table = logged_trades([*changed, *new])
    entry = Entry(2, datetime.now(UTC), "t", None, None, False, {("trades", NO_DATE): table})
    board.apply(entry)
    assert len(rows) == 11_000
    assert rows.groups.sizes.sum() == 11_000


def test_of_several_rows_of_a_trade_in_an_entry_the_last_counts() -> None:
    rows = BoardRows(BookHierarchy({}, {}))
    versions = [trade("C1"), trade("C1", ticker="MSFT"), trade("C1", ticker="MSFT", book="B2")]
    rows.take_trades({name: [record[name] for record in versions] for name in versions[0]}, 1)
    assert (len(rows), rows.groups.sizes.sum()) == (1, 1)
    assert rows.groups.names[rows["group"][0]][3:5] == ("B2", "MSFT")
