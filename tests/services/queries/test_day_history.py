"""The lines of a day: each point is of what was known then, costs what changed, and holds nobody up."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from threading import Event, Thread
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from engine.measures import DAY_PNL
from engine.selection import TradeSelection
from engine.valuation import pricer_build
from engine.valuation.underlying_pricer import UnderlyingPricer
from services.pricing.pricing_state import PricingState
from services.queries.day_history import DayHistories, DayHistory
from storage.core.database import Store
from storage.core.schema import sensitivities
from storage.market.quotes import Quote
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.databases import Templates
from tests.fixtures.small_book import MONDAY, PARAMETERS, TUESDAY, load_small_book, quote, stock, trade

CLOSE, NEXT = date(2020, 3, 6), date(2020, 3, 9)
APPLE = TradeSelection(("Live",), (), (), "AAPL")
ALL = TradeSelection(("Live",))


def test_without_a_previous_close_the_days_gain_is_not_known(demo_store: Store) -> None:
    """The oldest close of the demo's history that is priced."""
    frame = DayHistories(demo_store).of(date(2020, 3, 2), APPLE).frame
    assert len(frame)
    assert frame[DAY_PNL.name].isna().all()
    assert frame["cash_delta"].notna().all()


def test_with_one_it_is(demo_store: Store) -> None:
    at = datetime(2020, 3, 9, 14, tzinfo=UTC)
    apply_quotes(demo_store, PricingState(), [Quote(NEXT, "AAPL", 66.0, at)], source="test")
    frame = DayHistories(demo_store).of(NEXT, APPLE).frame
    assert frame[DAY_PNL.name].notna().all()
    assert abs(frame[DAY_PNL.name].iloc[-1]) > 1


def ticks(day: date, count: int, first: float = 68.0) -> list[Quote]:
    """A quote of both underlyings every ten minutes, so that each is a point."""
    return [
        quote(ticker, (first if ticker == "AAPL" else 150.0) + number, 600 * number + second, day)
        for number in range(count)
        for second, ticker in enumerate(("AAPL", "MSFT"))
    ]


def bring(store: Store, state: PricingState, quotes: list[Quote]) -> None:
    """One after the other, as a feed does."""
    for one in quotes:
        apply_quotes(store, state, [one], source="test")


def test_currencies_are_not_added_up(small_store: Store, state: PricingState) -> None:
    instrument = {"ticker": "MSFT", "name": "Microsoft", "sector": "IT", "region": "EMEA", "currency": "EUR"}
    change_records(small_store, state, "instruments", [instrument], source="t")
    bring(small_store, state, ticks(MONDAY, 2))
    histories = DayHistories(small_store)
    both, one = histories.of(MONDAY, ALL), histories.of(MONDAY, APPLE)
    assert (both.currencies, one.currencies) == (("EUR", "USD"), ("USD",))
    assert both.frame[["cash_delta", "vega_1pt", DAY_PNL.name]].isna().all(axis=None)
    assert one.frame["cash_delta"].notna().all()


def stored_sum(store: Store, day: date, measure: str) -> float:
    with store.read() as connection:
        column = func.sum(sensitivities.c[measure])
        return float(connection.execute(select(column).where(sensitivities.c.as_of_date == day)).scalar_one())


def same(one: DayHistory, other: DayHistory) -> None:
    pd.testing.assert_frame_equal(one.frame, other.frame, rtol=1e-9, atol=1e-6)
    assert one.left_out == other.left_out


LATER: dict[str, Callable[[Store, PricingState], Any]] = {
    "amended": lambda store, state: change_records(store, state, "trades", [trade("C1", quantity=990.0)], source="t"),
    "booked": lambda store, state: change_records(store, state, "trades", [stock("S9", quantity=1e6)], source="t"),
    "terminated": lambda store, state: change_records(
        store,
        state,
        "trades",
        [trade("C1", trade_status="Terminated"), stock("S1", trade_status="Terminated")],
        source="t",
    ),
    "of another book": lambda store, state: change_records(store, state, "trades", [trade("C1", book="X")], source="t"),
    "of another underlying": lambda store, state: change_records(
        store, state, "trades", [trade("C1", ticker="MSFT")], source="t"
    ),
    "other parameters": lambda store, state: change_records(
        store, state, "parameters", [{**PARAMETERS[0], "implied_vol": 0.9}], source="t"
    ),
}


