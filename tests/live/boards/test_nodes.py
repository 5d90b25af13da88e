"""The nodes of the risk tree: deltas give what a snapshot gives, and a snapshot what adding up trade by trade gives."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from engine.measures import CLOSE_COMPARED, DAY_PNL
from engine.selection import TradeSelection
from live.boards.board import Board
from live.boards.board_rows import VALUE_NAMES, BoardRows
from live.boards.group_sums import SUMMED
from live.boards.market import Market
from live.tables.nodes import SEPARATOR
from live.tables.registry import message
from storage.book.hierarchy import BookHierarchy
from tests.fixtures.small_book import MONDAY, trade
from tests.live.viewer import Viewer

BOOKS = {"B1": ("N", "Equity", "Flow"), "B2": ("N", "Equity", "Vol"), "B3": ("S", "Equity", "Flow")}
CURRENCIES = {"AAPL": "USD", "MSFT": "USD", "SAP": "EUR"}
TICKERS = list(CURRENCIES)
SELECTIONS = (
    TradeSelection(),
    TradeSelection(statuses=("Live",)),
    TradeSelection(statuses=("Live", "Tentative"), books=("B1", "B3")),
    TradeSelection(books=("B2",)),
    TradeSelection(statuses=("none",)),
)
Rows = dict[tuple[str, ...], dict[str, Any]]


@pytest.fixture
def board() -> Board:
    rows = BoardRows(BookHierarchy(BOOKS, CURRENCIES))
    return Board(MONDAY, None, True, MONDAY, 1, None, rows, Market(MONDAY, {}, {}, None, {}))


def change(board: Board, chance: random.Random) -> None:
    """What an entry may bring: trades that come or change, values that are reported, known or not, failures, closes."""
    board.revision += 1
    ids = [f"T{number}" for number in range(12)]
    some = {trade_id: chance.choice(TICKERS) for trade_id in chance.sample(ids, chance.randrange(1, 6))}
    what = chance.choice(["trades", "trades", "values", "values", "values", "failures", "closes", "nothing"])
    if what == "trades":
        records = [
            trade(trade_id, ticker=ticker, book=chance.choice([*BOOKS, "B4"]), trade_status=chance.choice(STATUSES))
            for trade_id, ticker in some.items()
        ]
        board.rows.take_trades({name: [record[name] for record in records] for name in records[0]}, board.revision)
    elif what == "values":
        board.rows.take_values(columns_of(some, VALUE_NAMES, chance), board.revision)
    elif what == "failures":
        board.rows.take_failures(
            {"trade_id": list(some), "reason": ["expired"] * len(some), "detail": [""] * len(some)}, board.revision
        )
    elif what == "closes":
        board.rows.take_closes(columns_of(some, CLOSE_COMPARED, chance), board.revision)


STATUSES = ("Live", "Live", "Tentative", "Terminated")


def columns_of(some: dict[str, str], names: tuple[str, ...], chance: random.Random) -> dict[str, Any]:
    """Values of some trades. One that somebody reported may lack measures."""
    sources = [chance.choice(["ours", "ours", ""]) for _ in some]

    def value(source: str) -> float:
        return np.nan if not source and chance.random() < 0.5 else chance.uniform(-9, 9)

    values = {name: np.array([value(source) for source in sources]) for name in names}
    keys = {"trade_id": list(some), "risk_factor": list(some.values())}
    return {**keys, "priced_by": ["x"] * len(some), "parameters_source": sources, **values}


def looked_at(board: Board, selection: TradeSelection) -> Viewer:
    viewer = Viewer("nodes", selection)
    viewer.take(message(board, "nodes", selection, None))
    return viewer


def by_path(viewer: Viewer) -> Rows:
    return {tuple(filter(None, row["path"].split(SEPARATOR))): row for row in viewer.rows.values()}


@pytest.mark.parametrize("seed", range(12))
def test_deltas_give_what_a_snapshot_gives(board: Board, seed: int) -> None:
    chance = random.Random(seed)
    viewers = {selection: (looked_at(board, selection), board.revision) for selection in SELECTIONS}
    for step in range(60):
        change(board, chance)
        for selection, (viewer, since) in viewers.items():
            if chance.random() < 0.5:
                continue
            viewer.take(message(board, "nodes", selection, since))
            assert viewer.last["kind"] == "delta"
            viewers[selection] = viewer, board.revision
            fresh = looked_at(board, selection)
            none_lacking = {name: 0.0 for row in fresh.rows.values() for name in row if name.startswith("unknown_")}
            known = {node: {**none_lacking, **row} for node, row in viewer.rows.items()}
            assert known == fresh.rows, f"step {step}, {selection}"


@pytest.mark.parametrize("seed", range(12))
def test_a_snapshot_is_what_adding_up_trade_by_trade_gives(board: Board, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(40):
        change(board, chance)
        board.group_sums()  # as somebody looks: from now on only what changes is summed
    for selection in SELECTIONS:
        rows = by_path(looked_at(board, selection))
        assert rows.keys() == {(), *(path for path, _ in placed(board, selection))}
        for path, row in rows.items():
            below = [number for at, number in placed(board, selection) if at == path]
            assert row["currencies"] == SEPARATOR.join(sorted({currency_of(board, number) for number in below}))
            for name, expected in added_up(board, below).items():
                assert row.get(name, 0.0) == expected, f"{path}, {name}, {selection}"


def placed(board: Board, selection: TradeSelection) -> Iterator[tuple[tuple[str, ...], int]]:
    """Each selected row with every node that it is below."""
    groups = board.rows.groups
    for number, group in enumerate(board.rows["group"].tolist()):
        if group < 0:
            continue
        *levels, _, status, _ = groups.names[group]
        if selection.statuses and status not in selection.statuses:
            continue
        if selection.books and levels[3] not in selection.books:
            continue
        for depth in range(len(levels) + 1):
            yield tuple(levels[:depth]), number


def currency_of(board: Board, number: int) -> str:
    return board.rows.groups.names[board.rows["group"][number]][-1]


def added_up(board: Board, below: list[int]) -> dict[str, Any]:
    rows = board.rows
    valued = [number for number in below if rows.valued()[number]]
    counted = {number for number in below if rows["counted"][number]}
    found: dict[str, Any] = {"trades": None, "not_included": None}
    if below:
        found = {"trades": len(counted & set(valued)), "not_included": len(counted - set(valued))}
    mixed = len({currency_of(board, number) for number in below}) > 1
    gained = rows["market_value"] - rows["close_market_value"]
    for name in [measure.name for measure in SUMMED]:
        values = [float((gained if name == DAY_PNL.name else rows[name])[number]) for number in valued]
        lacking = "pnl_unknown" if name == DAY_PNL.name else f"unknown_{name}"
        found[name] = None if mixed else total(values)
        found[lacking] = sum(map(np.isnan, values))
    by_group: dict[int, list[int]] = {}
    for number in below:
        by_group.setdefault(int(rows["group"][number]), []).append(number)
    for name in CLOSE_COMPARED:
        changes = [changed(board, name, of_group) for of_group in by_group.values()]
        found[f"change_{name}"] = None if mixed else total(changes)
    return {name: about(value) for name, value in found.items()}


def changed(board: Board, name: str, of_group: list[int]) -> float:
    """The change of a group, NaN where one side is not known."""
    now = total([float(board.rows[name][number]) for number in of_group if board.rows.valued()[number]])
    close = total([float(board.rows[f"close_{name}"][number]) for number in of_group])
    return np.nan if now is None or close is None else now - close


def total(values: list[float]) -> float | None:
    """Of what is known; None where nothing is."""
    known = [value for value in values if not np.isnan(value)]
    return sum(known) if known else None


def about(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)


def test_a_node_is_the_same_whatever_is_selected(board: Board) -> None:
    chance = random.Random(1)
    ids: dict[str, int] = {}
    for _ in range(40):
        change(board, chance)
        for selection in SELECTIONS:
            for node, row in looked_at(board, selection).rows.items():
                assert ids.setdefault(row["path"], node) == node


def test_a_tick_sends_the_nodes_above_what_moved(board: Board) -> None:
    records = [trade("T1", ticker="AAPL", book="B1"), trade("T2", ticker="SAP", book="B3")]
    board.rows.take_trades({name: [record[name] for record in records] for name in records[0]}, 1)
    viewer = looked_at(board, TradeSelection())
    board.revision = 2
    board.rows.take_values(columns_of({"T1": "AAPL"}, VALUE_NAMES, random.Random(1)), 2)
    before = {path: dict(row) for path, row in by_path(viewer).items()}
    viewer.take(message(board, "nodes", TradeSelection(), 1))
    moved = {path for path, row in by_path(viewer).items() if row != before.get(path)}
    assert viewer.last["rows"] == len(moved) == 6
    assert viewer.last["text"] == {}


def test_sums_of_a_revision_are_found_once_and_of_what_changed(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [trade(f"T{number}", ticker=TICKERS[number % 3], book="B1") for number in range(30)]
    board.rows.take_trades({name: [record[name] for record in records] for name in records[0]}, 1)
    summed: list[int] = []
    real = BoardRows.valued

    def valued(rows: BoardRows) -> Any:
        summed.append(1)
        return real(rows)

    monkeypatch.setattr(BoardRows, "valued", valued)
    for selection in SELECTIONS:
        looked_at(board, selection)
    assert len(summed) == 1, "the second viewer's message needs no row"
