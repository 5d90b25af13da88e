"""New parameters of one underlying, all of whose exercise boundaries must be found anew: who waits for it?"""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.books import AS_OF
from benchmarks.results import Result, result_of
from benchmarks.store.committed import PAUSE_SECONDS
from benchmarks.store.postgresql import postgresql
from engine.model import ExerciseStyle, OptionType, Product, TradeStatus
from launch.components import find_postgresql
from services.pricing.price_deferred import price_deferred_pricers
from services.pricing.pricing_state import PricingState
from services.records.incoming import Incoming
from services.writes.apply_incoming import Applied, apply_incoming
from storage.core.database import Store, WriteUnit
from storage.market.quotes import Quote

NAME = "boundaries"
CHANGING, TICKING = "AAA", "BBB"
COUNT = 500
"""Americans on each of the two shares, no two of one share with the same boundary."""
_ROUNDS, _QUICK_ROUNDS, _WARM_UP = 60, 3, 3
_OPEN = datetime(AS_OF.year, AS_OF.month, AS_OF.day, 13, 30, tzinfo=UTC)


def run(quick: bool) -> list[Result]:
    """A tick of both shares, and a tick of the other one while somebody writes; on each database."""
    results: list[Result] = []
    with ExitStack() as opened:
        urls = {"SQLite": f"sqlite:///{Path(opened.enter_context(_folder())) / 'board.sqlite'}"}
        programs = find_postgresql()
        if programs is None:
            print("PostgreSQL is not there: it is not measured.", flush=True)
        else:
            urls["PostgreSQL"] = opened.enter_context(postgresql(programs))
        for database, url in urls.items():
            shares = _Shares(url)
            opened.callback(shares.store.close)
            results += _contest(database, shares, _QUICK_ROUNDS if quick else _ROUNDS)
    return results


def _contest(database: str, shares: "_Shares", rounds: int) -> list[Result]:
    """Every way in turns; the first of a case is what the others of it are compared with."""
    ways: dict[str, dict[str, Callable[[], float]]] = {
        "a tick of two shares committed": {
            "nothing else": shares.both,
            "new parameters of one, its tick left": lambda: shares.changed(shares.left),
            "the same, until it is priced too": lambda: shares.changed(shares.left_and_priced),
            "the same, prepared in the tick's way": lambda: shares.changed(shares.waited_for),
        },
        "a tick of one share committed": {
            "nothing else": shares.one,
            "another writer brings the other's parameters": shares.beside_a_writer,
        },
        "processor time under the write lock": {
            "a tick of two shares": lambda: shares.held(shares.both),
            "the same after new parameters of one": lambda: shares.held(lambda: shares.changed(shares.left)),
            "who brings new parameters": lambda: shares.held(shares.write_parameters),
        },
    }
    times: dict[tuple[str, str], list[float]] = {(case, way): [] for case in ways for way in ways[case]}
    for turn in range(rounds + _WARM_UP):
        for case, contestants in ways.items():
            for way, measured in contestants.items():
                time.sleep(PAUSE_SECONDS)
                milliseconds = measured()
                if turn >= _WARM_UP:
                    times[(case, way)].append(milliseconds)
    results: list[Result] = []
    for case, contestants in ways.items():
        name = f"{case} on {database}, {COUNT} Americans on each of two"
        found = [result_of(NAME, name, way, times[(case, way)]) for way in contestants]
        results += [replace(result, ratio=found[0].p50_ms / result.p50_ms) for result in found]
    return results


class _WatchedStore(Store):
    """A store that notes how long its last transaction held the lock: milliseconds of the writer's processor time."""

    held = 0.0

    @contextmanager
    def write(self) -> Iterator[WriteUnit]:
        with super().write() as unit:
            worked = time.thread_time()
            yield unit
            self.held = (time.thread_time() - worked) * 1000.0


