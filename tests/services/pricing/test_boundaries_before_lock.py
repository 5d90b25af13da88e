"""Whoever writes finds exercise boundaries before the transaction: another writer's tick is committed meanwhile."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from services.pricing.price_all import price_newest
from services.pricing.price_book import DeferredWork
from services.pricing.pricing_state import PricingState
from services.records.incoming import Incoming
from services.uploads.apply_upload import apply_upload
from services.uploads.preview_upload import preview_upload
from services.uploads.undo_upload import undo_upload
from services.writes.apply_incoming import apply_incoming
from storage.core.database import Store
from storage.read_models.read_models import sensitivities_frame
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.boundaries import COUNT, Gate, american, load_americans, opening, parameters
from tests.fixtures.databases import Templates
from tests.fixtures.small_book import MONDAY, TUESDAY, quote
from tests.fixtures.store_contents import contents
from tests.services.uploads.test_preview_upload import ANN

WRITER = "the other writer"
TOO_LONG_SECONDS = 60.0
"""Then a test gives up holding the gate shut, so that a lock that is held too long fails it instead of stopping it."""


@contextmanager
def writing(gate: Gate, write: Callable[[], object]) -> Iterator[None]:
    """Somebody writes and is held up while boundaries are found; at the end they have written."""
    faults: list[BaseException] = []

    def guarded() -> None:
        try:
            write()
        except BaseException as fault:
            faults.append(fault)

    gate.hold(WRITER)
    thread, patience = threading.Thread(target=guarded, name=WRITER), threading.Timer(TOO_LONG_SECONDS, gate.open)
    thread.start()
    try:
        gate.wait_for_somebody()
        patience.start()
        yield
    finally:
        patience.cancel()
        gate.open()
        thread.join(60)
    assert not thread.is_alive()
    assert faults == []


def spots(store: Store) -> dict[str, set[float]]:
    with store.read() as connection:
        rows = sensitivities_frame(connection, MONDAY)
    return {str(ticker): set(some["spot"]) for ticker, some in rows.groupby("risk_factor")}


def values(store: Store) -> dict[str, float]:
    with store.read() as connection:
        rows = sensitivities_frame(connection, MONDAY).set_index("trade_id")
    return dict(rows["market_value"])


def new_parameters(store: Store) -> None:
    change_records(store, PricingState(), "parameters", [parameters("AAPL", 0.55)], source="other", wait_for_slow=True)


def new_parameters_to_a_sidecar(store: Store, state: PricingState) -> None:
    change_records(store, state, "parameters", [parameters("AAPL", 0.55)], source="watch")


def new_trades(store: Store, state: PricingState) -> None:
    coming = [american("AAPL", 100 + number) for number in range(COUNT)]
    change_records(store, state, "trades", coming, source="kafka")


def roll(store: Store, state: PricingState) -> None:
    apply_quotes(store, state, [quote("AAPL", 67.0, day=TUESDAY)], source="replay")


def both(store: Store, state: PricingState) -> None:
    incoming = Incoming(records={"parameters": [parameters("AAPL", 0.55)], "trades": [american("AAPL", 200)]})
    apply_incoming(store, state, incoming, source="folder")


WRITES: dict[str, Callable[[Store, PricingState], Any]] = {
    "a process that has only begun": lambda store, _: new_parameters(store),
    "new parameters": new_parameters_to_a_sidecar,
    "new trades": new_trades,
    "new parameters and trades": both,
    "the roll": roll,
    "the start of a sidecar": lambda store, _: price_newest(store, PricingState(), source="sidecar"),
}


@pytest.mark.parametrize("what", WRITES)
def test_a_tick_is_committed_while_another_writer_finds_boundaries(
    american_store: Store, state: PricingState, gate: Gate, what: str
) -> None:
    ticking = PricingState()
    apply_quotes(american_store, ticking, [quote("MSFT", 75.0, 1)], source="ticks", wait_for_slow=True)
    with writing(gate, lambda: WRITES[what](american_store, state)):
        apply_quotes(american_store, ticking, [quote("MSFT", 76.0, 60)], source="ticks")
        assert gate.is_shut(), "the tick waited for the boundaries"
        assert spots(american_store)["MSFT"] == {76.0}


@pytest.mark.parametrize("what", WRITES)
def test_the_store_is_as_if_all_had_been_found_in_place(
    american_store: Store, state: PricingState, templates: Templates, what: str
) -> None:
    """The other store is priced whole at the end, by somebody who foresaw nothing."""
    WRITES[what](american_store, state)
    other, reader = Store(templates.copy("sqlite", "empty", lambda _: None, None)), PricingState()
    load_americans(other, reader)
    apply_quotes(other, reader, opening(), source="test")
    WRITES[what](other, reader)
    price_newest(other, PricingState(), source="sidecar")
    assert contents(american_store) == contents(other)
    other.close()


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("new parameters", COUNT),
        ("new trades", COUNT),
        ("new parameters and trades", COUNT + 1),
        ("the roll", 2 * COUNT),
    ],
)
def test_no_boundary_is_found_twice(
    american_store: Store, state: PricingState, gate: Gate, what: str, found: int
) -> None:
    before = gate.count("")
    WRITES[what](american_store, state)
    assert gate.count("") - before == found


def test_a_tick_is_committed_while_an_upload_is_taken_back(american_store: Store, gate: Gate) -> None:
    desk, ticking = PricingState(), PricingState()
    apply_quotes(american_store, ticking, [quote("MSFT", 75.0, 1)], source="ticks", wait_for_slow=True)
    before = values(american_store)
    content = b"AsOfDate,Ticker,ImpliedVol,RiskFreeRate,DividendYield\n2020-03-06,AAPL,0.55,0.02,0.01\n"
    done = apply_upload(american_store, desk, ANN, preview_upload(american_store, ANN, None, "file.csv", content))
    assert values(american_store) != before
    assert done.batch_id is not None
    number, undone = done.batch_id, []
    with writing(gate, lambda: undone.append(undo_upload(american_store, desk, ANN, number))):
        apply_quotes(american_store, ticking, [quote("MSFT", 75.0, 60)], source="ticks")
        assert gate.is_shut(), "the tick waited for the boundaries"
    assert undone[0].pending == DeferredWork(), "it is priced in the transaction that takes it back"
    assert values(american_store) == before


def test_parameters_that_another_writer_changed_meanwhile_count(
    american_store: Store, state: PricingState, gate: Gate
) -> None:
    """The last to be committed prices, whatever was foreseen."""

    def load() -> None:
        change_records(american_store, state, "trades", [american("AAPL", n + 300) for n in range(COUNT)], source="a")

    with writing(gate, load):
        new_parameters_to_a_sidecar(american_store, PricingState())
    found = values(american_store)
    price_newest(american_store, PricingState(), source="sidecar")
    assert found == values(american_store)
