"""The history is the same after the same rows, however they are batched."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import select

from engine.selection import TradeSelection
from services.pricing.pricing_state import PricingState
from services.queries.day_history import DayHistories
from services.queries.trade_day import trade_day
from services.queries.trade_detail import read_trade_detail
from services.records.incoming import Incoming
from services.tagging.trade_selection import MatchingTrades
from services.uploads.undo_upload import UndoRefused
from services.writes.apply_incoming import apply_incoming
from storage.book.records_at import records_at
from storage.core.database import Store
from storage.core.schema import record_versions, trades
from storage.read_models.one_trade import trade_versions
from storage.read_models.trade_history import records_before, who_set_statuses
from storage.read_models.trade_list import TradeFilter, count_trades
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.databases import Templates
from tests.fixtures.small_book import MONDAY, load_small_book, quote, trade
from tests.services.uploads.test_preview_upload import GOOD, csv_of
from tests.services.uploads.test_undo_upload import everything, undo, upload

CHANCE = random.Random(20200309)
ROWS = [
    trade(CHANCE.choice(["C1", "P1", "K1", "K2"]), quantity=float(CHANCE.randint(1, 3)), trade_status=status)
    for status in CHANCE.choices(["Live", "Terminated"], k=40)
]
"""Some repeat what is there, some lead away and back again."""
Batches = Callable[[Sequence[Any]], list[Sequence[Any]]]


def in_parts(size: int) -> Batches:
    return lambda rows: [rows[start : start + size] for start in range(0, len(rows), size)]


def history(store: Store, batches: Batches) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Every version with its place, by record; and the trades."""
    state = PricingState()
    placed = [(row, f"line {number}") for number, row in enumerate(ROWS)]
    for batch in batches(placed):
        records, places = [dict(row) for row, _ in batch], [place for _, place in batch]
        apply_incoming(store, state, Incoming(records={"trades": records}, places={"trades": places}), source="t")
    versions = record_versions.c
    columns = (versions.record_key, versions.record, versions.place)
    query = select(*columns).where(versions.kind == "trades", versions.source == "t")
    kept = [column for column in trades.columns if column.name != "revision"]
    with store.read() as connection:
        found = connection.execute(query.order_by(versions.record_key, versions.revision, versions.step)).all()
        return [tuple(row) for row in found], [
            tuple(row) for row in connection.execute(select(*kept).order_by(trades.c.trade_id))
        ]


@pytest.mark.parametrize("size", [2, 7, len(ROWS)])
def test_any_batches_give_the_same_history(small_store: Store, templates: Templates, size: int) -> None:
    one_by_one = Store(
        templates.copy("sqlite", "small without quotes", lambda opened: load_small_book(opened, PricingState()), None)
    )
    expected = history(one_by_one, in_parts(1))
    assert len(expected[0]) > 20
    assert history(small_store, in_parts(size)) == expected
    one_by_one.close()


def test_what_was_before_a_batch_and_after_it(small_store: Store) -> None:
    history(small_store, in_parts(len(ROWS)))
    with small_store.read() as connection:
        revision = small_store.revisions(connection).revision
        last = {row["trade_id"]: row for row in ROWS}
        now = {record["trade_id"]: record for record in records_at(connection, "trades", revision)[0]}
        assert {key: now[key] for key in last} == last
        before = {record["trade_id"]: record for record in records_at(connection, "trades", revision - 1)[0]}
        assert set(before) == set(now) - {"K1", "K2"}
        before_next = records_before(connection, ["C1", "K1"], revision + 1)
        assert {key: row.record["trade_status"] for key, row in before_next.items()} == {
            key: last[key]["trade_status"] for key in ("C1", "K1")
        }
        assert trade_versions(connection, "K1")[-1].record["quantity"] == last["K1"]["quantity"]


VERSIONS = [trade("C1", quantity=quantity) for quantity in (500.0, -7.0, 20.0)]


