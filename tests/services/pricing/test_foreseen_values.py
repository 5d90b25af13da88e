"""A tick is valued before it takes the store's lock; what changed meanwhile is valued again under it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from engine.valuation.underlying_pricer import UnderlyingPricer, Valued
from services.pricing import unit_of_work
from services.pricing.pricing_state import PricingState
from services.writes import apply_incoming as applying
from storage.core.change_log import changing
from storage.core.database import Store
from storage.read_models.read_models import sensitivities_frame
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.boundaries import parameters
from tests.fixtures.small_book import MONDAY, TUESDAY, quote


class Watched:
    """Which underlyings were valued before a lock, and which under it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.before: list[str] = []
        self.under: list[str] = []
        self._is_locked = False
        real = UnderlyingPricer.value

        def value(pricer: UnderlyingPricer, *arguments: Any) -> Valued:
            (self.under if self._is_locked else self.before).append(pricer.ticker)
            return real(pricer, *arguments)

        monkeypatch.setattr(UnderlyingPricer, "value", value)
        monkeypatch.setattr(unit_of_work, "changing", self._watched_lock)

    @contextmanager
    def _watched_lock(self, store: Store, source: str) -> Iterator[Any]:
        with changing(store, source) as opened:
            self._is_locked = True
            try:
                yield opened
            finally:
                self._is_locked = False


@pytest.fixture
def ticking(small_store: Store) -> PricingState:
    """A process that has priced some ticks."""
    known = PricingState()
    apply_quotes(small_store, known, [quote("AAPL", 66.0), quote("MSFT", 150.0)], source="replay")
    apply_quotes(small_store, known, [quote("AAPL", 66.5, 1), quote("MSFT", 150.5, 1)], source="replay")
    return known


@pytest.fixture
def watched(ticking: PricingState, monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def spots(store: Store, ticker: str) -> set[float]:
    with store.read() as connection:
        rows = sensitivities_frame(connection, MONDAY)
    return set(rows.loc[rows["risk_factor"] == ticker, "spot"])


def market_values(store: Store) -> dict[str, float]:
    with store.read() as connection:
        rows = sensitivities_frame(connection, MONDAY).set_index("trade_id")
    return dict(rows["market_value"])


def test_a_tick_values_nothing_under_the_lock(small_store: Store, ticking: PricingState, watched: Watched) -> None:
    apply_quotes(small_store, ticking, [quote("AAPL", 67.0, 2), quote("AAPL", 67.5, 3)], source="replay")
    assert (watched.before, watched.under) == (["AAPL"], [])
    assert spots(small_store, "AAPL") == {67.5}


def test_a_late_quote_values_nothing(small_store: Store, ticking: PricingState, watched: Watched) -> None:
    apply_quotes(small_store, ticking, [quote("AAPL", 60.0)], source="replay")
    assert (watched.before, watched.under) == ([], [])
    assert spots(small_store, "AAPL") == {66.5}


@pytest.mark.parametrize("change", ["parameters", "trade", "newer quote"])
def test_what_another_process_changed_meanwhile_is_valued_again(
    small_store: Store, ticking: PricingState, watched: Watched, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    other, real = PricingState(), applying.unit_of_work  # type: ignore[attr-defined]

    def another_first(*arguments: Any) -> Any:
        monkeypatch.setattr(applying, "unit_of_work", real)
        if change == "parameters":
            change_records(small_store, other, "parameters", [parameters("AAPL", 0.55, MONDAY)], source="other")
        elif change == "trade":
            change_records(small_store, other, "trades", [{"trade_id": "C1", "quantity": 77.0}], source="other")
        else:
            apply_quotes(small_store, other, [quote("AAPL", 69.0, 9)], source="other")
        watched.under.clear()
        return real(*arguments)

    monkeypatch.setattr(applying, "unit_of_work", another_first)
    apply_quotes(small_store, ticking, [quote("AAPL", 67.0, 2)], source="replay")
    assert watched.under == ([] if change == "newer quote" else ["AAPL"])
    spot, found = 69.0 if change == "newer quote" else 67.0, market_values(small_store)
    assert spots(small_store, "AAPL") == {spot}
    apply_quotes(small_store, PricingState(), [quote("AAPL", spot, 40)], source="alone")
    assert market_values(small_store) == found, "as a process without memory values it"


def test_nothing_foreseen_outlives_its_transaction(small_store: Store, ticking: PricingState) -> None:
    apply_quotes(small_store, ticking, [quote("AAPL", 67.0, 2)], source="replay")
    built = ticking.built(MONDAY, "AAPL")
    assert built is not None
    assert ticking.foreseen(built, quote("AAPL", 67.0, 2)) is None
    apply_quotes(small_store, ticking, [quote("AAPL", 71.0, day=TUESDAY)], source="replay")
    assert spots(small_store, "AAPL") == {67.0}
