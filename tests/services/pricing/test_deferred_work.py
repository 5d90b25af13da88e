"""An underlying that lacks boundaries is left as it is, prepared beside the batch, and priced at its newest quote."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest

from engine.valuation.pricer_build import Key
from services.pricing.apply_slow_values import SlowResult, apply_slow_values
from services.pricing.price_all import price_newest
from services.pricing.price_book import DeferredWork
from services.pricing.price_deferred import price_deferred_pricers
from services.pricing.pricing_state import PricingState
from services.writes.apply_incoming import Applied
from services.writes.restart_replay import restart_replay
from storage.book.records import read_records
from storage.core.database import Store
from storage.feeds.feeds import FeedLost, Holder, claim_feed
from storage.market.quotes import Quote
from storage.read_models.read_models import failures_frame, sensitivities_frame
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.boundaries import COUNT, Gate, american, load_americans, opening, parameters
from tests.fixtures.databases import Templates
from tests.fixtures.small_book import MONDAY, TUESDAY, quote, trade
from tests.fixtures.store_contents import contents

WEDNESDAY = date(2020, 3, 11)
AAPL: Key = (MONDAY, "AAPL")
NEW = parameters("AAPL", 0.55, MONDAY)


@pytest.fixture
def sidecar(american_store: Store) -> PricingState:
    """What a sidecar has in memory after a tick of everything."""
    made = PricingState()
    apply_quotes(american_store, made, [quote("AAPL", 68.0, 1), quote("MSFT", 75.0, 1)], source="replay")
    assert price_newest(american_store, made, source="sidecar").unprepared == set()
    return made


def tick(store: Store, state: PricingState, *quotes: Quote) -> Applied:
    return apply_quotes(store, state, quotes, source="replay")


def elsewhere(store: Store, kind: str, *records: dict[str, Any]) -> None:
    """Another process writes records."""
    change_records(store, PricingState(), kind, records, source="other", wait_for_slow=True)


def prepare(state: PricingState, keys: Sequence[Key] | set[Key]) -> None:
    """What the thread does, and the handing in."""
    for key in keys:
        preparation = state.preparation(*key)
        if preparation is not None:
            state.take(preparation.run())


def finish(store: Store, state: PricingState, unprepared: set[Key]) -> DeferredWork:
    prepare(state, unprepared)
    return price_deferred_pricers(store, state, unprepared, source="replay")


def seen(store: Store, ticker: str, day: date = MONDAY) -> set[tuple[float, str]]:
    """Spots and sources of parameters of an underlying's values."""
    with store.read() as connection:
        rows = sensitivities_frame(connection, day)
    some = rows[rows["risk_factor"] == ticker]
    return set(zip(some["spot"], some["parameters_source"], strict=True))


def reasons(store: Store, day: date = MONDAY) -> dict[str, tuple[str, str]]:
    with store.read() as connection:
        rows = failures_frame(connection, day)
    return dict(zip(rows["trade_id"], zip(rows["reason"], rows["detail"], strict=True), strict=True))


def in_place(templates: Templates, *steps: Any) -> dict[str, str]:
    """What a process leaves that waits for everything in each step: quotes of a tick, or records as (kind, record)."""
    store, state = Store(templates.copy("sqlite", "empty", lambda _: None, None)), PricingState()
    load_americans(store, state)
    apply_quotes(store, state, opening(), source="test", wait_for_slow=True)
    first = [quote("AAPL", 68.0, 1), quote("MSFT", 75.0, 1)]
    for step in [first, *steps]:
        if isinstance(step, list):
            apply_quotes(store, state, step, source="replay", wait_for_slow=True)
        else:
            change_records(store, state, step[0], [step[1]], source="other", wait_for_slow=True)
    found = contents(store)
    store.close()
    return found


