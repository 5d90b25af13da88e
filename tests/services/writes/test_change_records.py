"""Trades and static data come in: what is written, what is kept, and what is priced anew because of it."""

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import select

from services.pricing.pricing_state import PricingState
from services.writes.apply_incoming import Applied
from services.writes.load_file import load_file
from storage.book.records import read_records
from storage.core.change_log import read_since
from storage.core.database import Store
from storage.core.schema import record_versions
from storage.read_models.read_models import failures_frame, sensitivities_frame, trade_attributes
from tests.fixtures.applying import apply_quotes, change_records, counts_of
from tests.fixtures.small_book import MONDAY, PARAMETERS, SMALL_BOOK, TUESDAY, quote, stock, trade


def change(store: Store, state: PricingState, *trades: dict[str, Any], kind: str = "trades") -> Applied:
    return change_records(store, state, kind, trades, source="test")


def counts(changed: Applied) -> tuple[int, int, int]:
    (kind,) = changed.counts
    return counts_of(changed, kind)


def valued(store: Store, day: date = MONDAY) -> pd.DataFrame:
    with store.read() as connection:
        return sensitivities_frame(connection, day).set_index("trade_id")


def reasons(store: Store, day: date = MONDAY) -> dict[str, str]:
    with store.read() as connection:
        failed = failures_frame(connection, day)
    return dict(zip(failed["trade_id"], failed["reason"], strict=True))


def stored_trade(store: Store, trade_id: str) -> dict[str, Any]:
    with store.read() as connection:
        return dict(read_records(connection, "trades").set_index("trade_id").loc[trade_id])


def versions(store: Store, key: str, kind: str = "trades") -> list[dict[str, Any]]:
    with store.read() as connection:
        query = select(record_versions.c.record).where(
            record_versions.c.record_key == key, record_versions.c.kind == kind
        )
        return list(connection.execute(query.order_by(record_versions.c.revision)).scalars())


def test_new_trades_are_written_and_priced_at_once(small_store: Store, state: PricingState) -> None:
    changed = change(small_store, state, trade("NEW"), stock("SHARES", quantity=10.0))
    assert counts(changed) == (2, 0, 0)
    assert valued(small_store).loc["SHARES", "market_value"] == 680.0
    assert valued(small_store).loc["NEW", "unit_price"] == valued(small_store).loc["C1", "unit_price"]


def test_a_known_trade_is_overwritten_and_priced_anew(small_store: Store, state: PricingState) -> None:
    assert counts(change(small_store, state, stock("S1", quantity=100.0))) == (0, 1, 0)
    assert valued(small_store).loc["S1", "market_value"] == 6800.0


def test_trades_that_are_stored_already_are_not_written(small_store: Store, state: PricingState) -> None:
    with small_store.read() as connection:
        before = read_records(connection, "trades")
    changed = change(small_store, state, *SMALL_BOOK)
    assert counts(changed) == (0, 0, len(SMALL_BOOK))
    with small_store.read() as connection:
        pd.testing.assert_frame_equal(read_records(connection, "trades"), before)
        entries = read_since(connection, changed.revision - 1)
    assert entries is not None
    assert (entries[0].reload, entries[0].tables) == (False, {}), "no board need read anything again"
    assert len(versions(small_store, "C1")) == 1


def test_of_two_records_with_one_key_the_last_counts(small_store: Store, state: PricingState) -> None:
    change(small_store, state, stock("S1", quantity=1.0), stock("S1", quantity=2.0))
    assert stored_trade(small_store, "S1")["quantity"] == 2.0


def test_every_version_is_kept(small_store: Store, state: PricingState) -> None:
    for quantity in (1.0, 2.0):
        change(small_store, state, trade("C1", quantity=quantity))
    assert [version["quantity"] for version in versions(small_store, "C1")] == [10.0, 1.0, 2.0]
    assert versions(small_store, "C1")[0]["maturity"] == "2020-06-19"
    change(small_store, state, {**PARAMETERS[0], "implied_vol": 0.9}, kind="parameters")
    kept = versions(small_store, "2020-03-09|AAPL", "parameters")
    assert [version["implied_vol"] for version in kept] == [0.4, 0.9]


