"""Uploads go in as one, with their batch and audit; they can be taken back as long as nobody touched their rows."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Table, delete, select

from services.access.permissions import NotAllowed, Role, User
from services.pricing.pricing_state import PricingState
from services.pricing.repricing_scope import RepricingScope
from services.pricing.unit_of_work import unit_of_work
from services.records.incoming import Incoming
from services.uploads.apply_upload import PreviewOutdated, Uploaded, UploadMode, UploadRefused, apply_upload
from services.uploads.preview_upload import preview_upload
from services.uploads.undo_upload import Undone, UndoRefused, undo_upload
from services.writes.apply_incoming import apply_incoming
from services.writes.take_back import take_back_records
from storage.book.records import read_records
from storage.book.records_at import versions_of
from storage.core.change_log import read_since
from storage.core.database import Store
from storage.core.known_at import holds, withdraw_revision
from storage.core.schema import (
    books,
    change_rows,
    changes,
    instruments,
    pricing_failures,
    pricing_parameters,
    quote_versions,
    quotes,
    record_versions,
    sensitivities,
    trades,
)
from storage.people.audit import read_audit, verify_audit
from storage.people.uploads import read_batches, read_uploaded_rows, stored_rows
from storage.read_models.read_models import failures_frame, sensitivities_frame
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.small_book import MONDAY, TUESDAY, quote, stock, trade
from tests.services.uploads.test_preview_upload import ANN, GOOD, csv_of

EVERYTHING = (trades, books, instruments, pricing_parameters, quotes, quote_versions, sensitivities, pricing_failures)
VALUES = ("trade_id", "risk_factor", "market_value", "cash_delta", "source", "priced_by")
MIA = User("mia", frozenset({Role.MANAGER}))


def upload(
    store: Store,
    state: PricingState,
    content: bytes,
    name: str = "file.csv",
    mode: UploadMode = UploadMode.ALL_OR_NOTHING,
) -> Uploaded:
    return apply_upload(store, state, ANN, preview_upload(store, ANN, None, name, content), mode)


def undo(store: Store, state: PricingState, uploaded: Uploaded) -> Undone:
    assert uploaded.batch_id is not None
    return undo_upload(store, state, ANN, uploaded.batch_id)


def everything(store: Store) -> Mapping[str, list[Any]]:
    """All rows; of those that our pricing writes the revision and the time of observation do not count."""
    found = {}
    with store.read() as connection:
        for table in EVERYTHING:
            ours = table in (sensitivities, pricing_failures)
            columns = [c for c in table.columns if not (ours and c.name == "revision")]
            query = select(*columns)
            if table is quote_versions:
                query = query.where(holds(quote_versions))
            found[table.name] = sorted(map(repr, connection.execute(query)))
    return found


def valued(store: Store, day: Any = MONDAY) -> Any:
    with store.read() as connection:
        return sensitivities_frame(connection, day).set_index("trade_id")


TRADES = csv_of(GOOD.format("NEW"), GOOD.format("C1").replace(",10,", ",99,"), GOOD.format("P1"))


def test_an_upload_is_one_batch_priced_at_once_with_its_audit(small_store: Store, state: PricingState) -> None:
    done = upload(small_store, state, TRADES)
    assert done.counts == {"new": 1, "changed": 2, "unchanged": 0, "late": 0}
    assert {"NEW", "C1", "P1"} <= set(valued(small_store).index)
    with small_store.read() as connection:
        (batch,) = read_batches(connection)
        rows = read_uploaded_rows(connection, batch.batch_id)
        entry = read_audit(connection, limit=1)[0]
        assert verify_audit(connection) is None
        sources = set(read_records(connection, "trades").set_index("trade_id").loc[["NEW", "C1"], "source"])
    assert (batch.user_name, batch.file_name, batch.kind, batch.revision) == (
        "ann",
        "file.csv",
        "trades",
        done.revision,
    )
    assert batch.counts == {"new": 1, "changed": 2, "unchanged": 0, "late": 0, "failed": 0}
    assert [(row.key, row.line, row.previous and row.previous["quantity"]) for row in rows] == [
        (("NEW",), 2, None),
        (("C1",), 3, 10.0),
        (("P1",), 4, -5.0),
    ]
    assert (entry.entry.action, entry.entry.subject_key, entry.revision) == (
        "uploaded",
        str(batch.batch_id),
        batch.revision,
    )
    assert sources == {"upload file.csv by ann"}


def test_a_bad_row_holds_all_back_unless_the_good_ones_are_wanted(small_store: Store, state: PricingState) -> None:
    content = csv_of(GOOD.format("NEW"), GOOD.format("BAD").replace(",70,", ",-1,"))
    before = everything(small_store)
    with pytest.raises(UploadRefused, match="1 row of the file cannot be taken"):
        upload(small_store, state, content)
    assert everything(small_store) == before
    done = upload(small_store, state, content, mode=UploadMode.GOOD_ROWS)
    assert (done.counts["new"], done.failed_rows) == (1, 1)
    assert "BAD" not in valued(small_store).index


def test_the_same_file_again_is_recognised_and_changes_nothing(small_store: Store, state: PricingState) -> None:
    upload(small_store, state, TRADES)
    again = preview_upload(small_store, ANN, None, "other name.csv", TRADES)
    assert [(known.who, known.file_name, known.undone) for known in again.known] == [("ann", "file.csv", False)]
    assert again.effective_rows == 0
    assert apply_upload(small_store, state, ANN, again).batch_id is None
    with small_store.read() as connection:
        assert len(read_batches(connection)) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (trade("NEW"), "line 2 (NEW) was new and is changed now"),
        (trade("C1", quantity=11.0), "line 3 (C1) would change other values now"),
        (trade("C1", quantity=99.0), "line 3 (C1) was changed and is unchanged now"),
    ],
)
def test_a_store_that_moved_under_the_preview_refuses(
    small_store: Store, state: PricingState, change: dict[str, Any], said: str
) -> None:
    preview = preview_upload(small_store, ANN, None, "file.csv", TRADES)
    if change["trade_id"] == "NEW":
        change = {**change, "quantity": 5.0}
    change_records(small_store, PricingState(), "trades", [change], source="somebody")
    before = everything(small_store)
    with pytest.raises(PreviewOutdated, match="fresh preview") as refusal:
        apply_upload(small_store, state, ANN, preview)
    assert said in str(refusal.value)
    assert everything(small_store) == before
    fresh = preview_upload(small_store, ANN, None, "file.csv", TRADES)
    assert apply_upload(small_store, state, ANN, fresh).batch_id is not None


def test_what_else_moved_does_not_matter(small_store: Store, state: PricingState) -> None:
    preview = preview_upload(small_store, ANN, None, "file.csv", TRADES)
    change_records(small_store, PricingState(), "trades", [stock("OTHER")], source="somebody")
    apply_quotes(small_store, PricingState(), [quote("AAPL", 69.0, 60)], source="tick")
    assert apply_upload(small_store, state, ANN, preview).batch_id is not None


def test_a_quote_that_ticks_on_does_not_hold_an_upload_back(small_store: Store, state: PricingState) -> None:
    content = csv_of("2020-03-09,AAPL,70", header="AsOfDate,Instrument,Quote")
    preview = preview_upload(small_store, ANN, None, "quotes.csv", content)
    apply_quotes(small_store, PricingState(), [quote("AAPL", 69.0, 60)], source="tick")
    assert apply_upload(small_store, state, ANN, preview).counts["changed"] == 1
    timed = csv_of("2020-03-09T13:32:00Z,AAPL,71", header="AsOfDate,Instrument,Quote")
    preview = preview_upload(small_store, ANN, None, "quotes.csv", timed)
    apply_quotes(small_store, PricingState(), [quote("AAPL", 69.5, 180)], source="tick")
    with pytest.raises(PreviewOutdated, match="was changed and is late now"):
        apply_upload(small_store, state, ANN, preview)


def test_who_is_no_analyst_neither_uploads_nor_takes_back(small_store: Store, state: PricingState) -> None:
    preview = preview_upload(small_store, ANN, None, "file.csv", TRADES)
    done = upload(small_store, state, csv_of(GOOD.format("OTHER")))
    before = everything(small_store)
    for user in (MIA, User("vic")):
        with pytest.raises(NotAllowed):
            apply_upload(small_store, state, user, preview)
        with pytest.raises(NotAllowed):
            undo_upload(small_store, state, user, done.batch_id or 0)
        with small_store.read() as connection:
            last, other = (stored.entry for stored in read_audit(connection, limit=2))
        assert {last.user_name, other.user_name} == {user.name}
        assert {last.action, other.action} == {"refused"}
    assert everything(small_store) == before


REPORTED = "AsOfDate,TradeId,RiskFactor,MarketValue,Delta"
FILES = {
    "trades": TRADES,
    "books": csv_of("EQ_OTHER,D,U,R", "EQ_VOL_HED,D,U,R", header="Book,Desk,BusinessUnit,Region"),
    "instruments": csv_of("OXY,Oxy,Energy,Americas,USD", "NEW,N,S,R,EUR", header="Ticker,Name,Sector,Region,Currency"),
    "parameters": csv_of(
        "2020-03-09,AAPL,0.9,0,0",
        "2020-03-09,MSFT,0.9,0,0",
        header="AsOfDate,Ticker,ImpliedVol,RiskFreeRate,DividendYield",
    ),
    "quotes": csv_of(
        "2020-03-09,AAPL,99", "2020-03-09,OXY,20", "2020-03-09T13:00:00Z,MSFT,1", header="AsOfDate,Instrument,Quote"
    ),
    "quotes of a new day": csv_of("2020-03-10,AAPL,99", "2020-03-10,OXY,20", header="AsOfDate,Instrument,Quote"),
    "quotes of an earlier day": csv_of("2020-03-06,OXY,20", header="AsOfDate,Instrument,Quote"),
    "sensitivities": csv_of(
        "2020-03-09,C1,AAPL,1,2", "2020-03-09,X1,AAPL,3,4", "2020-03-09,GHOST,ZZZ,5,6", header=REPORTED
    ),
}


@pytest.mark.parametrize("what", FILES)
def test_an_undo_leaves_the_store_as_it_was(small_store: Store, state: PricingState, what: str) -> None:
    before = everything(small_store)
    done = upload(small_store, state, FILES[what])
    assert everything(small_store) != before
    undone = undo(small_store, state, done)
    after = everything(small_store)
    for name in before:
        assert after[name] == before[name], name
    with small_store.read() as connection:
        (batch,) = read_batches(connection)
        entry = read_audit(connection, limit=1)[0].entry
        (log,) = read_since(connection, undone.revision - 1) or []
        assert verify_audit(connection) is None
    assert (batch.undone_by, entry.action, log.reload) == ("ann", "undone", True)
    with pytest.raises(UndoRefused, match="already"):
        undo(small_store, state, done)
    change_records(small_store, state, "trades", [stock("S1", quantity=1.0)], source="test")
    apply_quotes(small_store, state, [quote("AAPL", 70.0, 600)], source="test")
    assert valued(small_store).loc["S1", "market_value"] == 70.0
    assert valued(small_store).loc["C1", "spot"] == 70.0, "ours ticks again"
    assert upload(small_store, state, FILES[what]).batch_id is not None, "and it can come again"


@pytest.mark.parametrize("rows", [2, 60])
def test_an_undo_takes_new_trades_off_every_date_that_was_priced_since(
    small_store: Store, state: PricingState, rows: int
) -> None:
    apply_quotes(small_store, state, [quote("AAPL", 67.0, day=TUESDAY)], source="test")
    ours = [GOOD.format(f"NEW{row}") for row in range(rows)]
    failing = [line.replace(",AAPL,", ",OXY,").replace("NEW", "OXY") for line in ours]
    done = upload(small_store, state, csv_of(*ours, *failing))
    apply_quotes(small_store, state, [quote("AAPL", 66.0, 60)], source="late")
    wednesday = date(2020, 3, 11)
    apply_quotes(small_store, state, [quote("AAPL", 69.0, day=wednesday)], source="test")
    for day in (MONDAY, TUESDAY, wednesday):
        assert len(written(small_store, sensitivities, day)) == rows, day
    for day in (TUESDAY, wednesday):
        assert len(written(small_store, pricing_failures, day)) == rows, day
    undo(small_store, state, done)
    for day in (MONDAY, TUESDAY, wednesday):
        assert not written(small_store, sensitivities, day), day
        assert not written(small_store, pricing_failures, day), day
        assert "C1" in valued(small_store, day).index


def written(store: Store, table: Table, day: date) -> list[str]:
    """The uploaded trades that have a row there."""
    with store.read() as connection:
        found = connection.execute(select(table.c.trade_id).where(table.c.as_of_date == day)).scalars()
        return [trade_id for trade_id in found if trade_id.startswith(("NEW", "OXY"))]


@pytest.mark.parametrize("rows", [1, 60])
def test_every_version_of_a_record_says_all_of_it(small_store: Store, state: PricingState, rows: int) -> None:
    odd = {"book": '"B" \\ %s', "quantity": -1.5e-7, "trade_status": "Größe 🙂"}
    records = [trade(f"V{row}", **odd) if row % 2 else stock(f"V{row}", quantity=3.0) for row in range(rows)]
    change_records(small_store, state, "trades", records, source="test")
    said = {record["trade_id"]: {**record, "maturity": day_text(record["maturity"])} for record in records}
    assert versions(small_store) == {(trade_id, 1): record for trade_id, record in said.items()}
    with unit_of_work(small_store, state, "undo") as work:
        stored = stored_rows(work.unit.connection, trades, [(trade_id,) for trade_id in said])
        withdraw_revision(work.unit, work.unit.revision - 1, "undo")
        take_back_records(work, "trades", stored, RepricingScope())
    assert versions(small_store) == {(trade_id, 1): record for trade_id, record in said.items()}
    with small_store.read() as connection:
        for trade_id, record in said.items():
            came, went = versions_of(connection, "trades", record_versions.c.record_key == trade_id)
            assert (came.record, came.removed, came.source) == (record, False, "test")
            assert (went.record, went.removed, went.source) == (record, True, "undo")


def day_text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def versions(store: Store) -> dict[tuple[str, int], dict[str, Any]]:
    """(trade, number of the version) -> the record, of the trades of the test above."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    with store.read() as connection:
        query = select(record_versions.c.record_key, record_versions.c.record).order_by(record_versions.c.revision)
        for key, record in connection.execute(query.where(record_versions.c.kind == "trades")):
            if key.startswith("V"):
                found[key, sum(each == key for each, _ in found) + 1] = record
    return found


