"""The board with American options beside the same board with European ones: is it any slower?"""

import csv
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from playwright.sync_api import Page

from benchmarks.boards.pixels import TICKER, time_to_pixels, watched_page
from benchmarks.boards.served import ServedBoard, chromium, served_board
from benchmarks.books import DATA, demo_book
from benchmarks.results import Result, result_of
from benchmarks.store.committed import PAUSE_SECONDS, on_postgresql, on_sqlite
from benchmarks.ticking import TickingStore
from engine.model import ExerciseStyle, Product
from launch.components import find_postgresql
from services.writes.load_demo import DEMO_FILES

NAME = "american_board"
_TICKS, _QUICK_TICKS, _WARM_UP = 100, 5, 5
_SHOWN_TICKS, _QUICK_SHOWN_TICKS = 40, 3
_STYLES = (ExerciseStyle.EUROPEAN, ExerciseStyle.AMERICAN)
"""The first is what the other is compared with."""

Tick = Callable[[list[str]], float]
"""Moves these shares and says how many milliseconds it took."""


def run(quick: bool) -> list[Result]:
    """The demo book with all options taken as European and as American, in turns: to the commit, and to the screen."""
    with ExitStack() as opened:
        folders = {style: opened.enter_context(_demo_of(style)) for style in _STYLES}
        return _committed(folders, quick) + _shown(folders, quick)


def _committed(folders: dict[ExerciseStyle, Path], quick: bool) -> list[Result]:
    stores: dict[str, Callable[[Path], AbstractContextManager[TickingStore]]] = {"SQLite": on_sqlite}
    programs = find_postgresql()
    if programs is None:
        print("PostgreSQL is not there: it is not measured.", flush=True)
    else:
        stores["PostgreSQL"] = partial(on_postgresql, programs)
    one = demo_book(None).middle_ticker
    results: list[Result] = []
    for database, opened_store in stores.items():
        with ExitStack() as opened:
            ticking = {style: opened.enter_context(opened_store(folder)) for style, folder in folders.items()}
            ticks: dict[ExerciseStyle, Tick] = {style: _to_commit(store) for style, store in ticking.items()}
            moves = {"one underlying": [one], "the whole book": ticking[_STYLES[0]].tickers}
            rounds = (_QUICK_TICKS if quick else _TICKS) + _WARM_UP
            results += _contest(f"tick committed on {database}", moves, ticks, rounds)
    return results


def _shown(folders: dict[ExerciseStyle, Path], quick: bool) -> list[Result]:
    with ExitStack() as opened:
        browser = opened.enter_context(chromium())
        if browser is None:
            return []
        boards = {style: opened.enter_context(served_board(folder)) for style, folder in folders.items()}
        ticks: dict[ExerciseStyle, Tick] = {
            style: _to_pixels(watched_page(browser, board), board) for style, board in boards.items()
        }
        moves = {"one share": [TICKER], "every share": boards[_STYLES[0]].ticking.tickers}
        rounds = (_QUICK_SHOWN_TICKS if quick else _SHOWN_TICKS) + _WARM_UP
        return _contest("tick to the number in the browser", moves, ticks, rounds)


def _to_commit(store: TickingStore) -> Tick:
    return lambda tickers: store.timed_tick(tickers)[0]


def _to_pixels(page: Page, board: ServedBoard) -> Tick:
    return lambda tickers: time_to_pixels(page, board, tickers)[0]


def _contest(case: str, moves: dict[str, list[str]], ticks: dict[ExerciseStyle, Tick], rounds: int) -> list[Result]:
    """Every move with every style in turns; who goes first changes from round to round."""
    times: dict[tuple[str, ExerciseStyle], list[float]] = {(move, style): [] for move in moves for style in ticks}
    for turn in range(rounds):
        for move, tickers in moves.items():
            for style in _STYLES if turn % 2 else reversed(_STYLES):
                time.sleep(PAUSE_SECONDS)
                milliseconds = ticks[style](tickers)
                if turn >= _WARM_UP:
                    times[(move, style)].append(milliseconds)
    results: list[Result] = []
    for move in moves:
        found = [result_of(NAME, f"{case}, {move}", f"{style} options", times[(move, style)]) for style in _STYLES]
        results += [replace(result, ratio=found[0].p50_ms / result.p50_ms) for result in found]
    return results


@contextmanager
def _demo_of(style: ExerciseStyle) -> Iterator[Path]:
    """A folder with the demo's files, all options in it of one style."""
    with tempfile.TemporaryDirectory(prefix="deltaboard-bench-") as name:
        folder = Path(name)
        for _, file in DEMO_FILES:
            shutil.copy(DATA / file, folder / file)
        with (DATA / "trades.csv").open(encoding="utf-8", newline="") as lines:
            trades = list(csv.DictReader(lines))
        for trade in trades:
            if trade["Product"] == Product.OPTION:
                trade["ExerciseStyle"] = style.value
        with (folder / "trades.csv").open("w", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, list(trades[0]))
            writer.writeheader()
            writer.writerows(trades)
        yield folder
