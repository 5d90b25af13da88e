"""Slips that a rule cannot refuse are taken, and listed with their place, on every way in and both databases."""

from datetime import date
from pathlib import Path

import pytest

from ingestion.sidecar.status_text import status_text
from services.pricing.fallback_parameters import old_parameters_table, old_parameters_text
from services.pricing.pricing_state import PricingState
from services.records.incoming import Incoming
from services.records.plausibility import PlausibleBounds
from services.writes.append import append
from services.writes.apply_incoming import apply_incoming
from storage.connection.settings import Settings
from storage.core.database import Store
from storage.feeds.questioned_values import MOST_OF_A_BATCH, questioned_frame
from storage.market.quotes import quotes_as_known
from storage.read_models.read_models import read_status
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.small_book import MONDAY, TUESDAY, quote, trade
from tests.services.records.ways_in import WAYS

LAST, VOL = 68.0, 0.4
QUOTE = {"AsOfDate": "2020-03-10", "Instrument": "AAPL"}
PARAMETERS = {"AsOfDate": "2020-03-10", "Ticker": "AAPL", "RiskFreeRate": "0.006", "DividendYield": "0.011"}
OWN = {"as_of_date": MONDAY, "ticker": "AAPL", "implied_vol": VOL, "risk_free_rate": 0.0, "dividend_yield": 0.0}

CASES = [
    (
        "quotes",
        {**QUOTE, "Quote": "680"},
        "Quote",
        "moves to 10 times against 68, the last quote on record",
    ),
    ("quotes", {**QUOTE, "Quote": "6.8"}, "Quote", "moves to 0.1 times against 68"),
    ("quotes", {**QUOTE, "Quote": "103"}, "Quote", "moves up by 51 % against 68"),
    ("quotes", {**QUOTE, "Quote": "45"}, "Quote", "moves down by 34 % against 68"),
    ("quotes", {**QUOTE, "Quote": "101"}, "", ""),
    ("quotes", {**QUOTE, "Quote": "46"}, "", ""),
    ("quotes", {**QUOTE, "Instrument": "MSFT", "Quote": "1e6"}, "", ""),  # nothing on record
    ("parameters", {**PARAMETERS, "ImpliedVol": "2"}, "ImpliedVol", "a volatility of 200 % a year or more is unusual"),
    ("parameters", {**PARAMETERS, "ImpliedVol": "4.99"}, "ImpliedVol", "0.25 is 25 %"),
    ("parameters", {**PARAMETERS, "ImpliedVol": "0.04"}, "ImpliedVol", "against 0.4, the volatility of"),
    ("parameters", {**PARAMETERS, "ImpliedVol": "0.81"}, "ImpliedVol", "moves up by 102 % against 0.4"),
    ("parameters", {**PARAMETERS, "ImpliedVol": "0.79"}, "", ""),
    ("parameters", {**PARAMETERS, "ImpliedVol": "0.4", "RiskFreeRate": "0.5"}, "RiskFreeRate", "0.01 is 1 %"),
    ("parameters", {**PARAMETERS, "ImpliedVol": "0.4", "DividendYield": "-0.5"}, "DividendYield", "0.01 is 1 %"),
]


def fill(store: Store) -> None:
    change_records(store, PricingState(), "parameters", [OWN], source="test")
    change_records(store, PricingState(), "trades", [trade("E1")], source="test")
    apply_quotes(store, PricingState(), [quote("AAPL", LAST)], source="test")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_what_can_hardly_be_meant_counts_and_is_listed(store: Store, way: str, tmp_path: Path) -> None:
    """Each case on a store of its own days: what came before is put back in between."""
    fill(store)
    for kind, row, column, words in CASES:
        with store.read() as connection:
            before = len(questioned_frame(connection))
        said = WAYS[way](store, kind, row, tmp_path)
        with store.read() as connection:
            listed = questioned_frame(connection)
            status = read_status(connection)
            known = quotes_as_known(connection, TUESDAY)
        fresh = listed.head(len(listed) - before)
        assert f"questioned      {len(listed)} " in status_text(status, quote("AAPL", 1.0).observed_at, 10.0)
        if not column:
            assert fresh.empty, (row, fresh["reason"].tolist())
        else:
            assert column in set(fresh["column_name"]), row
            assert any(words in reason for reason in fresh["reason"]), (row, fresh["reason"].tolist())
            assert set(fresh["instrument"]) == {"AAPL"}
            in_detail = way not in ("Kafka",) and (way != "watch" or not words.startswith(("moves", "against")))
            assert not in_detail or any(words in each for each in said), (row, said)
            if way.startswith(("load", "watch", "upload")):
                assert all(place.endswith(("line 2", "row 2", "row 1")) for place in fresh["place"]), fresh["place"]
        if kind == "quotes":
            assert known[row["Instrument"]].quote == float(row["Quote"]), "it counts"
            apply_quotes(store, PricingState(), [quote("AAPL", LAST, day=TUESDAY)], source="test")
        else:
            change_records(store, PricingState(), "parameters", [{**OWN, "as_of_date": TUESDAY}], source="test")


