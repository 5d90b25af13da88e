"""The sidecar finds boundaries in a thread beside its ticks: nobody waits for them, and nothing is forgotten."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path

import pytest

import ingestion.sidecar.pricer_builder
from engine.valuation.pricer_build import BuiltPricer, PricerBuild
from ingestion.sidecar.pricer_builder import THREAD, NotPriced
from ingestion.sidecar.replay import TickRow, read_ticks
from services.access.permissions import OPERATOR
from services.pricing.pricing_state import PricingState
from services.writes.control_feed import pause_feed, restart_feed, set_feed_speed
from storage.connection.settings import ROOT
from storage.core.database import Store
from storage.feeds.feeds import REPLAY, FeedLost, FeedState, read_feed
from storage.read_models.read_models import sensitivities_frame
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.boundaries import COUNT, Gate, american, load_americans, opening, parameters
from tests.fixtures.databases import Templates, wait_for
from tests.fixtures.small_book import MONDAY, TUESDAY
from tests.fixtures.store_contents import contents
from tests.fixtures.ticks import write_ticks
from tests.ingestion.running import Running, feed_of, play_to_the_end, replay_sidecar, take_over
from tests.ingestion.sidecar_thread import SidecarThread

NEW = parameters("AAPL", 0.55, MONDAY)
QUICK = 100.0
"""Times real time: a row every 100 ms, and 40 seconds until a slow machine is at the end before it should."""


def write_day(path: Path, minutes: int, day: str = "2020-03-09") -> Path:
    lines = [
        f"{day}T{14 + n // 360:02d}:{n // 6 % 60:02d}:{n % 6 * 10:02d}Z,{69 + n / 100:.2f},{76 + n / 100:.2f}"
        for n in range(minutes)
    ]
    return write_ticks(path, lines, "AsOfDate,AAPL,MSFT")


@pytest.fixture
def ticks(tmp_path: Path) -> Path:
    """A row every ten seconds, both shares in each."""
    return write_day(tmp_path / "ticks.csv", 400)


@pytest.fixture
def rows(ticks: Path) -> list[TickRow]:
    return read_ticks(ticks)


def seen(store: Store, ticker: str, day: date = MONDAY) -> set[float]:
    with store.read() as connection:
        frame = sensitivities_frame(connection, day)
    return set(frame.loc[frame["risk_factor"] == ticker, "spot"])


def new_parameters(store: Store, implied_vol: float = 0.55) -> None:
    """Another process writes them, and prices with them."""
    records = [{**NEW, "implied_vol": implied_vol}]
    change_records(store, PricingState(), "parameters", records, source="other", wait_for_slow=True)


def undisturbed(templates: Templates, rows: list[TickRow], implied_vol: float = 0.55) -> dict[str, str]:
    """What a run leaves that had the parameters from the beginning."""
    store, state = Store(templates.copy("sqlite", "empty", lambda _: None, None)), PricingState()
    load_americans(store, state)
    apply_quotes(store, state, opening(), source="test", wait_for_slow=True)
    new_parameters(store, implied_vol)
    play_to_the_end(store, rows)
    found = contents(store)
    store.close()
    return found


def test_other_underlyings_tick_on_while_one_is_prepared(
    american_store: Store, gate: Gate, rows: list[TickRow], templates: Templates
) -> None:
    gate.hold(THREAD)
    with Running(american_store, rows, speed=QUICK) as running:
        running.wait_for_row(2)
        new_parameters(american_store)
        gate.wait_for_somebody()
        at = running.row
        running.wait_for_row(at + 5)
        (moved,), (left,) = seen(american_store, "MSFT"), seen(american_store, "AAPL")
        assert moved >= 76 + (at + 4) / 100
        assert left <= 69 + at / 100, "it keeps its last value, with the spot of that"
        assert gate.is_shut()
        gate.open()
        running.wait_for(lambda: max(seen(american_store, "AAPL")) > 69 + (at + 3) / 100, "its newest quote")
        set_feed_speed(american_store, OPERATOR, REPLAY, None)
        running.wait_for_state(FeedState.ENDED)
        running.wait_for(lambda: seen(american_store, "AAPL") == {72.99}, "the last quote")
    assert contents(american_store) == undisturbed(templates, rows)


def test_of_several_that_wait_each_gets_its_newest_quote(
    american_store: Store, gate: Gate, rows: list[TickRow]
) -> None:
    """Though nobody ticks any more."""
    gate.hold(THREAD)
    with Running(american_store, rows, speed=QUICK) as running:
        running.wait_for_row(2)
        both = [NEW, parameters("MSFT", 0.66, MONDAY)]
        change_records(american_store, PricingState(), "parameters", both, source="other", wait_for_slow=True)
        gate.wait_for_somebody()
        running.wait_for_row(running.row + 3)
        pause_feed(american_store, OPERATOR, REPLAY)
        running.wait_for_state(FeedState.PAUSED)
        last = 69 + (running.row - 1) / 100
        assert max(seen(american_store, "AAPL")) < last
        assert max(seen(american_store, "MSFT")) < last + 7
        gate.open()
        running.wait_for(lambda: seen(american_store, "AAPL") == {round(last, 2)}, "the first share")
        running.wait_for(lambda: seen(american_store, "MSFT") == {round(last + 7, 2)}, "the other")


def test_once_does_not_end_before_all_is_priced(
    american_store: Store, gate: Gate, rows: list[TickRow], templates: Templates
) -> None:
    gate.hold(THREAD)
    sidecar = replay_sidecar(american_store, rows, speed=QUICK, once=True)
    with SidecarThread(lambda: sidecar) as running:
        running.wait_for(lambda: feed_of(american_store).cursor.get("row", 0) > 2, "the first rows")
        new_parameters(american_store)
        gate.wait_for_somebody()
        set_feed_speed(american_store, OPERATOR, REPLAY, None)
        running.wait_for(lambda: seen(american_store, "MSFT") == {79.99}, "the last quote")
        running.wait_for(lambda: feed_of(american_store).state == FeedState.ENDED, "the end of the feed")
        assert feed_of(american_store).owner is not None, "it has not left"
        assert seen(american_store, "AAPL") != {72.99}
        gate.open()
        running.wait_for(lambda: feed_of(american_store).owner is None, "its end")
    assert contents(american_store) == undisturbed(templates, rows)


def test_once_ends_with_an_error_when_an_underlying_cannot_be_prepared(
    american_store: Store, rows: list[TickRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other has its last quote by then, and the feed is left as at any end."""
    real, tries = PricerBuild.run, []

    def run(preparation: PricerBuild) -> BuiltPricer:
        if preparation.ticker == "AAPL" and threading.current_thread().name.startswith(THREAD):
            tries.append(preparation.ticker)
            raise ArithmeticError("no boundary found")
        return real(preparation)

    monkeypatch.setattr(ingestion.sidecar.pricer_builder, "_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(PricerBuild, "run", run)
    with Running(american_store, rows, speed=QUICK, once=True) as running:
        running.wait_for_row(2)
        new_parameters(american_store)
        running.wait_for(lambda: tries, "a first try")
        set_feed_speed(american_store, OPERATOR, REPLAY, None)
        fault = running.wait_for_fault()
    assert isinstance(fault, NotPriced)
    assert str(fault).startswith("Not priced: AAPL on 2020-03-09 (ArithmeticError: no boundary found).")
    assert len(tries) >= 3
    assert seen(american_store, "MSFT") == {79.99}
    assert feed_of(american_store).owner is None
    assert feed_of(american_store).state == FeedState.ENDED


def test_the_roll_finds_the_book_ready(american_store: Store, gate: Gate, rows: list[TickRow], tmp_path: Path) -> None:
    """The thread has prepared the next trading date while the sidecar had nothing else to do."""
    rows = [*rows[:3], *read_ticks(write_day(tmp_path / "next.csv", 5, "2020-03-10"))]
    with Running(american_store, rows, speed=0.001) as running:
        running.wait_for_row(1)
        before = gate.count("")

        def is_ready() -> bool:
            """The last underlying is begun, and the sidecar has taken what the thread brought of it."""
            return gate.count(THREAD) == 2 * COUNT and not running.sidecar._pricer_builder.running

        running.wait_for(is_ready, "the next date")
        assert gate.count("") - before <= 2 * COUNT
        in_time = gate.count_elsewhere(THREAD)
        set_feed_speed(american_store, OPERATOR, REPLAY, QUICK)
        running.wait_for_row(len(rows))
        assert seen(american_store, "AAPL", TUESDAY) == {69.04}
        assert gate.count_elsewhere(THREAD) == in_time, "the roll found boundaries in the tick's way"


def test_a_restart_of_the_replay_drops_what_was_left(
    american_store: Store, gate: Gate, rows: list[TickRow], templates: Templates
) -> None:
    gate.hold(THREAD)
    with Running(american_store, rows, speed=QUICK) as running:
        running.wait_for_row(2)
        new_parameters(american_store)
        gate.wait_for_somebody()
        running.wait_for_row(running.row + 2)
        restart_feed(american_store, OPERATOR, REPLAY)
        running.wait_for(lambda: feed_of(american_store).cursor.get("restarts") == 1, "the restart")
        gate.open()
        set_feed_speed(american_store, OPERATOR, REPLAY, None)
        running.wait_for_state(FeedState.ENDED)
        running.wait_for(lambda: seen(american_store, "AAPL") == {72.99}, "the last quote")
        found = contents(american_store)
    whole = undisturbed(templates, rows)
    assert found["sensitivities"] == whole["sensitivities"]
    assert found["pricing_failures"] == whole["pricing_failures"]


def test_one_that_is_fenced_off_prices_nothing_that_it_left(
    american_store: Store, gate: Gate, rows: list[TickRow]
) -> None:
    gate.hold(THREAD)
    with Running(american_store, rows, speed=QUICK) as running:
        running.wait_for_row(2)
        new_parameters(american_store)
        gate.wait_for_somebody()
        running.wait_for_row(running.row + 2)
        take_over(american_store)
        before = contents(american_store, with_revision=True)
        gate.open()
        assert isinstance(running.wait_for_fault(), FeedLost)
    assert contents(american_store, with_revision=True) == before


def row_of(store: Store) -> int:
    """How far the replay is; 0 when it has not begun."""
    with store.read() as connection:
        feed = read_feed(connection, REPLAY)
    return 0 if feed is None else int(feed.cursor.get("row", 0))


def load_many(store: Store) -> None:
    """So many boundaries on one share that the thread is at it when it is killed, now and then."""
    state = PricingState()
    load_americans(store, state)
    apply_quotes(store, state, opening(), source="test", wait_for_slow=True)
    many = [american("AAPL", 1000 + n) for n in range(600)]
    change_records(store, state, "trades", many, source="test")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no kill -9")
def test_killed_while_it_prepares_it_leaves_what_an_undisturbed_run_leaves(
    templates: Templates, ticks: Path, rows: list[TickRow]
) -> None:
    chance = random.Random(20200309)
    whole = Store(templates.copy("sqlite", "many", load_many, None))
    store = Store(templates.copy("sqlite", "many", load_many, None))
    vols = [0.5, 0.6, 0.7, 0.8]
    new_parameters(whole, vols[-1])
    play_to_the_end(whole, rows)
    url = store.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "ingestion", "replay", str(ticks), "--speed"]
    environment = {**os.environ, "DATABASE_URL": url}
    for vol in vols:
        row = row_of(store)
        with subprocess.Popen([*command, str(QUICK)], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as sidecar:
            try:
                wait_for(lambda row=row: row_of(store) > row + 1, 120, "the first rows")
                new_parameters(store, vol)
                time.sleep(chance.uniform(0.0, 0.15))
            finally:
                os.kill(sidecar.pid, signal.SIGKILL)
    subprocess.run([*command, "max", "--once"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL, check=True)
    assert contents(store) == contents(whole)
    for opened in (store, whole):
        opened.close()
