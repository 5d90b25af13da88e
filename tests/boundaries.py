"""A book with more exercise boundaries than a transaction waits for, and a gate before whoever finds boundaries."""

import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from engine.american.engine import BoundaryEngine, PreparedAmericans
from engine.contracts import Contracts
from services.pricing_state import PricingState
from storage.database import Store
from storage.quotes import Quote
from tests.applying import apply_quotes, change_records
from tests.small_book import BOOKS, quote, trade

FRIDAY = date(2020, 3, 6)
COUNT = 30
"""Boundaries of each underlying."""


def parameters(ticker: str, implied_vol: float, day: date = FRIDAY) -> dict[str, Any]:
    rates = {"risk_free_rate": 0.02, "dividend_yield": 0.01}
    return {"as_of_date": day, "ticker": ticker, "implied_vol": implied_vol, **rates}


def american(ticker: str, number: int, **changes: Any) -> dict[str, Any]:
    """A put with a maturity, and so a boundary, of its own."""
    terms = {"exercise_style": "American", "option_type": "put", "maturity": date(2020, 6, 1) + timedelta(days=number)}
    return trade(f"{ticker}-{number:03d}", ticker=ticker, **{**terms, **changes})


AMERICANS = [american(ticker, number) for ticker in ("AAPL", "MSFT") for number in range(COUNT)]


def load_americans(store: Store, state: PricingState) -> None:
    """Two underlyings of Americans, no quote yet."""
    first = [parameters("AAPL", 0.4), parameters("MSFT", 0.3)]
    for kind, records in (("books", BOOKS), ("parameters", first), ("trades", AMERICANS)):
        change_records(store, state, kind, records, source="test")


def opening() -> list[Quote]:
    return [quote("AAPL", 68.0), quote("MSFT", 75.0)]


@pytest.fixture
def american_store(store: Store, state: PricingState) -> Store:
    """Two underlyings of Americans, priced at Monday's open."""
    load_americans(store, state)
    apply_quotes(store, state, opening(), source="test")
    return store


class Gate:
    """Holds up whoever finds boundaries in chosen threads, and notes who found how many."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered = threading.Event()
        self.found: list[tuple[str, int]] = []
        self._opened = threading.Event()
        self._holds: Callable[[str], bool] = lambda _: False
        real = BoundaryEngine.prepare

        def prepare(engine: BoundaryEngine, contracts: Contracts) -> PreparedAmericans:
            name = threading.current_thread().name
            if len(contracts) and self._holds(name):
                self.entered.set()
                assert self._opened.wait(120)
            terms = np.stack([contracts.years, contracts.implied_vol, contracts.is_call])
            self.found.append((name, np.unique(terms, axis=1).shape[1]))
            return real(engine, contracts)

        monkeypatch.setattr(BoundaryEngine, "prepare", prepare)

    def hold(self, *threads: str) -> None:
        """From now on, threads whose names begin like this wait before they find boundaries."""
        self._opened.clear()
        self.entered.clear()
        self._holds = lambda name: name.startswith(threads)

    def open(self) -> None:
        self._opened.set()

    def wait_for_somebody(self) -> None:
        assert self.entered.wait(60), "nobody came to find boundaries"

    def is_shut(self) -> bool:
        return not self._opened.is_set()

    def count(self, *threads: str) -> int:
        """How many boundaries were found in these threads."""
        return sum(count for name, count in self.found if name.startswith(threads))

    def count_elsewhere(self, thread: str) -> int:
        """How many were found in all other threads."""
        return sum(count for name, count in self.found if not name.startswith(thread))


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made = Gate(monkeypatch)
    yield made
    made.open()