class TestLeft:
    def test_the_others_are_priced_and_it_keeps_its_values(self, american_store: Store, sidecar: PricingState) -> None:
        elsewhere(american_store, "parameters", NEW)
        batch = [quote("AAPL", 69.0, 60), quote("MSFT", 76.0, 60)]
        assert tick(american_store, sidecar, *batch).pending.unprepared == {AAPL}
        assert seen(american_store, "MSFT") == {(76.0, "2020-03-06")}
        assert seen(american_store, "AAPL") == {(68.0, "2020-03-09")}, "as the other process priced it"
        assert reasons(american_store) == {}

    def test_prepared_it_is_priced_at_its_newest_quote(
        self, american_store: Store, sidecar: PricingState, templates: Templates
    ) -> None:
        elsewhere(american_store, "parameters", NEW)
        batches = [[quote("AAPL", 69.0 + n, 60 + n), quote("MSFT", 76.0 + n, 60 + n)] for n in range(3)]
        left: set[Key] = set()
        for batch in batches:
            left |= tick(american_store, sidecar, *batch).pending.unprepared
        assert finish(american_store, sidecar, left).unprepared == set()
        assert seen(american_store, "AAPL") == {(71.0, "2020-03-09")}
        assert contents(american_store) == in_place(templates, ("parameters", NEW), *batches)
        assert tick(american_store, sidecar, quote("AAPL", 72.0, 90)).pending.unprepared == set()

    def test_a_handful_of_boundaries_is_found_in_place(self, american_store: Store, sidecar: PricingState) -> None:
        elsewhere(american_store, "trades", american("AAPL", 400), american("AAPL", 401))
        assert tick(american_store, sidecar, quote("AAPL", 69.0, 60)).pending.unprepared == set()
        assert {spot for spot, _ in seen(american_store, "AAPL")} == {69.0}

    def test_several_handfuls_are_not(self, american_store: Store, sidecar: PricingState) -> None:
        """Each of the two would do, not both in one transaction."""
        elsewhere(american_store, "trades", *(american("AAPL", 400 + n) for n in range(COUNT // 2)))
        elsewhere(american_store, "trades", *(american("MSFT", 400 + n) for n in range(COUNT // 2)))
        batch = [quote("AAPL", 69.0, 60), quote("MSFT", 76.0, 60)]
        assert tick(american_store, sidecar, *batch).pending.unprepared == {(MONDAY, "MSFT")}

    def test_a_first_quote_makes_trades_wait_and_says_so(
        self, american_store: Store, sidecar: PricingState, templates: Templates
    ) -> None:
        coming = [american("OXY", number) for number in range(COUNT)]
        elsewhere(american_store, "trades", *coming)
        assert reasons(american_store)["OXY-000"][0] == "no quote"
        left = tick(american_store, sidecar, quote("OXY", 70.0, 60)).pending.unprepared
        assert left == {(MONDAY, "OXY")}
        waiting = ("waiting for its engine", "its exercise boundary is being found")
        assert set(reasons(american_store).values()) == {waiting}
        finish(american_store, sidecar, left)
        assert reasons(american_store) == {}
        steps = [("trades", one) for one in coming]
        assert contents(american_store) == in_place(templates, *steps, [quote("OXY", 70.0, 60)])

    def test_a_new_trade_on_it_is_priced_at_once(self, american_store: Store, sidecar: PricingState) -> None:
        elsewhere(american_store, "parameters", NEW)
        left = tick(american_store, sidecar, quote("AAPL", 69.0, 60)).pending.unprepared
        change_records(american_store, sidecar, "trades", [american("AAPL", 500)], source="kafka")
        with american_store.read() as connection:
            rows = sensitivities_frame(connection, MONDAY).set_index("trade_id")
        assert rows.loc["AAPL-500", "spot"] == 69.0
        assert rows.loc["AAPL-000", "spot"] == 68.0
        assert finish(american_store, sidecar, left).unprepared == set()
        assert seen(american_store, "AAPL") == {(69.0, "2020-03-09")}

    def test_who_waits_has_it_priced_here_and_now(self, american_store: Store, sidecar: PricingState) -> None:
        elsewhere(american_store, "parameters", NEW)
        batch = [quote("AAPL", 69.0, 60)]
        applied = apply_quotes(american_store, sidecar, batch, source="append", wait_for_slow=True)
        assert applied.pending == DeferredWork()
        assert seen(american_store, "AAPL") == {(69.0, "2020-03-09")}


class TestChangedMeanwhile:
    @pytest.fixture
    def left(self, american_store: Store, sidecar: PricingState) -> set[Key]:
        elsewhere(american_store, "parameters", NEW)
        return tick(american_store, sidecar, quote("AAPL", 69.0, 60)).pending.unprepared

    def check(self, store: Store, state: PricingState, left: set[Key], templates: Templates, *steps: Any) -> None:
        """After as many rounds as it takes the store is as if nobody had left anything."""
        rounds = 0
        while left:
            left = finish(store, state, left).unprepared
            rounds += 1
            assert rounds < 5
        assert contents(store) == in_place(templates, ("parameters", NEW), [quote("AAPL", 69.0, 60)], *steps)

    def test_a_trade(self, american_store: Store, sidecar: PricingState, left: set[Key], templates: Templates) -> None:
        preparation = sidecar.preparation(*AAPL)
        assert preparation is not None
        made = preparation.run()
        changed = american("AAPL", 0, strike=75.0, quantity=-3.0)
        elsewhere(american_store, "trades", changed)
        sidecar.take(made)
        self.check(american_store, sidecar, left, templates, ("trades", changed))

    def test_many_trades(
        self, american_store: Store, sidecar: PricingState, left: set[Key], templates: Templates, gate: Gate
    ) -> None:
        """So many that they are prepared beside it again: those alone, not all of them."""
        preparation = sidecar.preparation(*AAPL)
        assert preparation is not None
        made = preparation.run()
        changed = [american("AAPL", n, maturity=date(2021, 1, 1 + n)) for n in range(COUNT - 5)]
        elsewhere(american_store, "trades", *changed)
        sidecar.take(made)
        assert price_deferred_pricers(american_store, sidecar, left, source="replay").unprepared == {AAPL}
        before = gate.count("")
        assert finish(american_store, sidecar, left).unprepared == set()
        assert gate.count("") - before == COUNT - 5
        self.check(american_store, sidecar, set(), templates, *(("trades", one) for one in changed))

    def test_a_trade_that_was_terminated(self, american_store: Store, sidecar: PricingState, left: set[Key]) -> None:
        preparation = sidecar.preparation(*AAPL)
        assert preparation is not None
        made = preparation.run()
        ended = american("AAPL", 0, trade_status="Terminated")
        elsewhere(american_store, "trades", ended)
        sidecar.take(made)
        finish(american_store, sidecar, left)
        with american_store.read() as connection:
            rows = sensitivities_frame(connection, MONDAY).set_index("trade_id")
        assert rows.loc["AAPL-000", "spot"] == 68.0, "its last value of the day"
        assert rows.loc["AAPL-001", "spot"] == 69.0

    def test_the_parameters_again(
        self, american_store: Store, sidecar: PricingState, left: set[Key], templates: Templates
    ) -> None:
        preparation = sidecar.preparation(*AAPL)
        assert preparation is not None
        made = preparation.run()
        newer = parameters("AAPL", 0.66, MONDAY)
        elsewhere(american_store, "parameters", newer)
        sidecar.take(made)
        assert price_deferred_pricers(american_store, sidecar, left, source="replay").unprepared == {AAPL}
        self.check(american_store, sidecar, left, templates, ("parameters", newer))

    def test_the_date(self, american_store: Store, sidecar: PricingState, left: set[Key], templates: Templates) -> None:
        """The close of the day before is priced all the same, and a trade that has come since gets none."""
        roll = [quote("AAPL", 70.0, day=TUESDAY), quote("MSFT", 77.0, day=TUESDAY)]
        assert tick(american_store, sidecar, *roll).pending.unprepared == set()
        assert seen(american_store, "AAPL") == {(68.0, "2020-03-09")}
        late = american("AAPL", 800)
        elsewhere(american_store, "trades", late)
        self.check(american_store, sidecar, left, templates, roll, ("trades", late))

    @pytest.mark.parametrize("inherited", [False, True])
    def test_quotes_of_a_date_that_is_over(
        self, american_store: Store, sidecar: PricingState, templates: Templates, inherited: bool
    ) -> None:
        """They are priced there too: on their own date, and on a later one that has no quote of its own."""
        roll = [quote("MSFT", 77.0, day=TUESDAY)] + ([] if inherited else [quote("AAPL", 70.0, day=TUESDAY)])
        next_roll = [quote("AAPL", 71.0, day=WEDNESDAY), quote("MSFT", 78.0, day=WEDNESDAY)]
        for batch in (roll, next_roll):
            tick(american_store, sidecar, *batch)
        coming = [american("AAPL", 900 + number) for number in range(COUNT)]
        elsewhere(american_store, "trades", *coming)
        late = [quote("AAPL", 66.0, 90)]
        left = tick(american_store, sidecar, *late).pending.unprepared
        assert left == {(MONDAY, "AAPL")} | ({(TUESDAY, "AAPL")} if inherited else set())
        while left:
            left = finish(american_store, sidecar, left).unprepared
        steps = [("trades", one) for one in coming]
        assert contents(american_store) == in_place(templates, roll, next_roll, *steps, late)

    def test_a_restart_takes_the_date_off(self, american_store: Store, sidecar: PricingState, left: set[Key]) -> None:
        with american_store.bookkeeping() as connection:
            claim_feed(connection, "replay", "me", 1, datetime.now(UTC), 10.0, None)
        apply_quotes(american_store, sidecar, [quote("AAPL", 70.0, day=TUESDAY)], source="replay")
        later = {(TUESDAY, "AAPL")}
        restart_replay(american_store, sidecar, feed="replay", owner="me", first_date=TUESDAY, cursor={"row": 0})
        assert finish(american_store, sidecar, later | left).unprepared == set()
        assert seen(american_store, "AAPL", TUESDAY) == set()
        assert reasons(american_store, TUESDAY) == {}
        assert seen(american_store, "AAPL") == {(69.0, "2020-03-09")}

    def test_the_owner_of_the_feed(self, american_store: Store, sidecar: PricingState, left: set[Key]) -> None:
        with american_store.bookkeeping() as connection:
            claim_feed(connection, "replay", "another", 1, datetime.now(UTC), 10.0, None)
        prepare(sidecar, left)
        with pytest.raises(FeedLost):
            price_deferred_pricers(american_store, sidecar, left, source="replay", holder=Holder("replay", "me"))
        assert seen(american_store, "AAPL") == {(68.0, "2020-03-09")}


class TestKilled:
    """Whoever left an underlying died before it was priced."""

    def test_the_next_start_prices_it(self, american_store: Store, sidecar: PricingState, templates: Templates) -> None:
        elsewhere(american_store, "parameters", NEW)
        assert tick(american_store, sidecar, quote("AAPL", 69.0, 60)).pending.unprepared == {AAPL}
        assert price_newest(american_store, PricingState(), source="sidecar").unprepared == set()
        assert contents(american_store) == in_place(templates, ("parameters", NEW), [quote("AAPL", 69.0, 60)])

    @pytest.mark.parametrize("never_valued", [False, True])
    def test_the_next_start_prices_its_close_too(
        self, american_store: Store, sidecar: PricingState, templates: Templates, never_valued: bool
    ) -> None:
        """It rolled in between, and trades came that have no close and must get none."""
        ticker = "OXY" if never_valued else "AAPL"
        coming = [american("OXY", number) for number in range(COUNT)]
        if never_valued:
            elsewhere(american_store, "trades", *coming)
        else:
            elsewhere(american_store, "parameters", NEW)
        last = [quote(ticker, 69.0, 60)]
        assert tick(american_store, sidecar, *last).pending.unprepared == {(MONDAY, ticker)}
        roll = [quote("AAPL", 70.0, day=TUESDAY), quote("OXY", 71.0, day=TUESDAY)]
        assert tick(american_store, sidecar, *roll).pending.unprepared == set()
        late = trade("E1", ticker=ticker)
        elsewhere(american_store, "trades", late)
        price_newest(american_store, PricingState(), source="sidecar")
        steps = [("trades", one) for one in coming] if never_valued else [("parameters", NEW)]
        assert contents(american_store) == in_place(templates, *steps, last, roll, ("trades", late))

    def test_a_close_that_is_there_is_not_priced_again(self, american_store: Store, sidecar: PricingState) -> None:
        roll = [quote("AAPL", 70.0, day=TUESDAY), quote("MSFT", 77.0, day=TUESDAY)]
        tick(american_store, sidecar, *roll)
        closes = contents(american_store, before=TUESDAY, with_revision=True)
        elsewhere(american_store, "parameters", NEW)
        price_newest(american_store, PricingState(), source="sidecar")
        assert contents(american_store, before=TUESDAY, with_revision=True) == closes


class TestAhead:
    def test_the_next_date_is_ready_before_the_roll(
        self, american_store: Store, sidecar: PricingState, gate: Gate
    ) -> None:
        ahead = list(sidecar.builds_ahead())
        assert [preparation.key for preparation in ahead] == [(TUESDAY, "AAPL"), (TUESDAY, "MSFT")]
        for preparation in ahead:
            sidecar.take(preparation.run())
        assert list(sidecar.builds_ahead()) == []
        before = gate.count("")
        roll = [quote("AAPL", 70.0, day=TUESDAY), quote("MSFT", 77.0, day=TUESDAY)]
        assert tick(american_store, sidecar, *roll).pending.unprepared == set()
        assert gate.count("") == before
        assert seen(american_store, "AAPL", TUESDAY) == {(70.0, "2020-03-06")}

    def test_the_newest_date_comes_first(self, american_store: Store, sidecar: PricingState) -> None:
        elsewhere(american_store, "parameters", NEW)
        sidecar.catch_up(american_store)
        assert next(sidecar.builds_ahead()).key == AAPL

    def test_trades_that_came_since_are_added_to_it(
        self, american_store: Store, sidecar: PricingState, gate: Gate
    ) -> None:
        for preparation in sidecar.builds_ahead():
            sidecar.take(preparation.run())
        change_records(american_store, sidecar, "trades", [american("AAPL", 600)], source="kafka")
        before = gate.count("")
        for preparation in sidecar.builds_ahead():
            sidecar.take(preparation.run())
        assert gate.count("") - before == 1
        ready = sidecar.ready(TUESDAY, "AAPL")
        assert ready is not None
        assert len(ready.prepared.trade_ids) == COUNT + 1

    def test_what_is_told_once_is_told_at_the_new_date_too(self, american_store: Store, sidecar: PricingState) -> None:
        """Made ready long before, an underlying still says at the roll which of its trades cannot be priced."""
        expired = american("AAPL", 700, maturity=MONDAY)
        change_records(american_store, sidecar, "trades", [expired], source="test")
        for preparation in sidecar.builds_ahead():
            sidecar.take(preparation.run())
        tick(american_store, sidecar, quote("AAPL", 70.0, day=TUESDAY))
        assert reasons(american_store, TUESDAY)["AAPL-700"][0] == "expired"

    def test_memory_is_bounded(self, american_store: Store, sidecar: PricingState) -> None:
        """The next date, the newest and the one before it, however many days go by."""
        for day in range(10, 14):
            tick(american_store, sidecar, quote("AAPL", 68.0, day=date(2020, 3, day)))
            for preparation in sidecar.builds_ahead():
                sidecar.take(preparation.run())
        tick(american_store, sidecar, quote("AAPL", 69.0, 1, day=date(2020, 3, 13)))
        kept = {
            day
            for day in range(9, 20)
            if (preparation := sidecar.preparation(date(2020, 3, day), "AAPL")) is None or preparation.base is not None
        }
        assert kept == {12, 13, 16}


def test_slow_values_never_make_a_transaction_find_boundaries(
    american_store: Store, sidecar: PricingState, gate: Gate
) -> None:
    """New parameters came while the worker was at it: the underlying is prepared first."""
    steep = {**parameters("AAPL", 0.03), "as_of_date": MONDAY, "risk_free_rate": 0.1}
    elsewhere(american_store, "parameters", steep)
    left = tick(american_store, sidecar, quote("AAPL", 69.0, 60)).pending.unprepared
    (work,) = finish(american_store, sidecar, left).slow_work
    assert len(work.prepared.slow_groups[0].rows) == COUNT
    elsewhere(american_store, "parameters", NEW)
    before = gate.count("")
    again = apply_slow_values(american_store, sidecar, [SlowResult(work, [])], source="replay")
    assert (again.slow_work, again.unprepared) == ([], {AAPL})
    assert gate.count("") == before
    with american_store.read() as connection:
        assert len(read_records(connection, "trades")) == 2 * COUNT
