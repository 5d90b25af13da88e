"""From a tick to its commit: quotes, history, sensitivities and change log in one transaction, on both databases."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.books import DATA, demo_book
from benchmarks.results import Result, result_of
from benchmarks.store.postgresql import postgresql
from benchmarks.ticking import TickingStore
from launch.components import find_postgresql

NAME = "committed"
_ROUNDS, _QUICK_ROUNDS, _WARM_UP = 100, 5, 5
_WORKED = "processor time of the writer"
PAUSE_SECONDS = 0.02
"""Between two ticks, as on any board that is not replayed at full speed."""


def run(quick: bool) -> list[Result]:
    """One underlying's tick and a tick of every share, in turns and on each database in turn."""
    book = demo_book(None)
    one = book.middle_ticker
    results: list[Result] = []
    with ExitStack() as opened:
        stores = {"SQLite": opened.enter_context(on_sqlite())}
        programs = find_postgresql()
        if programs is None:
            print("PostgreSQL is not there: it is not measured.", flush=True)
        else:
            stores["PostgreSQL"] = opened.enter_context(on_postgresql(programs))
        any_store = next(iter(stores.values()))
        moves = {
            f"one underlying, {len(book.prepared[one].trade_ids):,} trades": [one],
            "the whole book, 10,000 trades": any_store.tickers,
        }
        times: dict[tuple[str, str], list[tuple[float, float]]] = {
            (case, name): [] for case in moves for name in stores
        }
        for turn in range((_QUICK_ROUNDS if quick else _ROUNDS) + _WARM_UP):
            for case, tickers in moves.items():
                for name, ticking in stores.items():
                    time.sleep(PAUSE_SECONDS)
                    timed = ticking.timed_tick(tickers)
                    if turn >= _WARM_UP:
                        times[(case, name)].append(timed)
        for (case, name), measured in times.items():
            results.append(result_of(NAME, case, name, [elapsed for elapsed, _ in measured]))
            results.append(result_of(NAME, case, f"{name}, {_WORKED}", [worked for _, worked in measured]))
    return results


@contextmanager
def on_sqlite(data: Path = DATA) -> Iterator[TickingStore]:
    """A folder's demo book ticking on SQLite."""
    with tempfile.TemporaryDirectory(prefix="deltaboard-bench-") as folder:
        ticking = TickingStore(f"sqlite:///{Path(folder) / 'board.sqlite'}", data)
        try:
            yield ticking
        finally:
            ticking.close()


@contextmanager
def on_postgresql(programs: Path, data: Path = DATA) -> Iterator[TickingStore]:
    """The same on a PostgreSQL server of its own."""
    with postgresql(programs) as url:
        ticking = TickingStore(url, data)
        try:
            yield ticking
        finally:
            ticking.close()
