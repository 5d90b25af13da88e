"""Everything about a trade, as the store has it: values and why there are none, sources, versions, tags, its day."""

import csv
import io
from datetime import date
from typing import Any

import pytest
from sqlalchemy import update

from engine.measures import MEASURES
from engine.model import FALLBACK_PARAMETERS
from engine.pricing.black_scholes import BlackScholesEngine
from services.access.permissions import Role, User
from services.exports.export_table import ExportForm, export_table
from services.exports.trade_frame import detail_frame
from services.pricing.pricing_state import PricingState
from services.pricing.repricing_scope import RepricingScope
from services.pricing.unit_of_work import unit_of_work
from services.queries.trade_day import trade_day
from services.queries.trade_detail import TradeDetail, is_reported, placed, read_trade_detail
from services.records.incoming import Incoming
from services.tagging.tag_trades import tag_trades
from services.writes.apply_incoming import apply_incoming
from services.writes.take_back import take_back_records
from storage.core.database import Store
from storage.core.known_at import withdraw_revision
from storage.core.schema import quote_versions, trades
from storage.people.uploads import stored_rows
from storage.read_models.one_trade import nearest_ids
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.small_book import MONDAY, PARAMETERS, TUESDAY, quote, trade
from tests.services.writes.test_apply_incoming import report, reported

MIA = User("Mia", frozenset({Role.MANAGER}))


def story_of(store: Store, trade_id: str = "C1", day: date | None = None) -> TradeDetail:
    with store.read() as connection:
        found = read_trade_detail(connection, trade_id, day)
    assert found is not None
    return found


def day_of(store: Store, trade_id: str = "C1", day: date = MONDAY) -> Any:
    with store.read() as connection:
        return trade_day(connection, trade_id, "AAPL", day)


