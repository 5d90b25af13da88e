"""Where a record was in its source is kept with its version, whatever way it came."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook
from sqlalchemy import select

from ingestion.kafka.batch import Gathered
from services.pricing.pricing_state import PricingState
from services.records.incoming import Incoming
from services.uploads.apply_upload import apply_upload
from services.uploads.preview_upload import preview_upload
from services.uploads.undo_upload import undo_upload
from services.writes.append import append
from services.writes.apply_incoming import apply_incoming
from services.writes.load_file import load_file
from services.writes.retry_dead_letters import retry_dead_letters
from storage.core.database import Store
from storage.core.schema import record_versions
from storage.feeds.dead_letters import read_dead_letters, write_dead_letters
from tests.fixtures.applying import change_records
from tests.fixtures.small_book import trade
from tests.ingestion.kafka_running import ticket, topic_of
from tests.ingestion.watching import TRADES, Rounds, call, table, write
from tests.services.uploads.test_preview_upload import ANN, GOOD, HEADER, csv_of

LATEST = datetime(2100, 1, 1, tzinfo=UTC)


def places(store: Store, kind: str = "trades") -> list[tuple[str, str]]:
    """(key, place) of each version that has a place, in the order of the versions."""
    table = record_versions.c
    query = select(table.record_key, table.place).where(table.kind == kind, table.place != "")
    with store.read() as connection:
        return [(row[0], row[1]) for row in connection.execute(query.order_by(table.revision, table.record_key))]


def uploaded(store: Store, state: PricingState, content: bytes, name: str, sheet: str | None = None) -> int:
    done = apply_upload(store, state, ANN, preview_upload(store, ANN, None, name, content, sheet=sheet))
    assert done.batch_id is not None
    return done.batch_id


def test_lines_of_a_file_that_is_loaded(small_store: Store, state: PricingState, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    two_lines = GOOD.format("F2") + ',"two\nlines"'
    path.write_bytes(csv_of(GOOD.format("F1") + ",", "", two_lines, header=f"{HEADER},Comment"))
    load_file(small_store, state, None, path)
    assert places(small_store) == [("F1", "line 2"), ("F2", "line 5")]
    path.write_text("Book,Desk,BusinessUnit,Region\nB,D,U,R\n", encoding="utf-8")
    load_file(small_store, state, None, path)
    assert places(small_store, "books") == [("B", "line 2")]


def test_rows_of_a_parquet_file(small_store: Store, state: PricingState, tmp_path: Path) -> None:
    rows = pa_csv.read_csv(io.BytesIO(csv_of(GOOD.format("F1"), GOOD.format("F2"))))
    pq.write_table(rows, tmp_path / "t.parquet")
    load_file(small_store, state, "trades", tmp_path / "t.parquet")
    assert places(small_store) == [("F1", "row 1"), ("F2", "row 2")]


def test_lines_of_a_watched_file(small_store: Store, state: PricingState, tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    write(tmp_path / "a.csv", table(TRADES, call("F1"), call("F2")))
    rounds.look()
    (found,) = rounds.after(1.0)
    assert found.content is not None
    apply_incoming(small_store, state, found.content.incoming, source="a.csv")
    assert places(small_store) == [("F1", "line 2"), ("F2", "line 3")]


def test_rows_of_a_sheet_that_is_uploaded_and_lines_of_a_text(small_store: Store, state: PricingState) -> None:
    workbook = Workbook()
    workbook.active.title = "Cover"
    sheet = workbook.create_sheet("New trades")
    for row in ([], *(line.split(",") for line in csv_of(GOOD.format("U1"), GOOD.format("U2")).decode().split())):
        sheet.append(row)
    content = io.BytesIO()
    workbook.save(content)
    uploaded(small_store, state, content.getvalue(), "t.xlsx", "New trades")
    expected = [("U1", "sheet New trades, row 3"), ("U2", "sheet New trades, row 4")]
    assert places(small_store) == expected
    batch = uploaded(small_store, state, csv_of(GOOD.format("U2").replace(",10,", ",11,")), "t.csv")
    assert places(small_store) == [*expected, ("U2", "line 2")]
    undo_upload(small_store, state, ANN, batch)
    assert places(small_store) == [*expected, ("U2", "line 2")], "an undo is no file"


def message(value: bytes, offset: int, partition: int = 3) -> Any:
    return SimpleNamespace(
        topic="orders",
        partition=partition,
        offset=offset,
        value=value,
        key=None,
        timestamp=0,
        serialized_value_size=len(value),
    )


def test_offsets_of_messages(small_store: Store, state: PricingState) -> None:
    gathered = Gathered("g", {})
    for offset, name in enumerate(("K1", "K2", "K1", "C1"), 1234):
        assert gathered.take(message(ticket(name, Quantity=offset), offset), topic_of("trades"), None, LATEST)
    again = message(ticket("K2", Quantity=1235), 1238)  # a redelivery says nothing new
    assert gathered.take(again, topic_of("trades"), None, LATEST)
    apply_incoming(small_store, state, gathered.incoming, source="kafka")
    assert places(small_store) == [
        ("C1", "orders, partition 3, offset 1237"),
        ("K1", "orders, partition 3, offset 1234"),
        ("K1", "orders, partition 3, offset 1236"),
        ("K2", "orders, partition 3, offset 1235"),
    ]


def test_the_offset_of_a_message_that_was_set_aside_first(small_store: Store, state: PricingState) -> None:
    gathered = Gathered("g", {})
    refused = topic_of("quotes")
    gathered.take(message(ticket("K1"), 7), refused, None, LATEST)
    (letter,) = gathered.letters
    with small_store.write() as unit:
        write_dead_letters(unit, [replace(letter, kind="trades")])
    with small_store.read() as connection:
        waiting = read_dead_letters(connection)
    assert [retried.fault for retried in retry_dead_letters(small_store, state, waiting)] == [None]
    assert places(small_store) == [("K1", "orders, partition 3, offset 7")]


def test_what_is_appended_or_has_no_place_says_nothing(small_store: Store, state: PricingState) -> None:
    row = {"TradeId": "A9", "Ticker": "AAPL", "Book": "B", "Product": "EQ_Stock", "Quantity": 1}
    assert append(small_store, state, "trades", [row]).new == 1
    change_records(small_store, state, "trades", [trade("A2")], source="test")
    assert places(small_store) == []


def test_what_is_unchanged_has_no_version_and_so_no_place(small_store: Store, state: PricingState) -> None:
    incoming = Incoming()
    incoming.add("trades", trade("C1"), "line 2")
    incoming.add("trades", trade("NEW"), "line 3")
    incoming.add("trades", trade("P1", option_type="put", quantity=-6.0), "line 4")
    apply_incoming(small_store, state, incoming, source="file")
    assert places(small_store) == [("NEW", "line 3"), ("P1", "line 4")]


def test_batches_with_and_without_places_are_joined(small_store: Store, state: PricingState) -> None:
    incoming = Incoming(records={"trades": [trade("J1")]})
    other = Incoming()
    other.add("trades", trade("J2"), "line 9")
    incoming.extend(other)
    incoming.extend(Incoming(records={"trades": [trade("J3")]}))
    incoming.add("trades", trade("J2", quantity=1.0))
    apply_incoming(small_store, state, incoming, source="both")
    assert places(small_store) == [("J2", "line 9")], "each version keeps its place; the last, which counts, has none"
    with pytest.raises(ValueError, match="there are no dogs"):
        incoming.add("dogs", {})
