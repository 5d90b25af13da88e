"""The history is the same after the same rows, however they are batched."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import select

from services.apply_incoming import apply_incoming
from services.incoming import Incoming
from services.pricing_state import PricingState
from storage.database import Store
from storage.one_trade import trade_versions
from storage.records_at import records_at
from storage.schema import record_versions, trades
from storage.trade_history import statuses_before
from tests.databases import Templates
from tests.small_book import load_small_book, trade

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
    one_by_one = Store(templates.copy("sqlite", "small", lambda opened: load_small_book(opened, PricingState()), None))
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
        assert statuses_before(connection, ["C1", "K1"], revision + 1) == {
            key: last[key]["trade_status"] for key in ("C1", "K1")
        }
        assert trade_versions(connection, "K1")[-1].record["quantity"] == last["K1"]["quantity"]
