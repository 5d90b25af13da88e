"""Rows become records: typed values are taken as they are, and what is wrong is said with its column and value."""

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engine.measures import MEASURES
from services.records.read_rows import CellFault, heading_of, left_aside_text, read_mappings, read_table, record_of
from services.records.record_kinds import RECORD_KINDS
from tests.fixtures.calls import calls_of

TRADES, QUOTES, SENSITIVITIES = (RECORD_KINDS[kind] for kind in ("trades", "quotes", "sensitivities"))
NEW_YORK = timezone(timedelta(hours=-4))
MESSAGE: dict[str, Any] = {
    "AsOfDate": "2020-07-09",
    "TradeId": "New_Trd_Test",
    "Ticker": "OXY",
    "Book": "EQ_VOL_HED",
    "Product": "EQ_Option",
    "Quantity": 45,
    "Strike": 31.4,
    "Maturity": "2022-10-01",
    "OptionType": "put",
    "MarketValue": 89.43425919208067,
}
"""The article's trade, with a strike that can be."""
REPORTED: dict[str, Any] = {"AsOfDate": "2020-03-09", "TradeId": "T1", "RiskFactor": "AAPL", "MarketValue": 5.5}


def fault_of(values: dict[str, Any], kind: Any = TRADES) -> CellFault:
    record, faults = record_of(values, kind)
    assert record is None
    assert len(faults) == 1
    return faults[0]


class TestValues:
    def test_a_message_becomes_a_record_and_other_names_are_left_aside(self) -> None:
        record, faults = record_of(MESSAGE, TRADES)
        assert not faults
        assert record == {
            "trade_id": "New_Trd_Test",
            "ticker": "OXY",
            "book": "EQ_VOL_HED",
            "product": "EQ_Option",
            "quantity": 45.0,
            "strike": 31.4,
            "maturity": date(2022, 10, 1),
            "option_type": "put",
        }
        assert type(record["quantity"]) is float

    def test_a_column_that_is_not_given_keeps_what_is_stored_and_an_empty_one_empties(self) -> None:
        stock = {**MESSAGE, "Product": "EQ_Stock", "Strike": None, "Maturity": "", "ContractMultiplier": None}
        record, _ = record_of(stock, TRADES)
        assert record is not None
        assert record["strike"] is None
        assert record["maturity"] is None
        assert "exercise_style" not in record, "not given"
        assert "contract_multiplier" not in record, "empty, and it has a default"

    @pytest.mark.parametrize(
        ("value", "shown", "reason"),
        [
            (math.nan, "nan", "not a finite number"),
            (math.inf, "inf", "not a finite number"),
            ("NaN", "NaN", "not a finite number"),
            (10**400, "a whole number of many digits", "not a finite number"),
            (True, "true", "not a number but true or false"),
            ([1], "a list", "not a number but a list"),
            ({"a": 1}, "an object", "not a number but an object"),
            ("1,000", "1,000", "not a number: write it like 1234.5"),
            (date(2020, 1, 1), "2020-01-01", "not a number but a date"),
        ],
    )
    def test_what_is_no_number_is_a_fault(self, value: Any, shown: str, reason: str) -> None:
        fault = fault_of({**MESSAGE, "Quantity": value})
        assert (fault.column, fault.value) == ("Quantity", shown)
        assert fault.message.startswith(reason)

    @pytest.mark.parametrize("value", [7, 7.0, "7", " 7e0 ", Decimal(7), np.float64(7), np.int64(7), np.float32(7)])
    def test_every_kind_of_number_is_one(self, value: Any) -> None:
        record, _ = record_of({**MESSAGE, "Quantity": value}, TRADES)
        assert record is not None
        assert (record["quantity"], type(record["quantity"])) == (7.0, float)

    @pytest.mark.parametrize(
        ("value", "expected"), [(1001, "1001"), (" T1 ", "T1"), ("=1+1", "=1+1"), (np.int64(5), "5")]
    )
    def test_texts(self, value: Any, expected: str) -> None:
        """A formula is a text like any other."""
        record, _ = record_of({**MESSAGE, "TradeId": value}, TRADES)
        assert record is not None
        assert record["trade_id"] == expected

    @pytest.mark.parametrize("value", [True, 1.5, ["T"], {"a": 1}, "\ud800", "a\nb", "x" * 201, "a\0b"])
    def test_what_is_no_text_is_a_fault(self, value: Any) -> None:
        assert fault_of({**MESSAGE, "TradeId": value}).column == "TradeId"

    @pytest.mark.parametrize(
        "value",
        [
            "2022-10-01",
            date(2022, 10, 1),
            datetime(2022, 10, 1, tzinfo=UTC),
            pd.Timestamp("2022-10-01"),
        ],
    )
    def test_dates(self, value: Any) -> None:
        record, faults = record_of({**MESSAGE, "Maturity": value}, TRADES)
        assert not faults
        assert record is not None
        assert (record["maturity"], type(record["maturity"])) == (date(2022, 10, 1), date)

    @pytest.mark.parametrize(
        "value", [20221001, datetime(2022, 10, 1, 12, tzinfo=UTC), date(1800, 1, 1), pd.NaT, "1/10/22"]
    )
    def test_what_is_no_date_is_a_fault(self, value: Any) -> None:
        assert fault_of({**MESSAGE, "Maturity": value}).column == "Maturity"

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("2020-05-01", date(2020, 5, 1)),
            (pd.Timestamp("2020-05-01"), date(2020, 5, 1)),
            (datetime(2020, 5, 1, tzinfo=UTC), datetime(2020, 5, 1, tzinfo=UTC)),
            (pd.Timestamp("2020-05-01T14:30"), datetime(2020, 5, 1, 14, 30, tzinfo=UTC)),
            ("2020-05-01T10:30:00-04:00", datetime(2020, 5, 1, 14, 30, tzinfo=UTC)),
            (
                datetime(2020, 5, 1, 10, 30, tzinfo=timezone(timedelta(hours=-4))),
                datetime(2020, 5, 1, 14, 30, tzinfo=UTC),
            ),
        ],
    )
    def test_moments(self, value: Any, expected: date | datetime) -> None:
        record, faults = record_of({"AsOfDate": value, "Instrument": "AAPL", "Quote": 310}, QUOTES)
        assert not faults
        assert record is not None
        assert (record["as_of_date"], type(record["as_of_date"])) == (expected, type(expected))

    def test_every_fault_of_a_row_is_named(self) -> None:
        _, faults = record_of({"TradeId": "T", "Strike": -31.4, "OptionType": "straddle", "Quantity": ""}, TRADES)
        assert {(fault.column, fault.message) for fault in faults} == {
            ("Ticker", "is missing: fill it in"),
            ("Book", "is missing: fill it in"),
            ("Product", "is missing: fill it in"),
            ("Quantity", "must not be empty: fill it in"),
            ("Strike", "must be above 0"),
            ("OptionType", "must be call or put, in any letter case"),
        }

    def test_an_option_needs_its_terms(self) -> None:
        fault = fault_of({name: value for name, value in MESSAGE.items() if name != "Maturity"})
        assert fault == CellFault("Maturity", "", "an option needs one", "fill it in")

    def test_a_trade_is_read_with_few_calls(self) -> None:
        """On any machine as many, and on a good one some three microseconds."""
        record_of(MESSAGE, TRADES)
        assert calls_of(lambda: record_of(MESSAGE, TRADES)) < 60


