"""Slow engines work beside the tick: in a worker process, newest quote first, never in a tick's way."""

import os
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context

import numpy as np

from engine.contracts import Contracts, FloatArray, UnitValues
from engine.engines import value_contracts
from services.apply_slow_values import SlowResult
from services.price_book import SlowWork

_Call = tuple[str, Contracts, FloatArray]


class Beside:
    """One worker process and the newest work of each underlying that waits for it."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._waiting: dict[tuple[date, str], SlowWork] = {}
        self._running: tuple[SlowWork, Future[list[UnitValues]]] | None = None

    @property
    def busy(self) -> bool:
        return bool(self._waiting) or self._running is not None

    def submit(self, work: list[SlowWork]) -> None:
        """Queue work; work of the same underlying and date that still waits is replaced: its quote is older."""
        for item in work:
            self._waiting[(item.prepared.as_of_date, item.prepared.ticker)] = item
        self._start()

    def finished(self) -> list[SlowResult]:
        """The work that is done since the last call. Raises what the worker raised."""
        if self._running is None or not self._running[1].done():
            return []
        work, future = self._running
        self._running = None
        result = SlowResult(work, future.result())
        self._start()
        return [result]

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _start(self) -> None:
        if self._running is not None or not self._waiting:
            return
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), _end_with_parent, (os.getpid(),))
        key = next(iter(self._waiting))
        work = self._waiting.pop(key)
        calls = [
            (group.engine.name, group.contracts, np.full(len(group.rows), work.quote.quote))
            for group in work.prepared.slow_groups
        ]
        self._running = (work, self._pool.submit(_value_groups, calls))


def _value_groups(calls: list[_Call]) -> list[UnitValues]:
    return [value_contracts(*call) for call in calls]


def _end_with_parent(parent: int) -> None:
    """A sidecar that is killed outright cannot tell its worker: the worker looks for itself."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(0)

    if hasattr(os, "getppid"):
        threading.Thread(target=watch, daemon=True).start()