def test_a_trade_on_another_ticker_leaves_no_row_on_the_old_one(small_store: Store, state: PricingState) -> None:
    change(small_store, state, stock("S1", ticker="MSFT", quantity=2.0))
    rows = valued(small_store).loc[["S1"]]
    assert rows["risk_factor"].tolist() == ["MSFT"]
    assert rows["market_value"].tolist() == [300.0]
    apply_quotes(small_store, state, [quote("AAPL", 69.0, 60)], source="test")
    assert valued(small_store).loc[["S1"], "risk_factor"].tolist() == ["MSFT"]


def test_a_trade_that_can_be_priced_no_more_has_a_reason_and_no_value(small_store: Store, state: PricingState) -> None:
    change(small_store, state, trade("C1", ticker="OXY"), trade("P1", maturity=date(2020, 3, 6)))
    assert {"C1", "P1"}.isdisjoint(valued(small_store).index)
    assert (reasons(small_store)["C1"], reasons(small_store)["P1"]) == ("no quote", "expired")


def test_a_trade_that_is_mended_has_a_value_and_no_reason(small_store: Store, state: PricingState) -> None:
    change(small_store, state, trade("X1"), trade("N1", ticker="MSFT"))
    assert reasons(small_store) == {}
    assert {"X1", "N1"} <= set(valued(small_store).index)


def test_a_terminated_trade_keeps_its_last_value_and_ticks_no_more(small_store: Store, state: PricingState) -> None:
    last = valued(small_store).loc["S1"]
    change(small_store, state, stock("S1", quantity=-300.0, trade_status="Terminated"))
    apply_quotes(small_store, state, [quote("AAPL", 60.0, 60)], source="test")
    pd.testing.assert_series_equal(valued(small_store).loc["S1"], last)
    apply_quotes(small_store, state, [quote("AAPL", 61.0, day=TUESDAY)], source="test")
    assert "S1" not in valued(small_store, TUESDAY).index, "the next day it is gone"
    assert "S1" not in reasons(small_store, TUESDAY), "and it is no failure"


def test_a_trade_that_was_terminated_and_could_not_be_priced_is_no_failure(
    small_store: Store, state: PricingState
) -> None:
    change(small_store, state, trade("N1", ticker="OXY", trade_status="Terminated"))
    assert reasons(small_store) == {"X1": "expired"}


def test_a_trade_set_live_again_is_priced_again(small_store: Store, state: PricingState) -> None:
    change(small_store, state, trade("T1"))
    assert valued(small_store).loc["T1", "unit_price"] == valued(small_store).loc["C1", "unit_price"]


def test_new_parameters_reprice_the_underlying(small_store: Store, state: PricingState) -> None:
    before = valued(small_store)
    changed = change(small_store, state, {**PARAMETERS[0], "implied_vol": 0.8}, kind="parameters")
    after = valued(small_store)
    assert after.loc["C1", "unit_price"] > before.loc["C1", "unit_price"]
    assert set(after.index[after["revision"] == changed.revision]) == {"A1", "C1", "P1", "S1"}
    assert after.loc["M1"].equals(before.loc["M1"])


def test_an_underlying_gets_parameters_of_its_own(small_store: Store, state: PricingState) -> None:
    assert valued(small_store).loc["M1", "parameters_source"] == "default"
    change(small_store, state, {**PARAMETERS[0], "ticker": "MSFT"}, kind="parameters")
    assert valued(small_store).loc["M1", "parameters_source"] == "2020-03-09"


