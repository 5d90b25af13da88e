"""Slow engines work beside the tick, in a worker process: the newest quote of each underlying, in no tick's way."""

import os
import signal
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import date
from multiprocessing import get_context

import numpy as np
import structlog

from engine.contracts import Contracts, FloatArray, UnitValues
from engine.pricing.engines import value_contracts
from services.pricing.apply_slow_values import SlowResult
from services.pricing.price_book import SlowWork
from storage.connection.supervision import supervised

_Call = tuple[str, Contracts, FloatArray]
_Key = tuple[date, str]
_ATTEMPTS = 3
"""So often is work given to a new worker when the worker dies of it; then its trades stay without a value."""

log = structlog.get_logger("sidecar")


class SlowWorker:
    """One worker process and the newest work of each underlying that waits for it."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._waiting: dict[_Key, SlowWork] = {}
        self._running: tuple[SlowWork, Future[list[UnitValues]]] | None = None
        self._deaths = 0
        self._sign_of_life = supervised("slow engines")

    @property
    def busy(self) -> bool:
        return bool(self._waiting) or self._running is not None

    def submit(self, work: list[SlowWork]) -> None:
        """Queue work; work of the same underlying and date that still waits is replaced: its quote is older."""
        for item in work:
            self._waiting[_key(item)] = item
        self._start()

    def finished(self) -> list[SlowResult]:
        """The work that is done since the last call. A worker that died is replaced.

        Work that raised something is given up until the next quote: its trades keep the values that they have.
        """
        if self._running is None or not self._running[1].done():
            return []
        work, future = self._running
        self._running = None
        results: list[SlowResult] = []
        try:
            results.append(SlowResult(work, future.result()))
            self._deaths = 0
            self._sign_of_life.beat()
        except BrokenProcessPool as error:
            self._sign_of_life.note(error)
            self._replace_worker(work)
        except Exception as error:
            self._sign_of_life.failed(error, underlying=work.prepared.ticker)
        self._start()
        return results

    def forget(self) -> None:
        """Drop all work: what it was for has been taken off the store. The worker finishes what it is at, in vain."""
        self._waiting.clear()
        self._running = None

    def close(self) -> None:
        """End the worker, without waiting for what it is at."""
        self._end_worker()
        self.forget()
        self._sign_of_life.leave()

    def _start(self) -> None:
        if self._running is not None or not self._waiting:
            return
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), _obey_parent_alone, (os.getpid(),))
        work = self._waiting.pop(next(iter(self._waiting)))
        calls = [
            (group.engine.name, group.contracts, np.full(len(group.rows), work.quote.quote))
            for group in work.prepared.slow_groups
        ]
        try:
            self._running = (work, self._pool.submit(_value_groups, calls))
        except BrokenProcessPool:
            self._replace_worker(work)
            self._start()

    def _replace_worker(self, work: SlowWork) -> None:
        self._end_worker()
        self._deaths += 1
        given_up = self._deaths >= _ATTEMPTS
        log.warning("slow_worker_died", underlying=work.prepared.ticker, given_up=given_up)
        if given_up:
            self._deaths = 0
        else:
            self._waiting = {_key(work): work, **self._waiting}

    def _end_worker(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            workers = list((getattr(pool, "_processes", None) or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.join()


def _key(work: SlowWork) -> _Key:
    return work.prepared.as_of_date, work.prepared.ticker


def _value_groups(calls: list[_Call]) -> list[UnitValues]:
    return [value_contracts(*call) for call in calls]


def _obey_parent_alone(parent: int) -> None:
    """Ctrl-C is for the sidecar, which ends its worker. Killed outright it cannot: the worker looks for itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(0)

    if hasattr(os, "getppid"):
        threading.Thread(target=watch, daemon=True).start()
