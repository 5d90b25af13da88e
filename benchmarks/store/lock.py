"""How long a tick holds the store's one write lock, and what two writers carry together."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.results import Result, result_of
from benchmarks.store.postgresql import postgresql
from benchmarks.ticking import TickingStore
from launch.components import find_postgresql
from storage.connection.settings import ROOT
from storage.core.database import Store, WriteUnit

NAME = "lock"
_ROUNDS, _QUICK_ROUNDS, _WARM_UP = 100, 5, 5
_SECONDS, _QUICK_SECONDS = 10.0, 1.0
_PAUSE_SECONDS = 0.02


class TimedStore(Store):
    """A store that notes how long each of its transactions had the lock, in milliseconds."""

    held_ms: list[float]

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        self.held_ms = []

    @contextmanager
    def write(self) -> Iterator[WriteUnit]:
        locked = 0.0
        with super().write() as unit:
            locked = time.perf_counter()
            yield unit
        self.held_ms.append((time.perf_counter() - locked) * 1000.0)


def run(quick: bool) -> list[Result]:
    """The lock of one share's tick and of every share's, on each database; then one and two writers on PostgreSQL."""
    results: list[Result] = []
    programs = find_postgresql()
    with ExitStack() as opened:
        folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="deltaboard-bench-"))
        urls = {"SQLite": f"sqlite:///{Path(folder) / 'board.sqlite'}"}
        if programs is None:
            print("PostgreSQL is not there: it is not measured.", flush=True)
        else:
            urls["PostgreSQL"] = opened.enter_context(postgresql(programs))
        for name, url in urls.items():
            ticking = TickingStore(url, make=TimedStore)
            try:
                results += _held(name, ticking, _QUICK_ROUNDS if quick else _ROUNDS)
            finally:
                ticking.close()
        if "PostgreSQL" in urls:
            results += _carried(urls["PostgreSQL"], _QUICK_SECONDS if quick else _SECONDS)
    return sorted(results, key=lambda result: result.case)


def _held(name: str, ticking: TickingStore, rounds: int) -> list[Result]:
    moves = {"one underlying": ticking.tickers[len(ticking.tickers) // 2 :][:1], "the whole book": ticking.tickers}
    held: dict[str, list[float]] = {case: [] for case in moves}
    whole: dict[str, list[float]] = {case: [] for case in moves}
    assert isinstance(ticking.store, TimedStore)
    for turn in range(rounds + _WARM_UP):
        for case, tickers in moves.items():
            time.sleep(_PAUSE_SECONDS)
            elapsed, _ = ticking.timed_tick(tickers)
            if turn >= _WARM_UP:
                held[case].append(ticking.store.held_ms[-1])
                whole[case].append(elapsed)
    return [
        result
        for case in moves
        for result in (
            result_of(NAME, f"{case}, 10,000 trades in the book", f"{name}, lock held", held[case]),
            result_of(NAME, f"{case}, 10,000 trades in the book", f"{name}, from quote to commit", whole[case]),
        )
    ]


def _carried(url: str, seconds: float) -> list[Result]:
    """Ticks of shares that one writer commits in a time, and two that have half of the shares each."""
    times: dict[int, list[float]] = {}
    for writers in (1, 2, 1, 2):
        commands = [
            [sys.executable, "-m", "benchmarks.store.lock", url, str(part), str(writers), str(seconds)]
            for part in range(writers)
        ]
        running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for command in commands]
        ticks = sum(int(process.communicate()[0]) for process in running)
        times.setdefault(writers, []).append(seconds * 1000.0 / ticks)
    case = "a tick of one share on PostgreSQL"
    one = result_of(NAME, case, "one writer, time a tick", times[1])
    two = result_of(NAME, case, "two writers, half of the shares each", times[2])
    return [one, replace(two, ratio=one.p50_ms / two.p50_ms)]


def _tick_on(url: str, part: int, writers: int, seconds: float) -> int:
    """Tick the shares of this part one after the other, and count; begins once all writers can."""
    ticking = TickingStore.opened(url)
    tickers = ticking.tickers[part::writers]
    for ticker in tickers:
        ticking.tick([ticker])
    end, count = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        ticking.tick([tickers[count % len(tickers)]])
        count += 1
    ticking.close()
    return count


if __name__ == "__main__":
    print(_tick_on(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