class _Shares:
    """A store with Americans on two shares, a sidecar's memory of it, and another process's."""

    def __init__(self, url: str) -> None:
        self.store = _WatchedStore(url)
        self.store.migrate()
        self._sidecar, self._other = PricingState(), PricingState()
        self._ticks = 0
        self._apply(self._other, Incoming(records={"parameters": [self._parameters(t) for t in (CHANGING, TICKING)]}))
        trades = [_american(ticker, number) for ticker in (CHANGING, TICKING) for number in range(COUNT)]
        self._apply(self._other, Incoming(records={"trades": trades}))
        self._tick(CHANGING, TICKING, wait=True)

    def both(self) -> float:
        """Milliseconds of a tick of both when nothing has changed."""
        self._tick(CHANGING, TICKING, wait=True)
        return _timed(lambda: self._tick(CHANGING, TICKING))

    def one(self) -> float:
        return _timed(lambda: self._tick(TICKING))

    def held(self, write: Callable[[], Any]) -> float:
        """What of the last transaction others had to wait for."""
        write()
        return self.store.held

    def changed(self, measured: Callable[[], Any]) -> float:
        """New parameters have been written by somebody else, and then: what is measured."""
        self.write_parameters()
        return _timed(measured)

    def left(self) -> Applied:
        return self._tick(CHANGING, TICKING)

    def left_and_priced(self) -> None:
        for key in self._tick(CHANGING, TICKING).pending.unprepared:
            self._sidecar.ready(*key)
            price_deferred_pricers(self.store, self._sidecar, [key], source="bench")

    def waited_for(self) -> Applied:
        return self._tick(CHANGING, TICKING, wait=True)

    def beside_a_writer(self) -> float:
        """Both begin at once; the writer is a thread, where it would be a process."""
        together = threading.Barrier(2)

        def write() -> None:
            together.wait()
            self.write_parameters()

        writer = threading.Thread(target=write)
        writer.start()
        together.wait()
        time.sleep(0.005)  # the writer is at it by now
        milliseconds = self.one()
        writer.join()
        return milliseconds

    def write_parameters(self) -> None:
        self._apply(self._other, Incoming(records={"parameters": [self._parameters(CHANGING)]}))

    def _parameters(self, ticker: str) -> dict[str, Any]:
        self._ticks += 1
        vol = 0.3 + 1e-5 * self._ticks
        rates = {"risk_free_rate": 0.02, "dividend_yield": 0.01}
        return {"as_of_date": AS_OF, "ticker": ticker, "implied_vol": vol, **rates}

    def _tick(self, *tickers: str, wait: bool = False) -> Applied:
        self._ticks += 1
        price, at = 100.0 + 1e-3 * (self._ticks % 500), _OPEN + timedelta(seconds=self._ticks)
        quotes = [Quote(AS_OF, ticker, price, at) for ticker in tickers]
        return apply_incoming(self.store, self._sidecar, Incoming(quotes=quotes), source="bench", wait_for_slow=wait)

    def _apply(self, state: PricingState, incoming: Incoming) -> None:
        apply_incoming(self.store, state, incoming, source="bench", wait_for_slow=True)


def _timed(measured: Callable[[], Any]) -> float:
    started = time.perf_counter()
    measured()
    return (time.perf_counter() - started) * 1000.0


def _american(ticker: str, number: int) -> dict[str, Any]:
    return {
        "trade_id": f"{ticker}-{number:03d}",
        "ticker": ticker,
        "book": "BENCH",
        "product": Product.OPTION.value,
        "quantity": 10.0,
        "strike": 80.0 + number * 40.0 / COUNT,
        "maturity": AS_OF + timedelta(days=20 + number // 2),
        "option_type": (OptionType.CALL if number % 2 else OptionType.PUT).value,
        "exercise_style": ExerciseStyle.AMERICAN.value,
        "contract_multiplier": 100.0,
        "trade_status": TradeStatus.LIVE.value,
    }


@contextmanager
def _folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="deltaboard-bench-") as name:
        yield name
