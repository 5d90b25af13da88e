"""Quotes come in: what is priced, what is late, what is set aside, and what a failure leaves behind."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select

import services.pricing.repricing_scope as module
from services.pricing.pricing_state import PricingState
from services.records.incoming import quote_of_date
from services.writes.apply_incoming import FeedPosition
from storage.core.change_log import read_since
from storage.core.database import Store
from storage.core.schema import quote_versions, quotes
from storage.feeds.feeds import FeedLost, claim_feed, read_feed
from storage.market.quotes import Quote
from storage.read_models.read_models import failures_frame, rejections_frame, sensitivities_frame
from tests.fixtures.applying import apply_quotes, change_records, counts_of
from tests.fixtures.revalued import revalued
from tests.fixtures.small_book import MONDAY, TUESDAY, load_small_book, quote, trade


def frame(store: Store, day: date = MONDAY) -> pd.DataFrame:
    with store.read() as connection:
        return sensitivities_frame(connection, day).set_index("trade_id")


def stored_quote(store: Store, ticker: str, day: date = MONDAY) -> float:
    with store.read() as connection:
        query = select(quotes.c.quote).where(quotes.c.instrument == ticker, quotes.c.as_of_date == day)
        return float(connection.execute(query).scalar_one())


def test_the_store_holds_what_the_engine_says(small_store: Store) -> None:
    with small_store.read() as connection:
        failures = failures_frame(connection, MONDAY)
    wanted, without_value = revalued(small_store, MONDAY)
    stored = frame(small_store)
    assert sorted(stored.index) == sorted(wanted.index) == ["A1", "C1", "M1", "P1", "S1"]
    for name in ("unit_price", "market_value", "cash_delta", "cash_gamma_1pct", "vega_1pt", "theta_1d", "rho_1bp"):
        np.testing.assert_allclose(stored[name], wanted.loc[stored.index, name], rtol=1e-14, err_msg=name)
    assert (
        dict(zip(failures["trade_id"], failures["reason"], strict=True))
        == without_value
        == {
            "X1": "expired",
            "N1": "no quote",
        }
    )
    assert stored.loc["M1", "parameters_source"] == "default"
    assert stored.loc["C1", "parameters_source"] == "2020-03-09"


def test_only_the_underlying_that_moved_is_repriced(small_store: Store, state: PricingState) -> None:
    before = frame(small_store)
    applied = apply_quotes(small_store, state, [quote("AAPL", 69.0, 60)], source="test")
    after = frame(small_store)
    assert set(after.index[after["revision"] == applied.revision]) == {"A1", "C1", "P1", "S1"}
    assert after.loc["M1"].equals(before.loc["M1"])
    assert after.loc["S1", "market_value"] == -300 * 69.0


def test_a_late_tick_goes_to_history_alone(small_store: Store, state: PricingState) -> None:
    apply_quotes(small_store, state, [quote("AAPL", 69.0, 60)], source="test")
    late = apply_quotes(small_store, state, [quote("AAPL", 50.0, 30)], source="test")
    assert (counts_of(late, "quotes"), late.of("quotes").late) == ((0, 0, 0), 1)
    assert stored_quote(small_store, "AAPL") == 69.0
    with small_store.read() as connection:
        kept = connection.execute(select(quote_versions.c.quote).where(quote_versions.c.instrument == "AAPL"))
        assert sorted(kept.scalars()) == [50.0, 68.0, 69.0]


def test_of_equal_times_the_later_arrival_counts(small_store: Store, state: PricingState) -> None:
    apply_quotes(small_store, state, [quote("AAPL", 69.0, 60), quote("AAPL", 69.5, 60)], source="test")
    assert stored_quote(small_store, "AAPL") == 69.5


def test_a_quote_from_the_future_is_set_aside_and_freezes_nothing(small_store: Store, state: PricingState) -> None:
    ahead = Quote(MONDAY, "AAPL", 1.0, datetime.now(UTC) + timedelta(days=1))
    applied = apply_quotes(small_store, state, [ahead], source="test")
    assert (counts_of(applied, "quotes"), applied.of("quotes").refused) == ((0, 0, 0), 1)
    apply_quotes(small_store, state, [quote("AAPL", 69.0, 60)], source="test")
    assert stored_quote(small_store, "AAPL") == 69.0
    with small_store.read() as connection:
        assert "ahead of the clock" in rejections_frame(connection)["reason"].iloc[0]


def test_a_quote_with_a_date_alone_replaces_and_is_replaced(small_store: Store, state: PricingState) -> None:
    apply_quotes(small_store, state, [quote_of_date(MONDAY, "AAPL", 70.0)], source="test")
    assert stored_quote(small_store, "AAPL") == 70.0
    apply_quotes(small_store, state, [quote("AAPL", 71.0, 1)], source="test")
    assert stored_quote(small_store, "AAPL") == 71.0


def test_the_roll_prices_the_whole_book_and_freezes_the_close(small_store: Store, state: PricingState) -> None:
    close = frame(small_store)
    apply_quotes(small_store, state, [quote("AAPL", 60.0, day=TUESDAY)], source="test")
    assert sorted(frame(small_store, TUESDAY).index) == sorted(close.index), "MSFT is priced at its newest quote"
    pd.testing.assert_frame_equal(frame(small_store), close)
    assert frame(small_store, TUESDAY).loc["C1", "market_value"] < close.loc["C1", "market_value"]


def test_a_feed_that_has_rolled_cannot_touch_the_close(small_store: Store, state: PricingState) -> None:
    with small_store.bookkeeping() as connection:
        claim_feed(connection, "replay", "me", 1, datetime.now(UTC), 10.0, None)
    position = FeedPosition("replay", "me", {"row": 1})
    close = frame(small_store)
    late = [quote("AAPL", 1.0, 20_000)]
    applied = apply_quotes(small_store, state, late, source="replay", position=position, not_before=TUESDAY)
    assert applied.of("quotes").late == 1
    pd.testing.assert_frame_equal(frame(small_store), close)
    with small_store.read() as connection:
        feed = read_feed(connection, "replay")
    assert feed is not None
    assert (feed.late_quotes, feed.cursor) == (1, {"row": 1})


def test_a_sidecar_that_lost_its_feed_writes_nothing(small_store: Store, state: PricingState) -> None:
    with small_store.bookkeeping() as connection:
        claim_feed(connection, "replay", "another", 1, datetime.now(UTC), 10.0, None)
    with pytest.raises(FeedLost):
        apply_quotes(
            small_store,
            state,
            [quote("AAPL", 99.0, 60)],
            source="replay",
            position=FeedPosition("replay", "me", {"row": 9}),
        )
    assert stored_quote(small_store, "AAPL") == 68.0


def test_killed_in_the_middle_nothing_is_half_done(
    small_store: Store, state: PricingState, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = frame(small_store)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "price_underlyings", die)
    with pytest.raises(KeyboardInterrupt):
        apply_quotes(small_store, state, [quote("AAPL", 99.0, 60)], source="test")
    monkeypatch.undo()
    assert stored_quote(small_store, "AAPL") == 68.0
    pd.testing.assert_frame_equal(frame(small_store), before)
    apply_quotes(small_store, state, [quote("AAPL", 99.0, 60)], source="test")
    assert frame(small_store).loc["S1", "market_value"] == -300 * 99.0


def test_two_writers_see_each_other(small_store: Store, state: PricingState) -> None:
    other = PricingState()
    apply_quotes(small_store, other, [quote("AAPL", 75.0, 60)], source="other")
    change_records(small_store, other, "trades", [trade("NEW", quantity=1.0)], source="other")
    apply_quotes(small_store, state, [quote("AAPL", 74.0, 30)], source="test")
    assert stored_quote(small_store, "AAPL") == 75.0, "the other writer's newer quote stands"
    apply_quotes(small_store, state, [quote("AAPL", 76.0, 90)], source="test")
    assert frame(small_store).loc["NEW", "spot"] == 76.0, "the other writer's trade ticks"


def test_the_log_has_what_changed_and_no_more(small_store: Store, state: PricingState) -> None:
    applied = apply_quotes(small_store, state, [quote("MSFT", 151.0, 60)], source="test")
    with small_store.read() as connection:
        entries = read_since(connection, applied.revision - 1)
    assert entries is not None
    (entry,) = entries
    assert (entry.as_of_date, entry.observed_at, entry.reload) == (MONDAY, quote("MSFT", 1, 60).observed_at, False)
    logged = entry.tables[("sensitivities", MONDAY)].to_pydict()
    assert logged["trade_id"] == ["M1"]
    assert logged["market_value"] == [frame(small_store).loc["M1", "market_value"]]
    assert entry.tables[("quotes", MONDAY)].to_pydict()["quote"] == [151.0]


@pytest.mark.parametrize("quotes_first", [True, False])
def test_files_may_come_in_any_order(store: Store, quotes_first: bool) -> None:
    state = PricingState()
    market = [quote("AAPL", 68.0), quote("MSFT", 150.0)]
    if quotes_first:
        apply_quotes(store, state, market, source="test")
        load_small_book(store, state)
    else:
        load_small_book(store, state)
        apply_quotes(store, state, market, source="test")
    stored = frame(store)
    assert sorted(stored.index) == ["A1", "C1", "M1", "P1", "S1"]
    assert stored.loc["C1", "parameters_source"] == "2020-03-09"