class TestStory:
    def test_what_it_is_and_what_it_is_worth(self, small_store: Store) -> None:
        detail = story_of(small_store)
        assert detail.contract == "AAPL Jun 20 70 call"
        assert (detail.book or {})["desk"] == "Vol hedging"
        assert (detail.instrument or {})["sector"] == "Technology"
        assert (detail.as_of, detail.is_past_maturity, detail.no_value) == (MONDAY, False, None)
        own = detail.own
        assert own is not None
        assert set(own.measures) == {measure.name for measure in MEASURES}
        assert own.measures["market_value"] == pytest.approx((own.measures["unit_price"] or 0) * 10 * 100)
        assert (own.spot, own.priced_by, own.source) == (68.0, BlackScholesEngine.name, "engine")
        assert (own.observed_at, own.priced_at is not None) == (quote("AAPL", 1).observed_at, True)
        assert (detail.quote or {})["quote"] == 68.0
        assert detail.parameter_values["implied_vol"] == 0.4
        assert detail.parameters_from == "AAPL's own, from test"
        assert (detail.parameters or {})["as_of_date"] == MONDAY
        assert (detail.close, detail.day_pnl) == (None, None)

    def test_the_article_s_parameters_where_the_ticker_has_none(self, small_store: Store) -> None:
        detail = story_of(small_store, "M1")
        assert detail.parameters is None
        assert detail.parameter_values == FALLBACK_PARAMETERS
        assert detail.parameters_from == "default, because MSFT has none of its own"
        assert detail.book is None, "nobody has described it"

    def test_a_close_says_what_it_was_priced_with(self, small_store: Store, state: PricingState) -> None:
        apply_quotes(small_store, state, [quote("AAPL", 71.0, day=TUESDAY)], source="test")
        change_records(small_store, state, "parameters", [{**PARAMETERS[0], "implied_vol": 0.8}], source="test")
        close, today = (story_of(small_store, day=day) for day in (MONDAY, TUESDAY))
        assert close.parameter_values["implied_vol"] == 0.4
        assert close.changed_parameters == {"implied_vol": 0.8}
        assert close.parameters_from == "kept with this value; other ones were loaded since"
        assert (today.parameter_values["implied_vol"], today.changed_parameters) == (0.8, {})
        assert today.parameters_from == "AAPL's own, from test"

    def test_the_day_s_gain_is_against_the_close(self, small_store: Store, state: PricingState) -> None:
        apply_quotes(small_store, state, [quote("AAPL", 71.0, day=TUESDAY)], source="test")
        detail = story_of(small_store)
        assert (detail.as_of, detail.close_date) == (TUESDAY, MONDAY)
        own, close = detail.own, detail.close
        assert own is not None
        assert close is not None
        assert detail.day_pnl == pytest.approx(
            (own.measures["market_value"] or 0) - (close.measures["market_value"] or 0), rel=1e-12
        )
        assert (detail.day_pnl or 0) > 0
        before = story_of(small_store, day=MONDAY)
        assert before.own is not None
        assert (before.as_of, before.own.spot, before.day_pnl) == (MONDAY, 68.0, None)

    @pytest.mark.parametrize(
        ("trade_id", "reason", "remediation"),
        [
            ("X1", "expired", "Set its status to Terminated"),
            ("N1", "no quote", "Load a quote of OXY"),
            ("T1", "not priced by its status", "Set its status to Live"),
        ],
    )
    def test_why_there_is_no_value_and_how_to_fix_it(
        self, small_store: Store, trade_id: str, reason: str, remediation: str
    ) -> None:
        detail = story_of(small_store, trade_id)
        assert detail.own is None
        assert detail.no_value is not None
        assert detail.no_value.reason == reason
        assert detail.no_value.detail
        assert remediation in detail.no_value.remediation

    def test_a_store_without_quotes_says_so(self, store: Store, state: PricingState) -> None:
        change_records(store, state, "trades", [trade("C1")], source="test")
        detail = story_of(store)
        assert detail.no_value is not None
        assert (detail.as_of, detail.no_value.reason) == (None, "nothing is priced")
        assert len(detail_frame(detail)) > 10

    def test_what_others_reported_stands_beside(self, small_store: Store, state: PricingState) -> None:
        report(small_store, state, reported("C1", "VIX", 7.5), source="risk.csv")
        report(small_store, state, reported("P1", "AAPL", 99.0), source="risk.csv")
        (other,) = story_of(small_store).others
        assert (other.risk_factor, other.measures["market_value"], other.source) == ("VIX", 7.5, "risk.csv")
        assert other.measures["vega_1pt"] is None, "not said is not known"
        own = story_of(small_store, "P1").own
        assert own is not None
        assert (is_reported(own), own.measures["market_value"], own.spot) == (True, 99.0, None)

    def test_every_version_says_what_it_changed_and_where_it_came_from(
        self, small_store: Store, state: PricingState
    ) -> None:
        incoming = Incoming()
        incoming.add("trades", trade("C1", quantity=12.0, strike=75.0), "orders, partition 0, offset 7")
        apply_incoming(small_store, state, incoming, source="kafka")
        newest, first = story_of(small_store).versions
        assert newest.changes == (("quantity", 10.0, 12.0), ("strike", 70.0, 75.0))
        assert placed(newest.version.source, newest.version.place) == "kafka, orders, partition 0, offset 7"
        assert (first.is_new, first.changes, placed(first.version.source, first.version.place)) == (True, (), "test")

    def test_a_trade_that_was_taken_away_and_came_again_is_new_again(
        self, small_store: Store, state: PricingState
    ) -> None:
        with unit_of_work(small_store, state, "undo") as work:
            stored = stored_rows(work.unit.connection, trades, [("C1",)])
            withdraw_revision(work.unit, stored[("C1",)]["revision"], "undo")
            take_back_records(work, "trades", stored, RepricingScope())
        with small_store.read() as connection:
            assert read_trade_detail(connection, "C1") is None
        change_records(small_store, state, "trades", [trade("C1", quantity=3.0)], source="again")
        newest, removed, first = story_of(small_store).versions
        assert (newest.is_new, removed.version.removed, first.is_new) == (True, True, True)
        assert newest.changes == removed.changes == ()

    def test_tags_are_told_with_their_reasons(self, small_store: Store, state: PricingState) -> None:
        tag_trades(small_store, state, MIA, {"C1": "Live", "P1": "Live"}, "Terminated", "sold", "by phone")
        detail = story_of(small_store)
        (stored,) = detail.tags
        assert (stored.entry.user_name, stored.entry.reason, stored.entry.note) == ("Mia", "sold", "by phone")
        assert detail.versions[0].changes == (("trade_status", "Live", "Terminated"),)
        assert detail.status is not None
        assert not detail.status.is_priced

    def test_a_trade_that_is_not_there(self, small_store: Store) -> None:
        with small_store.read() as connection:
            assert read_trade_detail(connection, "nope") is None
            assert nearest_ids(connection, "c1")[0] == "C1"
            assert nearest_ids(connection, "C%")[0] == "C1"
            assert len(nearest_ids(connection, "zz")) == 8

    @pytest.mark.parametrize("form", list(ExportForm))
    def test_the_story_is_exported(self, small_store: Store, form: ExportForm) -> None:
        content = export_table(detail_frame(story_of(small_store)), form, "Trade C1")
        if form is ExportForm.CSV:
            rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
            (value,) = [row for row in rows if row["What"] == "MarketValue"]
            assert float(value["Value"]) > 0
            assert (value["Unit"], value["From"], value["When"]) == (
                "USD",
                BlackScholesEngine.name,
                "2020-03-09T13:30:00Z",
            )
            units = {row["What"]: row["Unit"] for row in rows if row["Section"] in ("Trade", "Pricing")}
            named = ("quantity", "contract_multiplier", "strike", "Quote", "ticker")
            assert [units[name] for name in named] == [
                "contracts",
                "shares a contract",
                "USD a share",
                "USD a share",
                "",
            ]
            assert {row["Section"] for row in rows} == {"Trade", "Measures", "Pricing", "Versions"}


