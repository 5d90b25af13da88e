"""Trades that only a slow engine prices: they wait, a worker values them beside the tick, and nothing old wins."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from ingestion.sidecar.replay import read_ticks
from ingestion.sidecar.slow_worker import SlowWorker
from services.pricing.apply_slow_values import SlowResult, apply_slow_values
from services.pricing.price_all import price_newest
from services.pricing.price_book import SlowWork
from services.pricing.pricing_state import PricingState
from services.writes.restart_replay import restart_replay
from storage.core.database import Store
from storage.feeds.feeds import FeedLost, Holder, claim_feed
from storage.market.quotes import Quote
from storage.read_models.read_models import failures_frame, sensitivities_frame
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.databases import wait_for
from tests.fixtures.revalued import revalued
from tests.fixtures.small_book import BOOKS, MONDAY, PARAMETERS, TUESDAY, quote, stock, trade
from tests.fixtures.ticks import write_ticks
from tests.launch.real_processes import children_of, is_running

STEEP = {**PARAMETERS[0], "implied_vol": 0.03, "risk_free_rate": 0.1}
"""So much more rate than volatility that the live engine of American options refuses: QdFp must do it."""
AMERICAN = trade("A1", option_type="put", exercise_style="American", strike=69.0)
SLOW_BOOK = [AMERICAN, trade("C1"), stock("S1", quantity=-300.0)]


def load_slow_book(store: Store, state: PricingState) -> None:
    for kind, records in (("books", BOOKS), ("parameters", [STEEP]), ("trades", SLOW_BOOK)):
        change_records(store, state, kind, records, source="test")


@pytest.fixture
def slow_store(store: Store, state: PricingState) -> Store:
    """A book with one American option that only the slow engine prices; no quote yet."""
    load_slow_book(store, state)
    return store


@pytest.fixture
def beside() -> Iterator[SlowWorker]:
    worker = SlowWorker()
    yield worker
    worker.close()


def tick(store: Store, state: PricingState, *quotes: Quote, wait: bool = False) -> list[SlowWork]:
    return apply_quotes(store, state, quotes, source="test", wait_for_slow=wait).pending.slow_work


def done(work: SlowWork) -> SlowResult:
    """What the worker would bring."""
    prepared = work.prepared
    values = [g.prepared.value(np.full(len(g.rows), work.quote.quote)) for g in prepared.slow_groups]
    return SlowResult(work, values)


def come_in(store: Store, state: PricingState, *work: SlowWork) -> list[SlowWork]:
    return apply_slow_values(store, state, [done(item) for item in work], source="test").slow_work


def row(store: Store, trade_id: str = "A1", day: date = MONDAY) -> dict[str, Any] | None:
    with store.read() as connection:
        rows = sensitivities_frame(connection, day).set_index("trade_id")
    return dict(rows.loc[trade_id]) if trade_id in rows.index else None


def spot(store: Store, day: date = MONDAY) -> float | None:
    """The spot of the slow trade's value."""
    stored = row(store, day=day)
    return None if stored is None else float(stored["spot"])


def reasons(store: Store, day: date = MONDAY) -> dict[str, str]:
    with store.read() as connection:
        failed = failures_frame(connection, day)
    return dict(zip(failed["trade_id"], failed["reason"], strict=True))


def gathered(beside: SlowWorker) -> list[SlowResult]:
    """All that the worker brings until it has nothing left to do."""
    results: list[SlowResult] = []

    def idle() -> bool:
        results.extend(beside.finished())
        return not beside.busy

    wait_for(idle, 240, "the worker")  # four workers begin where the first three die
    return results


class TestWaiting:
    def test_a_slow_trade_waits_while_the_others_tick(self, slow_store: Store, state: PricingState) -> None:
        (work,) = tick(slow_store, state, quote("AAPL", 68.0))
        assert reasons(slow_store) == {"A1": "waiting for its engine"}
        assert row(slow_store, "S1") is not None
        assert [work.prepared.trade_ids[r] for group in work.prepared.slow_groups for r in group.rows] == ["A1"]

    def test_its_value_ends_the_waiting(self, slow_store: Store, state: PricingState) -> None:
        assert come_in(slow_store, state, *tick(slow_store, state, quote("AAPL", 68.0))) == []
        assert reasons(slow_store) == {}
        expected, _ = revalued(slow_store, MONDAY)
        stored = row(slow_store)
        assert stored is not None
        assert stored["priced_by"] == "QdFp"
        assert stored["market_value"] == expected.loc["A1", "market_value"]

    def test_with_a_value_it_waits_no_more(self, slow_store: Store, state: PricingState) -> None:
        come_in(slow_store, state, *tick(slow_store, state, quote("AAPL", 68.0)))
        tick(slow_store, state, quote("AAPL", 69.0, 60))
        assert reasons(slow_store) == {}
        assert spot(slow_store) == 68.0, "the last value stands until the next comes"

    def test_on_a_new_date_it_waits_again_and_the_close_stays(self, slow_store: Store, state: PricingState) -> None:
        come_in(slow_store, state, *tick(slow_store, state, quote("AAPL", 68.0)))
        tick(slow_store, state, quote("AAPL", 60.0, day=TUESDAY))
        assert reasons(slow_store, TUESDAY) == {"A1": "waiting for its engine"}
        assert spot(slow_store) == 68.0

    def test_who_loads_a_file_waits_for_the_value(self, slow_store: Store, state: PricingState) -> None:
        assert tick(slow_store, state, quote("AAPL", 68.0), wait=True) == []
        assert spot(slow_store) == 68.0