def in_one_batch(store: Store, state: PricingState, records: Sequence[dict[str, Any]]) -> None:
    change_records(store, state, "trades", records, source="several")


def cash_deltas(histories: DayHistories) -> list[float]:
    return list(histories.of(MONDAY, TradeSelection()).frame["cash_delta"])


def test_the_line_of_a_day_is_of_the_last_version(small_store: Store, templates: Templates) -> None:
    alone = Store(
        templates.copy("sqlite", "small without quotes", lambda opened: load_small_book(opened, PricingState()), None)
    )
    lines = []
    for store, records in ((alone, VERSIONS[-1:]), (small_store, VERSIONS)):
        state = PricingState()
        apply_quotes(store, state, [quote("AAPL", 68.0), quote("MSFT", 150.0)], source="test")
        kept = DayHistories(store)
        kept.of(MONDAY, TradeSelection())
        apply_quotes(store, state, [quote("AAPL", 69.0, 600.0)], source="test")
        in_one_batch(store, state, records)
        apply_quotes(store, state, [quote("AAPL", 70.0, 1200.0)], source="test")
        lines += [cash_deltas(kept), cash_deltas(DayHistories(store))]
        with store.read() as connection:
            lines.append(list(trade_day(connection, "C1", "AAPL", MONDAY).frame["cash_delta"].dropna()))
    alone.close()
    assert len(lines[0]) == 3
    assert lines[3:] == [pytest.approx(line) for line in lines[:3]]


def test_the_page_of_a_trade_shows_them_in_order(small_store: Store, state: PricingState) -> None:
    in_one_batch(small_store, state, VERSIONS)
    with small_store.read() as connection:
        detail = read_trade_detail(connection, "C1", MONDAY)
    assert detail is not None
    shown = [(each.version.record["quantity"], each.changes) for each in detail.versions]
    assert shown[:3] == [
        (20.0, (("quantity", -7.0, 20.0),)),
        (-7.0, (("quantity", 500.0, -7.0),)),
        (500.0, (("quantity", 10.0, 500.0),)),
    ]
    assert detail.trade["quantity"] == 20.0


def test_an_upload_over_several_is_taken_back_to_the_last(small_store: Store, state: PricingState) -> None:
    in_one_batch(small_store, state, VERSIONS)
    before = everything(small_store)
    undo(small_store, state, upload(small_store, state, csv_of(GOOD.format("C1"))))
    assert everything(small_store) == before
    with small_store.read() as connection:
        assert [version.record["quantity"] for version in trade_versions(connection, "C1")][-2:] == [10.0, 20.0]


def test_an_upload_under_several_is_not_taken_back(small_store: Store, state: PricingState) -> None:
    uploaded = upload(small_store, state, csv_of(GOOD.format("NEW")))
    in_one_batch(small_store, state, [{**version, "trade_id": "NEW"} for version in VERSIONS])
    with pytest.raises(UndoRefused, match="several"):
        undo(small_store, state, uploaded)


def test_a_selection_is_what_was_seen_before_a_batch_and_after_it(small_store: Store, state: PricingState) -> None:
    live = TradeFilter(statuses=("Live",), books=("EQ_VOL_HED",))
    statuses = ("Terminated", "Live", "Terminated")
    selections = []
    for batch in ([], [trade("C1", trade_status=status) for status in statuses]):
        if batch:
            in_one_batch(small_store, state, batch)
        with small_store.read() as connection:
            revision = small_store.revisions(connection).revision
            selections.append(MatchingTrades(live, revision, count_trades(connection, live)))
    in_one_batch(small_store, state, [trade("C1", trade_status=status) for status in ("Live", "Terminated", "Live")])
    with small_store.read() as connection:
        seen = [selection.seen(connection) for selection in selections]
        assert ("C1" in seen[0], "C1" in seen[1]) == (True, False)
        assert who_set_statuses(connection, ["C1"])["C1"].by == "several"
