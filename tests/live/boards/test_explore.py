"""What the pivot is sent: every trade with its attributes, buckets and measures, and only what changed after that."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from engine.buckets import EXPIRY_BUCKETS, MONEYNESS_BUCKETS, expiry_codes, moneyness, moneyness_codes
from engine.measures import DAY_PNL, MEASURES
from engine.selection import TradeSelection
from live.serving.hub import Hub
from live.tables.explore_columns import MATURITY, NUMBER_COLUMNS, ROW, TEXT_COLUMNS, Sums
from live.tables.wire import WireError, decode_arrow, encode_arrow
from services.pricing.pricing_state import PricingState
from services.records.incoming import Incoming
from services.writes.apply_incoming import apply_incoming
from storage.core.database import Store
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.small_book import MONDAY, quote
from tests.live.changes import hub_of, reported
from tests.live.viewer import Viewer


@pytest.fixture
def hub(small_store: Store) -> Iterator[Hub]:
    with hub_of(small_store) as followed:
        yield followed


def looking(hub: Hub, **selection: Any) -> Viewer:
    viewer = Viewer("explore", TradeSelection(**selection))
    hub.follow()
    viewer.look(hub, MONDAY)
    return viewer


def shown(viewer: Viewer, trade_id: str, underlying: str = "AAPL") -> dict[str, Any]:
    (row,) = (row for row in viewer.rows.values() if (row["Trade"], row["Underlying"]) == (trade_id, underlying))
    return row


def test_a_row_has_every_attribute_and_measure(hub: Hub) -> None:
    row = shown(looking(hub), "C1")
    labels = {column.label for column in NUMBER_COLUMNS} | set(TEXT_COLUMNS.values()) | {MATURITY}
    assert set(row) == labels
    assert {measure.label for measure in (*MEASURES, DAY_PNL)} < labels
    assert (row["Book"], row["Option type"], row["Status"], row["Source"]) == ("EQ_VOL_HED", "call", "Live", "engine")
    assert (row["Region"], row["Desk"], row["Currency"]) == ("Americas", "Vol hedging", "USD")
    assert isinstance(row[MATURITY], date)
    assert row["Days to expiry"] == (row[MATURITY] - MONDAY).days
    assert row["Moneyness"] == pytest.approx(row["Spot"] / row["Strike"])
    assert (row["Trades"], row["Without a value"], row["Why no value"]) == (1.0, 0.0, "")


def test_what_is_not_known_is_null_and_counted(hub: Hub, small_store: Store, state: PricingState) -> None:
    rows = [reported("U1", "SPX", market_value=None, cash_delta=5.0)]
    apply_incoming(small_store, state, Incoming(sensitivities=rows), source="risk file")
    viewer = looking(hub)
    row = shown(viewer, "U1", "SPX")
    assert (row["Market value"], row["Cash delta"], row["Source"]) == (None, 5.0, "risk file")
    assert (row["Book"], row["Sector"], row[MATURITY]) == ("Unassigned", "Not known", None)
    without = [row for row in viewer.rows.values() if row["Without a value"]]
    why = {row["Why no value"].split(":")[0] for row in without if row["Status"] == "Live"}
    assert why == {"expired", "no quote"}
    assert all(row["Market value"] is None for row in without)
    assert viewer.last["without_value"] == len(without)


def test_a_quote_sends_numbers_alone_and_of_its_underlying(hub: Hub, small_store: Store, state: PricingState) -> None:
    viewer = looking(hub)
    before = shown(viewer, "C1")["Moneyness bucket"]
    apply_quotes(small_store, state, [quote("AAPL", 500.0, 5)], source="t")
    hub.follow()
    seen = hub.message(MONDAY, "explore", viewer.selection, viewer.seen)
    assert seen is not None
    header, tables = decode_arrow(seen[1])
    assert (header["kind"], len(tables)) == ("delta", 1)
    assert "Trade" not in tables[0].column_names
    viewer.look(hub, MONDAY)
    assert {viewer.rows[row]["Underlying"] for row in tables[0].column(ROW).to_pylist()} == {"AAPL"}
    after = shown(viewer, "C1")
    assert (before, after["Moneyness bucket"]) == ("3 at, 0.95–1.05", "5 deep in, 1.20 and more")
    assert after["Spot"] == 500.0


def test_who_filters_is_told_which_rows_are_gone(hub: Hub, small_store: Store, state: PricingState) -> None:
    viewer = looking(hub, statuses=("Live",))
    many = len(viewer.rows)
    change_records(small_store, state, "trades", [{"trade_id": "C1", "trade_status": "Terminated"}], source="t")
    hub.follow()
    viewer.look(hub, MONDAY)
    assert (len(viewer.rows), len(viewer.last["gone"]), viewer.last["rows"]) == (many - 1, 1, many - 1)


def test_buckets_have_their_bounds() -> None:
    days = np.array([-1.0, 0, 7, 8, 30, 31, 730, 731, np.nan])
    names = [EXPIRY_BUCKETS[code] for code in expiry_codes(days)]
    assert names == [
        "expired", "000–007 d", "000–007 d", "008–030 d", "008–030 d", "031–090 d", "366–730 d", "731 d and more",
        "no expiry",
    ]  # fmt: skip
    spot, strike = (
        np.array([80.0, 79, 95, 105, 120, 100, np.nan, 50]),
        np.array([100.0, 100, 100, 100, 100, 80, 100, np.nan]),
    )
    puts = np.array([False, False, False, False, False, True, False, False])
    codes = moneyness_codes(moneyness(spot, strike, puts), strike)
    assert [MONEYNESS_BUCKETS[code][:2].strip() for code in codes] == ["2", "1", "3", "4", "5", "2", "no", "no"]
    assert (MONEYNESS_BUCKETS[codes[6]], MONEYNESS_BUCKETS[codes[7]]) == ("no quote", "no strike")
    assert sorted(EXPIRY_BUCKETS) == list(EXPIRY_BUCKETS)
    assert sorted(MONEYNESS_BUCKETS[:5]) == list(MONEYNESS_BUCKETS[:5])


def test_only_what_may_be_summed_says_so() -> None:
    sums = {column.label: column.sums for column in NUMBER_COLUMNS}
    never = {"Unit price", "Spot", "Strike", "Moneyness", "Days to expiry"}
    assert {label for label, over in sums.items() if over is Sums.NEVER} == never
    assert sums["Delta, shares"] is Sums.WITHIN_UNDERLYING
    assert sums["Quantity"] is Sums.WITHIN_CONTRACT
    assert sums["Cash delta"] is sums["Vega 1 pt"] is sums["Day P&L"] is Sums.WITHIN_CURRENCY


def test_a_message_that_is_cut_or_too_long_is_none() -> None:
    message = encode_arrow({"kind": "snapshot"}, [pa.table({"row": [1]})])
    assert decode_arrow(message)[1][0].to_pydict() == {"row": [1]}
    with pytest.raises(WireError):
        decode_arrow(message + b"more")
    with pytest.raises(WireError):
        decode_arrow(b"DLB1")
