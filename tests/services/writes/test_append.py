"""Append rows: good ones go in and are priced, bad ones are named, and all or nothing where that is asked for."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.pricing.pricing_state import PricingState
from services.writes.append import Appended, append
from storage.core.database import Store
from storage.core.schema import instruments, quote_versions, sensitivities, trades
from storage.core.schema import quotes as quotes_table
from storage.read_models.read_models import failures_frame, sensitivities_frame
from tests.fixtures.small_book import MONDAY

TRADE = {
    "TradeId": "NEW",
    "Ticker": "AAPL",
    "Book": "EQ_VOL_HED",
    "Product": "EQ_Option",
    "Quantity": 10,
    "Strike": 70,
    "Maturity": "2020-06-19",
    "OptionType": "call",
    "ContractMultiplier": 100,
}


def counts(appended: Appended) -> tuple[int, ...]:
    return appended.new, appended.changed, appended.unchanged, appended.late, appended.refused


def quoted(store: Store, day: date = MONDAY) -> dict[str, float]:
    with store.read() as connection:
        rows = connection.execute(select(quotes_table).where(quotes_table.c.as_of_date == day))
        return {row.instrument: row.quote for row in rows}


def spot_of(store: Store, trade_id: str) -> float:
    with store.read() as connection:
        query = select(sensitivities.c.spot).where(
            sensitivities.c.trade_id == trade_id, sensitivities.c.as_of_date == MONDAY
        )
        return float(connection.execute(query).scalar_one())


class TestQuotes:
    def test_a_date_without_a_time_is_the_newest_price_of_the_day_and_a_tick_after_it_counts(
        self, small_store: Store, state: PricingState
    ) -> None:
        said = append(small_store, state, "quotes", [("2020-03-09", "AAPL", 69.5)])
        assert counts(said) == (0, 1, 0, 0, 0)
        assert (quoted(small_store)["AAPL"], spot_of(small_store, "C1")) == (69.5, 69.5)
        tick = {"AsOfDate": "2020-03-09T13:31:00Z", "Instrument": "AAPL", "Quote": 69.75}
        assert counts(append(small_store, state, "quotes", [tick])) == (0, 1, 0, 0, 0)
        assert quoted(small_store)["AAPL"] == 69.75

    def test_what_became_of_each_is_counted(self, small_store: Store, state: PricingState) -> None:
        rows: list[Any] = [
            ("2020-03-09", "NVDA", 50.0),
            ("2020-03-09T13:45:00Z", "AAPL", 70.0),
            ("2020-03-09T13:40:00Z", "AAPL", 60.0),
            ("2020-03-09T13:45:00Z", "AAPL", 70.0),
            ("2020-03-09", "MSFT", float("nan")),
            ("2020-03-09", "MSFT", 1.0, "more"),
            "2020-03-09",
        ]
        said = append(small_store, state, "quotes", rows)
        assert counts(said) == (1, 1, 1, 1, 3)
        assert [str(failure).split(":")[0] for failure in said.failures] == [
            "row 5, column Quote, value 'nan'",
            "row 6",
            "row 7",
        ]
        assert said.revision is not None

    def test_one_from_the_future_is_a_failure_of_its_row(self, small_store: Store, state: PricingState) -> None:
        ahead = datetime.now(UTC) + timedelta(hours=1)
        near = datetime.now(UTC) + timedelta(seconds=100)
        said = append(small_store, state, "quotes", [(ahead, "AAPL", 1.0), (near, "OXY", 12.0)])
        assert (said.new, said.refused) == (1, 1)
        assert "observed further ahead of the clock" in str(said.failures[0])
        assert str(said.failures[0]).startswith("row 1, column AsOfDate")
        with small_store.read() as connection:
            assert 1.0 not in set(connection.execute(select(quote_versions.c.quote)).scalars())


class TestTrades:
    def test_one_on_an_unknown_ticker_and_book_is_taken_and_marked(
        self, small_store: Store, state: PricingState
    ) -> None:
        row = {**TRADE, "Ticker": "ZZZ", "Book": "NOWHERE"}
        assert counts(append(small_store, state, "trades", [row])) == (1, 0, 0, 0, 0)
        with small_store.read() as connection:
            failed = failures_frame(connection, MONDAY).set_index("trade_id")
        assert failed.loc["NEW", "reason"] == "no quote"
        assert counts(append(small_store, state, "quotes", [("2020-03-09", "ZZZ", 75)])) == (1, 0, 0, 0, 0)
        assert spot_of(small_store, "NEW") == 75.0, "it is completed when the quote comes"

    def test_one_is_priced_when_the_answer_comes(self, small_store: Store, state: PricingState) -> None:
        said = append(small_store, state, "trades", [TRADE])
        assert counts(said) == (1, 0, 0, 0, 0)
        assert spot_of(small_store, "NEW") == 68.0
        assert counts(append(small_store, state, "trades", [TRADE])) == (0, 0, 1, 0, 0), "to send it twice does no harm"
        assert counts(append(small_store, state, "trades", [{**TRADE, "Quantity": 11}])) == (0, 1, 0, 0, 0)

    def test_values_in_order_may_end_early(self, small_store: Store, state: PricingState) -> None:
        said = append(small_store, state, "trades", [("S9", "AAPL", "EQ_VOL_HED", "EQ_Stock", 5), ("S10", "AAPL")])
        assert counts(said) == (1, 0, 0, 0, 1)
        assert {failure.message for failure in said.failures} == {"is missing: fill it in"}
        with small_store.read() as connection:
            row = connection.execute(select(trades).where(trades.c.trade_id == "S9")).one()
        assert (row.quantity, row.strike, row.contract_multiplier, row.trade_status) == (5.0, None, 1.0, "Live")

    def test_atomic_takes_nothing_when_one_is_bad(self, small_store: Store, state: PricingState) -> None:
        rows = [TRADE, {**TRADE, "TradeId": "BAD", "Strike": -31.4}]
        said = append(small_store, state, "trades", rows, atomic=True)
        assert (said.revision, counts(said)) == (None, (0, 0, 0, 0, 1))
        assert str(said.failures[0]) == "row 2, column Strike, value '-31.4': must be above 0"
        with small_store.read() as connection:
            assert "NEW" not in set(connection.execute(select(trades.c.trade_id)).scalars())
        assert append(small_store, state, "trades", rows).new == 1


class TestOtherKinds:
    def test_sensitivities_take_the_place_of_ours_with_their_source(
        self, small_store: Store, state: PricingState
    ) -> None:
        row = {"AsOfDate": "2020-03-09", "TradeId": "C1", "RiskFactor": "AAPL", "MarketValue": 1234.5, "Delta": 50}
        said = append(small_store, state, "sensitivities", [row, {**row, "MarketValue": None}], source="their system")
        assert (said.new + said.changed, said.refused) == (1, 1)
        with small_store.read() as connection:
            found = sensitivities_frame(connection, MONDAY).set_index("trade_id").loc["C1"]
        assert (found["market_value"], found["cash_delta"], found["priced_by"]) == (1234.5, 50.0, "their system")
        assert found.isna()["vega_1pt"], "what was not given is not known"

    def test_static_data_too(self, small_store: Store, state: PricingState) -> None:
        row = ("NVDA", "NVIDIA", "Technology", "Americas", "USD")
        assert counts(append(small_store, state, "instruments", [row])) == (1, 0, 0, 0, 0)
        with small_store.read() as connection:
            assert "NVDA" in set(connection.execute(select(instruments.c.ticker)).scalars())

    def test_an_unknown_kind(self, small_store: Store, state: PricingState) -> None:
        with pytest.raises(ValueError, match="there are no prices; there are trades, books,"):
            append(small_store, state, "prices", [])

    def test_no_rows_write_nothing(self, small_store: Store, state: PricingState) -> None:
        assert append(small_store, state, "quotes", []) == Appended("quotes")