class TestDay:
    def test_the_last_point_is_what_the_store_has(self, small_store: Store, state: PricingState) -> None:
        for minute, price in enumerate((69.0, 70.0, 66.0), 1):
            apply_quotes(small_store, state, [quote("AAPL", price, seconds=60.0 * minute)], source="test")
        day = day_of(small_store)
        own = story_of(small_store).own
        assert own is not None
        assert day.why_not == ""
        assert day.frame["quote"].tolist() == [68.0, 69.0, 70.0, 66.0]
        for measure in MEASURES:
            assert day.frame[measure.name].iloc[-1] == pytest.approx(own.measures[measure.name], rel=1e-12)
        assert day.frame["market_value"].is_monotonic_increasing is False
        assert day_of(small_store, "A1").why_not == "", "American ones too"
        assert day_of(small_store, "S1").frame["market_value"].iloc[0] == pytest.approx(-300 * 68.0)

    def test_the_last_quote_of_a_minute_counts(self, small_store: Store, state: PricingState) -> None:
        apply_quotes(small_store, state, [quote("AAPL", 60.0 + n, seconds=n) for n in range(1, 5)], source="test")
        assert day_of(small_store).frame["quote"].tolist() == [64.0]

    def test_what_came_later_changes_nothing_of_what_was(self, small_store: Store, state: PricingState) -> None:
        apply_quotes(small_store, state, [quote("AAPL", 68.0, seconds=60)], source="test")
        change_records(small_store, state, "trades", [trade("C1", quantity=20.0)], source="test")
        apply_quotes(small_store, state, [quote("AAPL", 68.0, seconds=120)], source="test")
        change_records(small_store, state, "parameters", [{**PARAMETERS[0], "implied_vol": 0.8}], source="test")
        apply_quotes(small_store, state, [quote("AAPL", 68.0, seconds=180)], source="test")
        first, twenty, wild, last = day_of(small_store).frame["market_value"]
        assert (twenty, last) == (pytest.approx(2 * first), pytest.approx(wild))
        own = story_of(small_store).own
        assert own is not None
        assert wild == pytest.approx(own.measures["market_value"], rel=1e-12)
        assert wild > 1.5 * twenty

    def test_a_closed_day_stays_as_it_closed(self, small_store: Store, state: PricingState) -> None:
        before = day_of(small_store).frame
        apply_quotes(small_store, state, [quote("AAPL", 71.0, day=TUESDAY)], source="test")
        change_records(small_store, state, "trades", [trade("C1", quantity=99.0)], source="test")
        assert day_of(small_store).frame.equals(before)
        assert day_of(small_store, day=TUESDAY).frame["market_value"].iloc[-1] > 5 * before["market_value"].iloc[-1]

    def test_it_had_no_value_before_it_came_nor_after_it_ended(self, small_store: Store, state: PricingState) -> None:
        change_records(small_store, state, "trades", [trade("LATE")], source="test")
        with small_store.write() as unit:  # a quote that came before the trade did, and one after it had ended
            unit.connection.execute(update(quote_versions).values(received_at=unit.now.replace(year=2020)))
        apply_quotes(small_store, state, [quote("AAPL", 68.0, seconds=60)], source="test")
        tag_trades(small_store, state, MIA, {"LATE": "Live"}, "Terminated", "sold", "")
        apply_quotes(small_store, state, [quote("AAPL", 68.0, seconds=120)], source="test")
        known = day_of(small_store, "LATE").frame["market_value"].notna().tolist()
        assert known == [True, False, False], "a point is what was known when the next quote came"
        assert day_of(small_store, "T1").why_not == "It had no value on this date."

    def test_a_date_without_quotes_says_so(self, small_store: Store) -> None:
        assert day_of(small_store, day=TUESDAY).why_not == "There is no quote of AAPL on 2020-03-10 yet."
