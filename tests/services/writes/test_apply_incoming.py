"""Batches of everything at once: one transaction, one price for each trade, whoever writes it and in whatever order."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from services.pricing.price_all import price_newest
from services.pricing.pricing_state import PricingState
from services.records.incoming import Incoming
from services.writes.apply_incoming import Applied, apply_incoming
from storage.book.records import read_records
from storage.core.change_log import NO_DATE, read_since
from storage.core.database import Store, WriteUnit
from storage.feeds.feeds import PositionMoved
from storage.market.sensitivities import previous_priced_date, priced_dates
from storage.read_models.read_models import failures_frame, sensitivities_frame
from tests.fixtures.applying import apply_quotes, change_records, counts_of
from tests.fixtures.small_book import MONDAY, TUESDAY, quote, trade
from tests.fixtures.store_contents import contents


def values(store: Store, day: date = MONDAY) -> pd.DataFrame:
    with store.read() as connection:
        return sensitivities_frame(connection, day).set_index(["trade_id", "risk_factor"])


def reasons(store: Store, day: date = MONDAY) -> dict[str, str]:
    with store.read() as connection:
        frame = failures_frame(connection, day)
    return dict(zip(frame["trade_id"], frame["reason"], strict=True))


def reported(trade_id: str, risk_factor: str, market_value: float, day: date = MONDAY, **more: float) -> dict[str, Any]:
    return {
        "as_of_date": day,
        "trade_id": trade_id,
        "risk_factor": risk_factor,
        "market_value": market_value,
        **more,
    }


def report(store: Store, state: PricingState, *rows: dict[str, Any], source: str = "file risk.csv") -> Applied:
    return apply_incoming(store, state, Incoming(sensitivities=list(rows)), source=source)


def priced_anew(store: Store) -> dict[str, str]:
    """What the store holds after another process has read it and priced everything."""
    price_newest(store, PricingState(), source="test", wait_for_slow=True)
    return contents(store)


class TestTrades:
    def test_a_stream_of_changes_leaves_what_pricing_it_all_leaves(
        self, small_store: Store, state: PricingState
    ) -> None:
        rng = np.random.default_rng(11)
        for step in range(12):
            some = [
                trade(
                    f"R{rng.integers(20)}",
                    ticker=str(rng.choice(["AAPL", "MSFT", "OXY"])),
                    exercise_style=str(rng.choice(["European", "American"])),
                    strike=float(rng.integers(40, 160)),
                    maturity=date(2020, int(rng.integers(3, 9)), 6),
                    trade_status=str(rng.choice(["Live", "Live", "Terminated"])),
                    quantity=float(step + 1),
                )
                for _ in range(8)
            ]
            quotes = [quote("AAPL", 68.0 + step, 60 * step)] if step % 3 == 0 else []
            if step == 7:
                quotes += [quote("OXY", 30.0, 60 * step)]
            incoming = Incoming(records={"trades": some}, quotes=quotes)
            apply_incoming(small_store, state, incoming, source="test", wait_for_slow=True)
            stored = contents(small_store)
            dead = [f"R{i}" for i in range(20) if (t := state.trade(f"R{i}")) and t["trade_status"] == "Terminated"]
            assert not set(dead) & set(reasons(small_store)), "a terminated trade lacks nothing"
            assert priced_anew(small_store) == stored

    def test_a_trade_is_priced_alone(self, small_store: Store, state: PricingState) -> None:
        applied = change_records(small_store, state, "trades", [trade("NEW"), trade("C1", quantity=1.0)], source="test")
        stored = values(small_store)
        touched = stored.index[stored["revision"] == applied.revision]
        assert sorted(touched) == [("C1", "AAPL"), ("NEW", "AAPL")]
        assert counts_of(applied, "trades") == (1, 1, 0)

    def test_the_log_has_the_trades_whole(self, small_store: Store, state: PricingState) -> None:
        applied = change_records(small_store, state, "trades", [{"trade_id": "C1", "book": "OTHER"}], source="test")
        with small_store.read() as connection:
            entries = read_since(connection, applied.revision - 1)
        assert entries is not None
        (entry,) = entries
        assert not entry.reload
        (row,) = entry.tables[("trades", NO_DATE)].to_pylist()
        assert row == trade("C1", book="OTHER")

    def test_a_trade_and_the_quote_it_waits_for_come_together(self, small_store: Store, state: PricingState) -> None:
        incoming = Incoming(records={"trades": [trade("Z1", ticker="ZZZ")]}, quotes=[quote("ZZZ", 10.0, 60)])
        apply_incoming(small_store, state, incoming, source="test")
        assert ("Z1", "ZZZ") in values(small_store).index

    def test_a_trade_of_an_unknown_ticker_waits_for_its_quote(self, small_store: Store, state: PricingState) -> None:
        change_records(small_store, state, "trades", [trade("Z1", ticker="ZZZ")], source="test")
        assert reasons(small_store)["Z1"] == "no quote"
        apply_quotes(small_store, state, [quote("ZZZ", 10.0, 60)], source="test")
        assert "Z1" not in reasons(small_store)
        assert ("Z1", "ZZZ") in values(small_store).index

    def test_a_trade_that_changes_its_ticker_leaves_no_value_behind(
        self, small_store: Store, state: PricingState
    ) -> None:
        change_records(small_store, state, "trades", [trade("C1", ticker="MSFT")], source="test")
        assert [key for key in values(small_store).index if key[0] == "C1"] == [("C1", "MSFT")]
        change_records(small_store, state, "trades", [trade("C1", ticker="OXY")], source="test")
        assert "C1" not in values(small_store).index.get_level_values("trade_id")
        assert reasons(small_store)["C1"] == "no quote"

    def test_a_close_is_not_touched_by_a_batch_that_begins_a_day(self, small_store: Store, state: PricingState) -> None:
        close = values(small_store)
        incoming = Incoming(
            records={"trades": [trade("C1", ticker="MSFT", quantity=1.0)]}, quotes=[quote("AAPL", 60.0, day=TUESDAY)]
        )
        apply_incoming(small_store, state, incoming, source="test")
        pd.testing.assert_frame_equal(values(small_store), close)
        assert [key for key in values(small_store, TUESDAY).index if key[0] == "C1"] == [("C1", "MSFT")]

    def test_another_writer_follows_without_reading_all(
        self, small_store: Store, state: PricingState, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        apply_quotes(small_store, state, [quote("AAPL", 68.5, 10)], source="test")
        other = PricingState()
        change_records(small_store, other, "trades", [trade("NEW"), trade("C1", ticker="MSFT")], source="other")
        monkeypatch.setattr("services.pricing.pricing_state.read_plain_records", None)
        apply_quotes(small_store, state, [quote("AAPL", 70.0, 60), quote("MSFT", 152.0, 60)], source="test")
        stored = values(small_store)
        assert stored.loc[("NEW", "AAPL"), "spot"] == 70.0
        assert stored.loc[("C1", "MSFT"), "spot"] == 152.0
        assert ("C1", "AAPL") not in stored.index

    def test_new_parameters_reach_another_writer(self, small_store: Store, state: PricingState) -> None:
        other = PricingState()
        new = {"as_of_date": MONDAY, "ticker": "MSFT", "implied_vol": 0.9, "risk_free_rate": 0.0, "dividend_yield": 0.0}
        change_records(small_store, other, "parameters", [new], source="other")
        apply_quotes(small_store, state, [quote("MSFT", 151.0, 60)], source="test")
        assert values(small_store).loc[("M1", "MSFT"), "parameters_source"] == "2020-03-09"


class TestReported:
    def test_it_takes_the_place_of_ours_and_stays(self, small_store: Store, state: PricingState) -> None:
        report(small_store, state, reported("C1", "AAPL", 123.0, cash_delta=5.0))
        apply_quotes(small_store, state, [quote("AAPL", 71.0, 60)], source="test")
        change_records(small_store, state, "trades", [trade("C1", quantity=2.0)], source="test")
        price_newest(small_store, PricingState(), source="another process", wait_for_slow=True)
        row = values(small_store).loc[("C1", "AAPL")]
        assert (row["market_value"], row["cash_delta"], row["source"]) == (123.0, 5.0, "file risk.csv")
        assert np.isnan(row["vega_1pt"].astype(float)), "what was not given is not known"
        assert values(small_store).loc[("P1", "AAPL"), "spot"] == 71.0

    def test_a_setting_lets_ours_take_its_place(self, small_store: Store) -> None:
        state = PricingState(engine_overwrites_reported=True)
        report(small_store, state, reported("C1", "AAPL", 123.0))
        apply_quotes(small_store, state, [quote("AAPL", 71.0, 60)], source="test")
        assert values(small_store).loc[("C1", "AAPL"), "source"] == "engine"

    def test_it_stands_beside_ours_of_another_risk_factor(self, small_store: Store, state: PricingState) -> None:
        report(small_store, state, reported("C1", "SPX", 1.0), reported("UNKNOWN", "AAPL", 2.0))
        stored = values(small_store)
        assert list(stored.loc["C1", "source"]) == ["engine", "file risk.csv"]
        assert stored.loc[("UNKNOWN", "AAPL"), "market_value"] == 2.0

    def test_a_trade_that_could_not_be_priced_has_a_value_now(self, small_store: Store, state: PricingState) -> None:
        assert reasons(small_store) == {"X1": "expired", "N1": "no quote"}
        report(small_store, state, reported("N1", "OXY", 5.0), reported("X1", "AAPL", 6.0))
        assert reasons(small_store) == {}
        price_newest(small_store, PricingState(), source="test")
        assert reasons(small_store) == {}
        assert values(small_store).loc[("N1", "OXY"), "market_value"] == 5.0

    def test_the_same_again_is_unchanged(self, small_store: Store, state: PricingState) -> None:
        first = report(small_store, state, reported("C1", "AAPL", 1.0), reported("C1", "SPX", 2.0))
        again = report(small_store, state, reported("C1", "AAPL", 1.0), reported("C1", "SPX", 3.0))
        assert counts_of(first, "sensitivities") == (1, 1, 0)
        assert counts_of(again, "sensitivities") == (0, 1, 1)
        with small_store.read() as connection:
            entries = read_since(connection, again.revision - 1)
        assert entries is not None
        assert entries[0].tables[("sensitivities", MONDAY)].to_pydict()["risk_factor"] == ["SPX"]

    def test_a_few_reported_rows_are_no_close_of_the_book(self, small_store: Store, state: PricingState) -> None:
        report(small_store, state, reported("C1", "AAPL", 1.0, date(2020, 3, 7)))
        apply_quotes(small_store, state, [quote("AAPL", 60.0, day=date(2020, 3, 11))], source="test")
        report(small_store, state, reported("C1", "AAPL", 1.0, TUESDAY))
        with small_store.read() as connection:
            assert previous_priced_date(connection, date(2020, 3, 11)) == MONDAY
            assert previous_priced_date(connection, MONDAY) == date(2020, 3, 7), "where there is nothing else"
            assert priced_dates(connection) == [MONDAY, date(2020, 3, 11)]

    def test_a_quote_of_a_reported_date_prices_the_whole_book(self, small_store: Store, state: PricingState) -> None:
        report(small_store, state, reported("C1", "AAPL", 1.0, TUESDAY))
        apply_quotes(small_store, state, [quote("AAPL", 60.0, day=TUESDAY)], source="test")
        stored = values(small_store, TUESDAY)
        assert stored.loc[("C1", "AAPL"), "source"] == "file risk.csv"
        assert ("M1", "MSFT") in stored.index

    def test_another_writer_knows_it(self, small_store: Store, state: PricingState) -> None:
        apply_quotes(small_store, state, [quote("AAPL", 69.0, 10)], source="test")
        report(small_store, PricingState(), reported("C1", "AAPL", 123.0), source="other")
        apply_quotes(small_store, state, [quote("AAPL", 71.0, 60)], source="test")
        assert values(small_store).loc[("C1", "AAPL"), "market_value"] == 123.0


class Refusing:
    """A position that somebody else has moved."""

    def move(self, unit: WriteUnit, late: int, rejected: int) -> None:
        raise PositionMoved("taken")


def test_nothing_of_a_batch_stays_when_its_position_is_refused(small_store: Store, state: PricingState) -> None:
    before = contents(small_store)
    incoming = Incoming(
        records={"trades": [trade("NEW")]}, quotes=[quote("AAPL", 99.0, 60)], sensitivities=[reported("A", "B", 1.0)]
    )
    with pytest.raises(PositionMoved):
        apply_incoming(small_store, state, incoming, source="test", position=Refusing())
    assert contents(small_store) == before
    with small_store.read() as connection:
        assert "NEW" not in read_records(connection, "trades")["trade_id"].tolist()
    apply_incoming(small_store, state, incoming, source="test")
    assert ("NEW", "AAPL") in values(small_store).index


def test_the_same_quote_again_changes_nothing(small_store: Store, state: PricingState) -> None:
    first = apply_quotes(small_store, state, [quote("AAPL", 70.0, 60)], source="test")
    again = apply_quotes(small_store, state, [quote("AAPL", 70.0, 60)], source="test")
    assert (counts_of(first, "quotes"), counts_of(again, "quotes")) == ((0, 1, 0), (0, 0, 1))
    assert (values(small_store)["revision"] != again.revision).all()