class TestNames:
    def test_names_may_be_in_any_letter_case(self) -> None:
        assert record_of({name.lower(): value for name, value in MESSAGE.items()}, TRADES) == record_of(MESSAGE, TRADES)

    def test_a_name_that_stands_twice_is_a_fault(self) -> None:
        values = {name: value for name, value in MESSAGE.items() if name != "TradeId"}
        fault = fault_of({**values, "tradeid": "A", "TRADEID": "B"})
        assert fault == CellFault("TRADEID", "", "stands twice, in other letters", "keep one")

    def test_the_exact_name_counts_before_one_in_other_letters(self) -> None:
        record, _ = record_of({"tradeid": "other", **MESSAGE}, TRADES)
        assert record is not None
        assert record["trade_id"] == "New_Trd_Test"

    def test_names_that_are_no_texts_and_endless_new_names_do_no_harm(self) -> None:
        assert record_of({**MESSAGE, 5: "x", None: "y"}, TRADES)[0] is not None  # type: ignore[dict-item]
        for number in range(1_000):
            assert record_of({**MESSAGE, f"Column{number}": 1}, TRADES)[0] is not None

    def test_rows_are_numbered_and_what_is_left_aside_is_said(self) -> None:
        good = {"AsOfDate": "2020-05-01", "Instrument": "AAPL", "Quote": 310.0}
        read = read_mappings([(1, good), (2, {**good, "Quote": -1, "Venue": "X"}), (3, good)], QUOTES)
        assert read.lines == [1, 3], "one key may follow itself, as in a stream"
        assert [str(failure) for failure in read.failures] == ["row 2, column Quote, value '-1': must be above 0"]
        assert (read.failed_rows, read.left_aside) == (1, ["Venue"])


class TestSensitivities:
    def test_every_measure_is_a_column(self) -> None:
        row = {**REPORTED, **{measure.csv_name: float(n) for n, measure in enumerate(MEASURES)}}
        record, faults = record_of(row, SENSITIVITIES)
        assert not faults
        assert record is not None
        assert {name: record[name] for name in (m.name for m in MEASURES)} == {
            measure.name: float(n) for n, measure in enumerate(MEASURES)
        }

    def test_delta_is_the_articles_name_of_cash_delta(self) -> None:
        record, _ = record_of({**REPORTED, "Delta": 12.5}, SENSITIVITIES)
        assert record is not None
        assert record["cash_delta"] == 12.5
        both, _ = record_of({**REPORTED, "Delta": 0.5, "CashDelta": 12.5}, SENSITIVITIES)
        assert both is not None
        assert both["cash_delta"] == 12.5, "its own name counts"
        assert heading_of(["Delta", "CashDelta"], SENSITIVITIES).left_aside == ("Delta",)

    def test_an_empty_measure_is_not_known_and_never_0(self) -> None:
        record, faults = record_of({**REPORTED, "Vega1Pt": None, "CashDelta": "", "Rho1Bp": 0}, SENSITIVITIES)
        assert not faults
        assert record is not None
        assert set(record) == {"as_of_date", "trade_id", "risk_factor", "market_value", "rho_1bp"}

    def test_a_measure_without_a_unit_is_left_aside_with_what_to_do(self) -> None:
        names = ["AsOfDate", "TradeId", "RiskFactor", "MarketValue", "Delta", "Gamma", "Desk"]
        read = read_table(names, [(2, ["2020-03-09", "T", "AAPL", "1", "2", "3", "x"])], SENSITIVITIES)
        assert read.left_aside == ["Gamma", "Desk"]
        said = left_aside_text(read.left_aside, SENSITIVITIES)
        assert said == "left aside: Gamma; its unit is not said, name it CashGamma1Pct, Desk"
        assert "cash_gamma_1pct" not in read.records[0]

    def test_the_market_value_must_be_there(self) -> None:
        assert fault_of({**REPORTED, "MarketValue": None}, SENSITIVITIES).column == "MarketValue"