class TestComingIn:
    def test_a_value_at_a_quote_that_moved_on_is_better_than_none(self, slow_store: Store, state: PricingState) -> None:
        (first,) = tick(slow_store, state, quote("AAPL", 68.0))
        tick(slow_store, state, quote("AAPL", 69.0, 60))
        assert come_in(slow_store, state, first) == []
        assert spot(slow_store) == 68.0

    def test_it_never_replaces_a_value_at_a_newer_quote(self, slow_store: Store, state: PricingState) -> None:
        (first,) = tick(slow_store, state, quote("AAPL", 68.0))
        tick(slow_store, PricingState(), quote("AAPL", 69.0, 60), wait=True)
        (again,) = come_in(slow_store, state, first)
        assert spot(slow_store) == 69.0
        assert again.quote.quote == 69.0

    def test_it_never_lands_on_a_trade_that_has_changed(self, slow_store: Store, state: PricingState) -> None:
        (first,) = tick(slow_store, state, quote("AAPL", 68.0))
        changed = {**AMERICAN, "quantity": 1.0}
        change_records(slow_store, PricingState(), "trades", [changed], source="other")
        (again,) = come_in(slow_store, state, first)
        assert row(slow_store) is None
        assert come_in(slow_store, state, again) == []
        stored = row(slow_store)
        assert stored is not None
        assert stored["market_value"] == pytest.approx(stored["unit_price"] * 100.0)

    def test_nor_on_one_that_is_gone(self, slow_store: Store, state: PricingState) -> None:
        (first,) = tick(slow_store, state, quote("AAPL", 68.0))
        gone = [{**record, "trade_status": "Terminated"} for record in SLOW_BOOK]
        change_records(slow_store, PricingState(), "trades", gone, source="other")
        assert come_in(slow_store, state, first) == []
        assert row(slow_store) is None

    def test_a_change_elsewhere_costs_no_second_valuation(self, slow_store: Store, state: PricingState) -> None:
        (first,) = tick(slow_store, state, quote("AAPL", 68.0))
        change_records(slow_store, PricingState(), "trades", [trade("M1", ticker="MSFT")], source="other")
        assert come_in(slow_store, state, first) == []
        assert spot(slow_store) == 68.0

    def test_a_worker_that_is_days_behind_still_brings_the_closes(self, slow_store: Store, state: PricingState) -> None:
        work = [tick(slow_store, state, quote("AAPL", 68.0, day=date(2020, 3, day)))[0] for day in range(9, 14)]
        assert come_in(slow_store, state, *work) == []
        assert [reasons(slow_store, date(2020, 3, day)) for day in range(9, 14)] == [{}] * 5

    def test_what_a_restart_took_off_stays_off(self, slow_store: Store, state: PricingState) -> None:
        tick(slow_store, state, quote("AAPL", 67.0), wait=True)
        with slow_store.bookkeeping() as connection:
            claim_feed(connection, "replay", "me", 1, datetime.now(UTC), 10.0, None)
        day = quote("AAPL", 68.0, day=TUESDAY)
        (first,) = apply_quotes(slow_store, state, [day], source="replay").pending.slow_work
        restart_replay(slow_store, state, feed="replay", owner="me", first_date=TUESDAY, cursor={"row": 0})
        assert come_in(slow_store, state, first) == []
        assert (row(slow_store, day=TUESDAY), reasons(slow_store, TUESDAY)) == (None, {})

    def test_a_sidecar_that_lost_its_feed_brings_nothing_in(self, slow_store: Store, state: PricingState) -> None:
        (first,) = tick(slow_store, state, quote("AAPL", 68.0))
        with slow_store.bookkeeping() as connection:
            claim_feed(connection, "replay", "another", 1, datetime.now(UTC), 10.0, None)
        with pytest.raises(FeedLost):
            apply_slow_values(slow_store, state, [done(first)], source="replay", holder=Holder("replay", "me"))
        with pytest.raises(FeedLost):
            price_newest(slow_store, state, source="sidecar", holder=Holder("replay", "me"))
        assert row(slow_store) is None

    @pytest.mark.parametrize("valued", [True, False])
    def test_closes_that_a_dead_worker_owed_are_made_good(
        self, slow_store: Store, state: PricingState, valued: bool
    ) -> None:
        """It died after the roll and had valued the day before at an earlier quote, or not at all."""
        work = tick(slow_store, state, quote("AAPL", 68.0))
        if valued:
            come_in(slow_store, state, *work)
        tick(slow_store, state, quote("AAPL", 68.5, 60))
        tick(slow_store, state, quote("AAPL", 60.0, day=TUESDAY))
        reborn = PricingState()
        owed = price_newest(slow_store, reborn, source="sidecar").slow_work
        assert [(w.prepared.as_of_date, w.quote.quote) for w in owed] == [(MONDAY, 68.5), (TUESDAY, 60.0)]
        assert come_in(slow_store, reborn, *owed) == []
        assert (spot(slow_store), spot(slow_store, TUESDAY)) == (68.5, 60.0)
        again = price_newest(slow_store, reborn, source="sidecar").slow_work
        assert [w.prepared.as_of_date for w in again] == [TUESDAY]