class TestAnEarlierDate:
    @pytest.mark.parametrize("what", LATER)
    def test_keeps_the_lines_that_it_had(self, small_store: Store, state: PricingState, what: str) -> None:
        bring(small_store, state, ticks(MONDAY, 3))
        kept = DayHistories(small_store)
        before = kept.of(MONDAY, ALL)
        bring(small_store, state, ticks(TUESDAY, 1))
        LATER[what](small_store, state)
        bring(small_store, state, ticks(TUESDAY, 2, 75.0))
        for histories in (kept, DayHistories(small_store)):
            after = histories.of(MONDAY, ALL)
            same(after, before)
            for measure in ("cash_delta", "vega_1pt"):
                assert after.frame[measure].iloc[-1] == pytest.approx(stored_sum(small_store, MONDAY, measure))

    def test_a_trade_of_another_book_is_drawn_in_the_book_that_it_was_in(
        self, small_store: Store, state: PricingState
    ) -> None:
        bring(small_store, state, ticks(MONDAY, 2))
        bring(small_store, state, ticks(TUESDAY, 1))
        before = DayHistories(small_store).of(MONDAY, TradeSelection(books=("EQ_VOL_HED",)))
        LATER["of another book"](small_store, state)
        same(DayHistories(small_store).of(MONDAY, TradeSelection(books=("EQ_VOL_HED",))), before)
        assert DayHistories(small_store).of(MONDAY, TradeSelection(books=("X",))).frame.empty


class TestToday:
    @pytest.mark.parametrize("what", [what for what in LATER if what != "of another book"])
    def test_a_change_is_in_the_last_point_alone(self, small_store: Store, state: PricingState, what: str) -> None:
        bring(small_store, state, ticks(MONDAY, 4))
        kept = DayHistories(small_store)
        before = kept.of(MONDAY, ALL).frame["cash_delta"].tolist()
        LATER[what](small_store, state)
        for histories in (kept, DayHistories(small_store)):
            after = histories.of(MONDAY, ALL).frame["cash_delta"].tolist()
            assert after[:-1] == pytest.approx(before[:-1])
            assert after[-1] != pytest.approx(before[-1])

    def test_the_last_point_is_what_the_board_says(self, small_store: Store, state: PricingState) -> None:
        bring(small_store, state, ticks(MONDAY, 2))
        bring(small_store, state, ticks(TUESDAY, 2, 70.0))
        frame = DayHistories(small_store).of(TUESDAY, ALL).frame
        gain = stored_sum(small_store, TUESDAY, "market_value") - stored_sum(small_store, MONDAY, "market_value")
        assert frame[DAY_PNL.name].iloc[-1] == pytest.approx(gain)
        assert frame["cash_delta"].iloc[-1] == pytest.approx(stored_sum(small_store, TUESDAY, "cash_delta"))

    def test_trades_that_come_after_the_quotes_are_the_book_of_the_whole_day(
        self, store: Store, state: PricingState
    ) -> None:
        apply_quotes(store, state, ticks(MONDAY, 3), source="a file")
        load_small_book(store, state)
        frame = DayHistories(store).of(MONDAY, ALL).frame
        assert (frame["cash_delta"].abs() > 1).all()

    def test_an_underlying_that_nobody_quoted_before_is_drawn_from_then_on(
        self, small_store: Store, state: PricingState
    ) -> None:
        bring(small_store, state, ticks(MONDAY, 2))
        kept = DayHistories(small_store)
        kept.of(MONDAY, ALL)
        change_records(small_store, state, "trades", [stock("O1", ticker="OXY", quantity=7.0)], source="t")
        bring(small_store, state, [quote("OXY", 10.0, 1200), *ticks(MONDAY, 4)[-2:]])
        same(kept.of(MONDAY, ALL), DayHistories(small_store).of(MONDAY, ALL))
        oxy = kept.of(MONDAY, TradeSelection(ticker="OXY")).frame
        assert oxy["cash_delta"].tolist() == [70.0]

    def test_a_late_quote_makes_its_point_anew(self, small_store: Store, state: PricingState) -> None:
        bring(small_store, state, ticks(MONDAY, 3))
        kept = DayHistories(small_store)
        kept.of(MONDAY, ALL)
        bring(small_store, state, [quote("AAPL", 50.0, 602.0)])
        after = kept.of(MONDAY, APPLE)
        assert after.frame["quote"].tolist() == [68.0, 50.0, 70.0]
        same(after, DayHistories(small_store).of(MONDAY, APPLE))


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["tick", "other tick", "late", *LATER, "new date"]), st.integers(1, 4)),
    min_size=3,
    max_size=12,
)