def test_undos_go_back_one_by_one(small_store: Store, state: PricingState) -> None:
    before = everything(small_store)
    first = upload(small_store, state, TRADES)
    second = upload(small_store, state, TRADES.replace(b",99,", b",7,"))
    with pytest.raises(UndoRefused, match="1 of its rows has changed since"):
        undo(small_store, state, first)
    undo(small_store, state, second)
    undo(small_store, state, first)
    assert everything(small_store) == before


def test_what_somebody_touched_stays(small_store: Store, state: PricingState) -> None:
    done = upload(small_store, state, TRADES)
    change_records(small_store, state, "trades", [trade("NEW", quantity=1.0)], source="desk feed")
    before = everything(small_store)
    with pytest.raises(UndoRefused, match="NEW, by desk feed"):
        undo(small_store, state, done)
    assert everything(small_store) == before
    quoted = upload(small_store, state, FILES["quotes"])
    apply_quotes(small_store, state, [quote("AAPL", 98.0, 900)], source="tick")
    with pytest.raises(UndoRefused, match="AAPL, by tick"):
        undo(small_store, state, quoted)
    with pytest.raises(UndoRefused, match="no upload 77"):
        undo_upload(small_store, state, ANN, 77)


@pytest.mark.parametrize("log_is_there", [True, False])
def test_another_process_follows_an_undo(small_store: Store, state: PricingState, log_is_there: bool) -> None:
    """A sidecar that priced a trade does not write its values again after the trade was taken back."""
    other = PricingState()
    apply_quotes(small_store, other, [quote("AAPL", 68.5, 30)], source="sidecar")
    done = upload(small_store, state, csv_of(GOOD.format("NEW"), GOOD.format("C1").replace(",10,", ",99,")))
    apply_quotes(small_store, other, [quote("AAPL", 69.0, 60)], source="sidecar")
    assert "NEW" in valued(small_store).index
    undo(small_store, state, done)
    if not log_is_there:
        with small_store.bookkeeping() as connection:
            connection.execute(delete(change_rows))
            connection.execute(delete(changes))
    apply_quotes(small_store, other, [quote("AAPL", 70.0, 90)], source="sidecar")
    rows = valued(small_store)
    assert "NEW" not in rows.index
    assert other.trade("NEW") is None
    assert rows.loc["C1", "cash_delta"] == pytest.approx(
        rows.loc["P1", "cash_delta"] / -5.0 * 10.0 + 70.0 * 1000, rel=0.05
    )
    with small_store.read() as connection:
        assert "NEW" not in set(failures_frame(connection, MONDAY)["trade_id"])


def test_a_close_that_was_reported_over_is_the_same_again(small_store: Store, state: PricingState) -> None:
    apply_quotes(small_store, state, [quote("AAPL", 60.0, day=TUESDAY)], source="test")
    change_records(small_store, state, "trades", [trade("C1", quantity=3.0)], source="test")
    before = everything(small_store)
    undo(small_store, state, upload(small_store, state, FILES["sensitivities"]))
    assert everything(small_store) == before, "Monday's close of C1 is for 10 contracts, as it was"


def test_reports_of_others_survive_an_undo(small_store: Store, state: PricingState) -> None:
    done = upload(small_store, state, TRADES)
    row = {"as_of_date": MONDAY, "trade_id": "NEW", "risk_factor": "AAPL", "market_value": 5.0}
    apply_incoming(small_store, state, Incoming(sensitivities=[row]), source="risk system")
    undo(small_store, state, done)
    assert valued(small_store).loc["NEW", "source"] == "risk system"