@pytest.fixture
def works(beside: SlowWorker, templates: Any) -> list[SlowWork]:
    """The work of four ticks of one underlying, and that of another day."""
    url = templates.copy("sqlite", "slow book", lambda made: load_slow_book(made, PricingState()), None)
    opened, state = Store(url), PricingState()
    found = [tick(opened, state, quote("AAPL", 68.0 + n, 60.0 * n))[0] for n in range(4)]
    found += tick(opened, state, quote("AAPL", 80.0, day=TUESDAY))
    opened.close()
    return found


class Deadly:
    """Ends the process that it is sent to, as it unpacks it."""

    def __reduce__(self) -> Any:
        return os._exit, (9,)


def deadly(work: SlowWork) -> SlowWork:
    """Such work that no worker lives to tell."""
    prepared = work.prepared
    groups = tuple(replace(group, contracts=Deadly()) for group in prepared.groups)
    return replace(work, ready=replace(work.ready, prepared=replace(prepared, groups=groups)))


class TestWorker:
    def test_it_brings_what_the_engine_says(self, beside: SlowWorker, works: list[SlowWork]) -> None:
        beside.submit(works[:1])
        (result,) = gathered(beside)
        assert result.work is works[0]
        (found,), (expected,) = result.values, done(works[0]).values
        np.testing.assert_array_equal(found.price, expected.price)
        np.testing.assert_array_equal(found.vega, expected.vega)

    def test_the_newest_quote_of_an_underlying_wins(self, beside: SlowWorker, works: list[SlowWork]) -> None:
        for work in works:
            beside.submit([work])
        assert [result.work.quote.quote for result in gathered(beside)] == [68.0, 71.0, 80.0]

    def test_a_worker_that_dies_is_replaced_and_its_work_is_done(
        self, beside: SlowWorker, works: list[SlowWork]
    ) -> None:
        beside.submit(works[:1])
        (worker,) = active_children()
        worker.kill()
        assert [result.work for result in gathered(beside)] == works[:1]

    def test_work_that_kills_every_worker_is_given_up(self, beside: SlowWorker, works: list[SlowWork]) -> None:
        with capture_logs() as logs:
            beside.submit([deadly(works[0]), works[-1]])
            assert [result.work for result in gathered(beside)] == works[-1:], "the next work is not stopped by it"
        assert [entry["given_up"] for entry in logs if "given_up" in entry] == [False, False, True]

    def test_forgotten_work_brings_nothing(self, beside: SlowWorker, works: list[SlowWork]) -> None:
        beside.submit([works[0]])
        beside.submit([works[1]])
        beside.forget()
        assert not beside.busy
        beside.submit([works[-1]])
        assert [result.work for result in gathered(beside)] == works[-1:]

    def test_it_ends_with_its_sidecar(self, beside: SlowWorker, works: list[SlowWork]) -> None:
        beside.submit(works)
        workers = active_children()
        beside.close()
        assert len(workers) == 1
        # not is_alive(): where its pool was the first to take leave of it, that says it lives
        assert not is_running(workers[0].pid or 0)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_a_sidecar_that_is_killed_leaves_no_worker_behind(templates: Any, tmp_path: Path) -> None:
    url = templates.copy("sqlite", "slow book", lambda made: load_slow_book(made, PricingState()), None)
    ticks = write_ticks(tmp_path / "ticks.csv", ["2020-03-09T13:30:00Z,68"], "AsOfDate,AAPL")
    assert len(read_ticks(ticks)) == 1
    command = [sys.executable, "-m", "ingestion", "replay", str(ticks), "--speed", "max"]
    environment = {**os.environ, "DATABASE_URL": url}
    opened = Store(url)
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as sidecar:
        try:
            wait_for(lambda: spot(opened) == 68.0, 120, "the worker's value")
            children = children_of(sidecar.pid)
            assert any(is_running(child) for child in children)
        finally:
            os.kill(sidecar.pid, signal.SIGKILL)
    wait_for(lambda: not any(is_running(child) for child in children), 60, "the end of the worker")
    opened.close()