def test_parameters_of_a_later_day_wait_for_it(small_store: Store, state: PricingState) -> None:
    before = valued(small_store)["unit_price"]
    change(small_store, state, {**PARAMETERS[0], "as_of_date": TUESDAY, "implied_vol": 0.8}, kind="parameters")
    pd.testing.assert_series_equal(valued(small_store)["unit_price"], before)
    apply_quotes(small_store, state, [quote("AAPL", 68.0, day=TUESDAY)], source="test")
    assert valued(small_store, TUESDAY).loc["C1", "parameters_source"] == "2020-03-10"


def test_changes_of_today_leave_the_closes_alone(small_store: Store, state: PricingState) -> None:
    apply_quotes(small_store, state, [quote("AAPL", 60.0, day=TUESDAY)], source="test")
    close = valued(small_store)
    change(small_store, state, trade("C1", quantity=1.0), trade("P1", ticker="MSFT"), trade("NEW"))
    change(small_store, state, {**PARAMETERS[0], "implied_vol": 0.8}, kind="parameters")
    pd.testing.assert_frame_equal(valued(small_store), close)
    assert "NEW" in valued(small_store, TUESDAY).index


def test_a_book_that_nobody_knows_is_unassigned_and_priced(small_store: Store, state: PricingState) -> None:
    change(small_store, state, trade("NEW", book="NOBODY_KNOWS"))
    with small_store.read() as connection:
        attributes = trade_attributes(connection).set_index("trade_id")
    assert attributes.loc["NEW", ["region", "business_unit", "desk"]].tolist() == ["Unassigned"] * 3
    assert "NEW" in valued(small_store).index


def test_a_book_that_comes_later_assigns_its_trades(small_store: Store, state: PricingState) -> None:
    book = {"book": "EQ_OTHER", "desk": "Other", "business_unit": "Equity derivatives", "region": "Europe"}
    changed = change(small_store, state, book, kind="books")
    with small_store.read() as connection:
        assert trade_attributes(connection).set_index("trade_id").loc["M1", "region"] == "Europe"
        entries = read_since(connection, changed.revision - 1)
    assert entries is not None
    assert entries[0].reload, "the boards must read the tree again"


@pytest.mark.parametrize("status_column", ["", ",TradeStatus"])
def test_a_file_without_a_status_resets_none(
    small_store: Store, state: PricingState, status_column: str, tmp_path: Path
) -> None:
    """Neither a file without the optional columns, nor one where they are blank, takes back what people have set."""
    path = tmp_path / "trades.csv"
    header = f"TradeId,Ticker,Book,Product,Quantity,Strike,Maturity,OptionType{status_column}"
    blank = "," if status_column else ""
    rows = [f"{trade_id},AAPL,EQ_VOL_HED,EQ_Option,7,70,2020-06-19,call{blank}\n" for trade_id in ("T1", "C1", "NEW")]
    path.write_text(f"{header}\n{''.join(rows)}")
    change(small_store, state, trade("C1", exercise_style="American"))
    loaded = load_file(small_store, state, "trades", path)
    assert [loaded.counts[name] for name in ("new", "changed", "unchanged")] == [1, 2, 0]
    assert stored_trade(small_store, "T1")["trade_status"] == "Terminated"
    assert stored_trade(small_store, "T1")["quantity"] == 7.0
    assert stored_trade(small_store, "C1")["contract_multiplier"] == 100.0
    assert stored_trade(small_store, "C1")["exercise_style"] == "American"
    assert stored_trade(small_store, "NEW")["trade_status"] == "Live"
    assert stored_trade(small_store, "NEW")["contract_multiplier"] == 1.0
    assert "T1" not in valued(small_store).index


def test_dates_far_away_do_no_harm(small_store: Store, state: PricingState) -> None:
    change(small_store, state, trade("FAR", maturity=date(2199, 12, 31)), trade("OLD", maturity=date(1901, 1, 1)))
    assert reasons(small_store)["OLD"] == "expired"
    assert "FAR" in valued(small_store).index or "FAR" in reasons(small_store)
    assert "C1" in valued(small_store).index
