"""What was selected is what was seen: all that matched, whatever came to the store since."""

from typing import Any

import pytest

from services.pricing.pricing_state import PricingState
from services.tagging.tag_effect import tag_effect
from services.tagging.trade_selection import MatchingTrades, NamedTrades
from storage.core.database import Store
from storage.read_models.trade_list import TradeFilter, count_trades, matching_trades, passes
from tests.fixtures.applying import change_records
from tests.fixtures.small_book import SMALL_BOOK, trade
from tests.storage.test_text_search import SEARCHES, TRADES

LIVE = TradeFilter(statuses=("Live",), books=("EQ_VOL_HED",))
THEN = {"A1": "Live", "C1": "Live", "N1": "Live", "P1": "Live", "S1": "Live", "X1": "Live"}


def selected(store: Store, chosen: TradeFilter = LIVE) -> MatchingTrades:
    with store.read() as connection:
        return MatchingTrades(chosen, store.revisions(connection).revision, count_trades(connection, chosen))


def change(store: Store, state: PricingState, trade_id: str, **changes: Any) -> None:
    known = next((each for each in SMALL_BOOK if each["trade_id"] == trade_id), trade(trade_id))
    change_records(store, state, "trades", [{**known, **changes}], source="somebody")


def test_all_that_match_are_those_that_did_when_they_were_seen(small_store: Store, state: PricingState) -> None:
    selection = selected(small_store)
    assert selection.count == len(THEN)
    change(small_store, state, "C1", trade_status="Terminated")  # passes no more: it was seen
    change(small_store, state, "P1", book="EQ_OTHER")
    change(small_store, state, "M1", book="EQ_VOL_HED")  # passes now: it was not seen
    change(small_store, state, "T1", trade_status="Live")
    change(small_store, state, "NEW")
    change(small_store, state, "A1", quantity=1.0)
    with small_store.read() as connection:
        assert selection.seen(connection) == THEN
        assert set(matching_trades(connection, LIVE)) != set(THEN)


def test_what_is_decided_about_conflicts(small_store: Store, state: PricingState) -> None:
    for selection in (selected(small_store), NamedTrades(THEN)):
        change(small_store, state, "C1", trade_status="Terminated")
        with small_store.read() as connection:
            revision = small_store.revisions(connection).revision
        change(small_store, state, "P1", trade_status="Terminated")  # nobody was told of this one
        conflicts = {"C1": "Terminated"}
        with small_store.read() as connection:
            every = selection.decided(conflicts, revision, theirs_too=True)
            assert every.seen(connection) == {**THEN, "C1": "Terminated"}
            assert every.count == 6
            others = selection.decided(conflicts, revision, theirs_too=False)
            assert others.seen(connection) == {name: "Live" for name in THEN if name != "C1"}
            assert others.count == 5
        change(small_store, state, "C1")
        change(small_store, state, "P1")


def test_versions_pass_a_filter_as_the_store_says(store: Store, state: PricingState) -> None:
    change_records(store, state, "trades", TRADES, source="file")
    records = [{**each, "maturity": each["maturity"] and each["maturity"].isoformat()} for each in TRADES]
    for text, expected in SEARCHES:
        found = {each["trade_id"] for each in records if passes(TradeFilter(text=text), each, "file")}
        assert found == expected, text
    filters = [
        TradeFilter(statuses=("Terminated",)),
        TradeFilter(books=("EQ_VOL_HED",), tickers=("AAPL",)),
        *(TradeFilter(expired_at=each["maturity"]) for each in TRADES if each["maturity"]),
    ]
    with store.read() as connection:
        for chosen in filters:
            found = {each["trade_id"] for each in records if passes(chosen, each, "file")}
            assert found == set(matching_trades(connection, chosen)), chosen


@pytest.mark.parametrize(("status", "expected"), [("Terminated", (5, 1, 5, 0)), ("Live", (1, 5, 0, 1))])
def test_the_effect_on_the_totals(small_store: Store, status: str, expected: tuple[int, ...]) -> None:
    selection = NamedTrades({"C1": "Live", "P1": "Live", "S1": "Live", "M1": "Live", "N1": "Live", "T1": "Terminated"})
    with small_store.read() as connection:
        effect = tag_effect(connection, selection, status)
        worth = tag_effect(connection, NamedTrades({"S1": "Live"}), status)
    assert (effect.changing, effect.unchanged, effect.leaving, effect.entering) == expected
    assert set(effect.sums) == ({"USD"} if effect.leaving else set())
    assert effect.without_value == (1 if effect.leaving else 0), "N1 has no quote"
    if status == "Terminated":
        assert worth.sums["USD"] == pytest.approx((-300 * 68.0, -300 * 68.0, 0.0))


def test_what_is_not_known_leaves_with_no_sum_and_currencies_apart(small_store: Store, state: PricingState) -> None:
    instrument = {"ticker": "MSFT", "name": "Microsoft", "sector": "IT", "region": "EMEA", "currency": "EUR"}
    change_records(small_store, state, "instruments", [instrument], source="file")
    with small_store.read() as connection:
        unpriced = tag_effect(connection, NamedTrades({"N1": "Live"}), "Terminated")
        mixed = tag_effect(connection, NamedTrades({"S1": "Live", "M1": "Live", "N1": "Live"}), "Terminated")
    assert (dict(unpriced.sums), unpriced.without_value) == ({}, 1)
    assert set(mixed.sums) == {"USD", "EUR"}
    assert mixed.sums["USD"][0] == pytest.approx(-300 * 68.0)