@given(actions=ACTIONS)
@settings(max_examples=15)
def test_lines_that_were_followed_are_those_that_are_read_afresh(
    templates: Templates, actions: list[tuple[str, int]]
) -> None:
    store, state = Store(templates.copy("sqlite", "empty", lambda _: None, None)), PricingState()
    load_small_book(store, state)
    apply_quotes(store, state, ticks(MONDAY, 1), source="test")
    kept, day, seconds = DayHistories(store), MONDAY, 10.0
    for what, size in actions:
        seconds += 100.0 * size
        if what == "new date":
            day = TUESDAY
        if what in LATER:
            LATER[what](store, state)
        else:
            ticker = "MSFT" if what == "other tick" else "AAPL"
            when = seconds - 400.0 if what == "late" else seconds
            apply_quotes(store, state, [quote(ticker, 60.0 + size, max(when, 0.0), day)], source="test")
        for as_of in {MONDAY, day}:
            for selection in (ALL, APPLE):
                same(kept.of(as_of, selection), DayHistories(store).of(as_of, selection))
    store.close()


class TestCost:
    @pytest.fixture
    def prepared(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """How many trades each preparation took."""
        rows: list[int] = []
        original = pricer_build.prepare_trades  # type: ignore[attr-defined]

        def counted(ticker: str, trades: Any, *others: Any) -> UnderlyingPricer:
            rows.append(len(trades.trade_id))
            return original(ticker, trades, *others)

        monkeypatch.setattr(pricer_build, "prepare_trades", counted)
        return rows

    def test_a_new_trade_costs_itself(self, small_store: Store, state: PricingState, prepared: list[int]) -> None:
        bring(small_store, state, ticks(MONDAY, 5))
        histories = DayHistories(small_store)
        histories.of(MONDAY, ALL)
        prepared.clear()
        change_records(small_store, state, "trades", [trade("C9")], source="test")
        prepared.clear()  # by whoever wrote it
        histories.of(MONDAY, ALL)
        histories.of(MONDAY, APPLE)
        assert prepared == [1]

    def test_a_tick_and_another_selection_cost_nothing(
        self, small_store: Store, state: PricingState, prepared: list[int]
    ) -> None:
        histories = DayHistories(small_store)
        histories.of(MONDAY, ALL)
        bring(small_store, state, ticks(MONDAY, 3))
        prepared.clear()
        histories.of(MONDAY, ALL)
        histories.of(MONDAY, APPLE)
        assert prepared == []

    def test_static_data_that_change_cost_no_preparing(
        self, small_store: Store, state: PricingState, prepared: list[int]
    ) -> None:
        bring(small_store, state, ticks(MONDAY, 3))
        histories = DayHistories(small_store)
        histories.of(MONDAY, ALL)
        prepared.clear()
        book = {"book": "EQ_OTHER", "desk": "Other", "business_unit": "Equity derivatives", "region": "Asia"}
        change_records(small_store, state, "books", [book], source="test")
        asia = histories.of(MONDAY, TradeSelection(path=("Asia",)))
        assert not asia.frame.empty
        assert prepared == []


class TestOthersMeanwhile:
    def test_get_the_day_as_it_was_and_other_dates_at_once(
        self, small_store: Store, state: PricingState, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bring(small_store, state, ticks(MONDAY, 2))
        bring(small_store, state, ticks(TUESDAY, 2))
        histories = DayHistories(small_store)
        before = histories.of(TUESDAY, ALL)
        change_records(small_store, state, "trades", [trade("C9")], source="test")
        preparing, may_go_on = Event(), Event()
        original = pricer_build.prepare_trades  # type: ignore[attr-defined]

        def held_up(*given: Any) -> UnderlyingPricer:
            if not preparing.is_set():
                preparing.set()
                assert may_go_on.wait(60)
            return original(*given)

        monkeypatch.setattr(pricer_build, "prepare_trades", held_up)
        found: list[DayHistory] = []
        first = Thread(target=lambda: found.append(histories.of(TUESDAY, ALL)))
        first.start()
        try:
            assert preparing.wait(60)
            same(histories.of(TUESDAY, ALL), before)
            assert not histories.of(MONDAY, ALL).frame.empty
        finally:
            may_go_on.set()
            first.join(60)
        with pytest.raises(AssertionError):
            same(found[0], before)
        same(histories.of(TUESDAY, ALL), found[0])