def test_what_is_questioned_is_written_on_both_databases(store: Store) -> None:
    fill(store)
    said = append(store, PricingState(), "quotes", [{**QUOTE, "Quote": "680"}])
    with store.read() as connection:
        listed = questioned_frame(connection)
        status = read_status(connection)
    assert status.questioned == 1
    assert listed[["source", "instrument", "column_name", "value"]].to_numpy().tolist() == [
        ["append", "AAPL", "Quote", "680"]
    ]
    assert said.warnings == [f"Quote 680 of AAPL {listed['reason'][0]}"]
    assert listed["reason"][0].endswith("send it again to correct it")
    again = append(store, PricingState(), "quotes", [{**QUOTE, "Quote": "680"}])
    assert (again.unchanged, again.warnings) == (1, []), "the same once more is no news"


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
class TestBounds:
    def test_they_are_settings(self, store: Store) -> None:
        fill(store)
        wide = PricingState.of(
            Settings(questioned_quote_move=20.0, questioned_volatility=4.0, questioned_volatility_move=9.0)
        )
        append(store, wide, "quotes", [{**QUOTE, "Quote": "680"}])
        append(store, wide, "parameters", [{**PARAMETERS, "ImpliedVol": "3"}])
        narrow = PricingState.of(Settings(questioned_quote_move=0.01, questioned_rate=0.001))
        append(store, narrow, "quotes", [{**QUOTE, "AsOfDate": "2020-03-11", "Quote": "690"}])
        append(store, narrow, "parameters", [{**PARAMETERS, "AsOfDate": "2020-03-11", "ImpliedVol": "3"}])
        with store.read() as connection:
            listed = questioned_frame(connection)
        assert sorted(listed["column_name"]) == ["DividendYield", "ImpliedVol", "Quote", "RiskFreeRate"]
        assert PlausibleBounds.of(Settings()) == PlausibleBounds()

    def test_a_flood_is_cut_and_counted(self, store: Store) -> None:
        names = [f"N{number}" for number in range(150)]
        apply_quotes(store, PricingState(), [quote(name, 10.0) for name in names], source="test")
        batch = Incoming(quotes=[quote(name, 1000.0, day=TUESDAY) for name in names])
        applied = apply_incoming(store, PricingState(), batch, source="feed")
        with store.read() as connection:
            listed = questioned_frame(connection)
        assert len(applied.questioned) == 150
        assert len(listed) == MOST_OF_A_BATCH + 1
        assert listed["reason"][0] == "and 50 more of the same source at the same time"

    def test_quotes_of_one_batch_are_compared_with_each_other(self, store: Store) -> None:
        days = [quote("AAPL", 68.0), quote("AAPL", 70.0, day=TUESDAY), quote("AAPL", 700.0, 5.0, day=TUESDAY)]
        applied = apply_incoming(store, PricingState(), Incoming(quotes=days), source="feed")
        assert [item.value for item in applied.questioned] == ["700"]

    def test_a_late_quote_prices_nothing_and_is_not_questioned(self, store: Store) -> None:
        apply_quotes(store, PricingState(), [quote("AAPL", 68.0, 60.0)], source="test")
        applied = apply_incoming(store, PricingState(), Incoming(quotes=[quote("AAPL", 680.0, 5.0)]), source="feed")
        assert (applied.of("quotes").late, list(applied.questioned)) == (1, [])


def test_old_parameters_are_listed(store: Store) -> None:
    fill(store)
    late = date(2020, 4, 8)
    apply_quotes(store, PricingState(), [quote("AAPL", LAST, day=late)], source="test", wait_for_slow=True)
    with store.read() as connection:
        tables = [old_parameters_table(connection, late, days) for days in (30, 31)]
        text = old_parameters_text(connection, 30)
        none = old_parameters_text(connection, 31)
    assert tables[0].to_numpy().tolist() == [["AAPL", "2020-03-09", 1]]
    assert tables[1].empty
    assert text == ("old parameters: 1 trade is priced with parameters 30 days old or older (AAPL): load newer ones.")
    assert none == ""
