"""What an upload would do is said before anything is written: new, changed, unchanged, and what is wrong with a row."""

import csv
import io
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from openpyxl import Workbook

from services.access.permissions import NotAllowed, Role, User
from services.exports.export_table import ExportForm, export_table
from services.files.file_limits import FileLimits
from services.files.spreadsheet_text import harmless
from services.records.record_kinds import RECORD_KINDS
from services.uploads.preview_upload import UploadPreview, preview_upload
from services.uploads.upload_failures import failures_table, reason_and_remediation
from services.uploads.upload_templates import template_table
from storage.core.database import Store
from storage.people.audit import read_audit
from tests.fixtures.small_book import BOOKS
from tests.fixtures.store_contents import contents

ANN = User("ann", frozenset({Role.ANALYST}))
HEADER = "TradeId,Ticker,Book,Product,Quantity,Strike,Maturity,OptionType,ExerciseStyle,ContractMultiplier,TradeStatus"
GOOD = "{},AAPL,EQ_VOL_HED,EQ_Option,10,70,2020-06-19,call,European,100,Live"


def csv_of(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def preview(store: Store, content: bytes, name: str = "trades.csv", **more: Any) -> UploadPreview:
    kind = more.pop("kind", None)
    return preview_upload(store, ANN, kind, name, content, **more)


MISTAKES: list[tuple[str, str, str, str]] = [
    ("M01,AAPL,EQ_VOL_HED,EQ_Option,10,70", "", "", "6 values for 11 columns"),
    (GOOD.format("M02") + ",more", "", "", "12 values for 11 columns"),
    (GOOD.format("M03").replace("2020-06-19", "19/06/2020"), "Maturity", "19/06/2020", "not a date"),
    (GOOD.format("M04").replace("2020-06-19", "2020-02-30"), "Maturity", "2020-02-30", "not a date"),
    (GOOD.format("M05").replace("2020-06-19", "1800-01-01"), "Maturity", "1800-01-01", "1901 to 2199"),
    (GOOD.format("M06").replace(",call,", ",straddle,"), "OptionType", "straddle", "must be call or put"),
    (GOOD.format("M07").replace(",70,", ",-70,"), "Strike", "-70", "must be above 0"),
    (GOOD.format("M08").replace(",70,", ",0,"), "Strike", "0", "must be above 0"),
    (GOOD.format("M09").replace("AAPL", "APPL"), "Ticker", "APPL", "knows no such ticker"),
    (GOOD.format("M10").replace(",10,", ",ten,"), "Quantity", "ten", "not a number"),
    (GOOD.format("M11").replace(",10,", ',"1,000",'), "Quantity", "1,000", "without thousands separators"),
    (GOOD.format("M12").replace(",10,", ",NaN,"), "Quantity", "NaN", "not a finite number"),
    (GOOD.format("M13").replace(",10,", ",inf,"), "Quantity", "inf", "not a finite number"),
    (GOOD.format("M14").replace(",10,", ",,"), "Quantity", "", "must not be empty"),
    (GOOD.format(""), "TradeId", "", "must not be empty"),
    (GOOD.format("M16").replace("2020-06-19", ""), "Maturity", "", "an option needs one"),
    (GOOD.format("M17").replace(",70,", ",,"), "Strike", "", "an option needs one"),
    (GOOD.format("M18").replace("European", "Bermudan"), "ExerciseStyle", "Bermudan", "European or American"),
    (GOOD.format("M19").replace("Live", "Dead"), "TradeStatus", "Dead", ""),
    (GOOD.format("M20").replace(",100,", ",0,"), "ContractMultiplier", "0", "must be above 0"),
    (GOOD.format("M21\x07"), "TradeId", "M21\x07", "cannot be printed"),
    (GOOD.format("M" * 201), "TradeId", "M" * 60, "longer than 200"),
    (GOOD.format("FINE-1"), "TradeId", "FINE-1", "stands in line 2 already"),
    (GOOD.format("M24").replace("EQ_VOL_HED", " "), "Book", "", "must not be empty"),
]
"""Row, the column, value and a part of the reason that must be said of it."""


def test_every_mistake_is_named_with_line_column_value_reason_and_mending(small_store: Store) -> None:
    content = b"\xef\xbb\xbf" + csv_of(GOOD.format("FINE-1"), *(row for row, *_ in MISTAKES))
    before = contents(small_store)
    found = preview(small_store, content)
    assert (found.kind, found.counts["new"], found.failed_rows) == ("trades", 1, len(MISTAKES))
    for line, (failure, (_, column, value, reason)) in enumerate(zip(found.failures, MISTAKES, strict=True), 3):
        assert (failure.line, failure.column, failure.value) == (line, column, value)
        assert reason in failure.message
        assert all(reason_and_remediation(failure))
    assert contents(small_store) == before, "nothing is written"


def test_a_reason_with_a_colon_is_whole_and_the_remediation_is_its_own(small_store: Store) -> None:
    found = preview(small_store, b"Date,Type,Note: free\n1,2,3\n")
    with small_store.read() as connection:
        (row,) = failures_table(connection, found).to_dict("records")
    assert row["Reason"] == "the columns fit no kind of record. Found: Date, Type, Note: free"
    assert row["HowToFix"].startswith("say which kind the file holds, or name the columns: trades need TradeId,")
    assert str(found.failures[0]) == f"line 1: {row['Reason']}: {row['HowToFix']}"


def test_failures_come_with_their_rows_and_without_formulas(small_store: Store) -> None:
    evil = GOOD.format("=cmd()").replace(",10,", ",-10,").replace("AAPL", "@SUM(A1)")
    found = preview(small_store, csv_of(GOOD.format("FINE-1"), evil))
    with small_store.read() as connection:
        table = failures_table(connection, found)
    rows = list(csv.reader(io.StringIO(export_table(table, ExportForm.CSV, "Failures").decode(), newline="")))
    assert rows[0] == ["Line", "Column", "Value", "Reason", "HowToFix", *HEADER.split(",")]
    assert rows[1][:3] == ["3", "Ticker", "'@SUM(A1)"]
    assert rows[1][5:10] == ["'=cmd()", "'@SUM(A1)", "EQ_VOL_HED", "EQ_Option", "-10"]
    assert [harmless(text) for text in ("-1.5e3", " +7", "-1+2", "\t=1")] == ["-1.5e3", " +7", "'-1+2", "'\t=1"]


def test_new_changed_and_unchanged_are_told_apart_field_by_field(small_store: Store) -> None:
    changed = GOOD.format("P1").replace("AAPL", "MSFT")
    found = preview(small_store, csv_of(GOOD.format("C1"), changed, GOOD.format("NEW")))
    assert found.counts == {"new": 1, "changed": 1, "unchanged": 1, "late": 0}
    assert {(c.column, c.old, c.new) for c in found.changes} == {
        ("Ticker", "AAPL", "MSFT"),
        ("Quantity", -5.0, 10.0),
        ("OptionType", "put", "call"),
    }
    assert {(c.line, c.key) for c in found.changes} == {(3, "P1")}


def test_a_column_that_the_file_lacks_changes_nothing(small_store: Store) -> None:
    header = "TradeId,Ticker,Book,Product,Quantity,Strike,Maturity,OptionType"
    found = preview(small_store, csv_of("A1,AAPL,EQ_VOL_HED,EQ_Option,10,80,2020-06-19,put", header=header))
    assert found.counts["unchanged"] == 1, "its exercise style and multiplier are not in the file"


def excel(rows: list[list[Any]], *, first: list[list[Any]] | None = None) -> bytes:
    workbook = Workbook()
    sheet = workbook.active
    if first is not None:
        for row in first:
            sheet.append(row)
        sheet = workbook.create_sheet("Trades")
    for row in rows:
        sheet.append(row)
    content = io.BytesIO()
    workbook.save(content)
    return content.getvalue()


def typed(trade_id: Any, quantity: Any = 10) -> list[Any]:
    return [
        trade_id,
        "AAPL",
        "EQ_VOL_HED",
        "EQ_Option",
        quantity,
        70,
        datetime(2020, 6, 19),  # noqa: DTZ001
        "call",
        "European",
        100,
        None,
    ]


def test_excel_is_read_as_it_looks(small_store: Store) -> None:
    found = preview(small_store, excel([HEADER.split(","), typed("C1"), typed(1001), [], typed("X", "ten")]), "t.xlsx")
    assert (found.counts["unchanged"], found.counts["new"]) == (1, 1)
    assert [(f.place, f.line, f.column, f.value) for f in found.failures] == [("row", 5, "Quantity", "ten")]
    assert found.records[1]["trade_id"] == "1001"
    assert found.records[1]["maturity"] == date(2020, 6, 19)
    assert found.failed_cells[5][:2] == ["X", "AAPL"]


def test_a_sheet_of_a_workbook_is_chosen(small_store: Store) -> None:
    content = excel([HEADER.split(","), typed("C1")], first=[["Notes"], ["nothing to load"]])
    assert preview(small_store, content, "t.xlsx").kind is None
    found = preview(small_store, content, "t.xlsx", sheet="Trades")
    assert (found.sheets, found.counts["unchanged"]) == (["Sheet", "Trades"], 1)
    assert "no sheet Other" in preview(small_store, content, "t.xlsx", sheet="Other").failures[0].message


def test_parquet_is_read(small_store: Store, tmp_path: Path) -> None:
    rows = [dict(zip(HEADER.split(","), [*typed(name)[:10], "Live"], strict=True)) for name in ("C1", "NEW")]
    path = tmp_path / "trades.parquet"
    pd.DataFrame(rows).to_parquet(path, index=False)
    assert preview(small_store, path.read_bytes(), "trades.parquet").counts == {
        "new": 1,
        "changed": 0,
        "unchanged": 1,
        "late": 0,
    }


def test_quotes_late_and_ahead_are_said(small_store: Store) -> None:
    rows = [
        "2020-03-09T13:30:00Z,AAPL,68",
        "2020-03-09T13:29:00Z,AAPL,67",
        "2020-03-09T13:31:00Z,AAPL,69",
        "2020-03-09,OXY,20",
        "2199-01-04T12:00:00Z,AAPL,70",
    ]
    found = preview(small_store, csv_of(*rows, header="AsOfDate,Instrument,Quote"), "quotes.csv")
    assert found.counts == {"new": 1, "changed": 1, "unchanged": 1, "late": 1}
    assert [(f.line, f.column) for f in found.failures] == [(6, "AsOfDate")]


def test_columns_that_nearly_match_are_proposed_and_taken_when_confirmed(small_store: Store) -> None:
    header = "Trade ID,Underlying,Portfolio,Product Type,Qty,Strike Price,Expiry,Put/Call,Note"
    content = csv_of("NEW,AAPL,EQ_VOL_HED,EQ_Option,10,70,2020-06-19,call,hello", header=header)
    found = preview(small_store, content)
    assert (found.kind, found.good_rows) == ("trades", 0), "nothing is read before somebody has confirmed"
    mapping = {proposal.name: proposal.column for proposal in found.proposals}
    assert mapping == {
        "Trade ID": "TradeId",
        "Underlying": "Ticker",
        "Portfolio": "Book",
        "Product Type": "Product",
        "Qty": "Quantity",
        "Strike Price": "Strike",
        "Expiry": "Maturity",
        "Put/Call": "OptionType",
    }
    confirmed = preview(small_store, content, mapping=mapping)
    assert (confirmed.counts["new"], confirmed.left_aside) == (1, ["Note"])


@pytest.mark.parametrize("kind", RECORD_KINDS)
@pytest.mark.parametrize("form", ExportForm)
def test_every_template_is_a_good_file(store: Store, kind: str, form: ExportForm) -> None:
    with store.read() as connection:
        template = template_table(connection, kind)
    found = preview(store, export_table(template, form, kind), f"t.{form}")
    assert (found.kind, found.failures) == (kind, [])
    assert found.good_rows == 1


def test_who_is_no_analyst_is_refused_and_recorded(small_store: Store) -> None:
    for user in (User("vic", frozenset({Role.VIEWER})), User("mia", frozenset({Role.MANAGER}))):
        with pytest.raises(NotAllowed, match="Analyst"):
            preview_upload(small_store, user, None, "trades.csv", csv_of(GOOD.format("NEW")))
        with small_store.read() as connection:
            entry = read_audit(connection, limit=1)[0].entry
        assert (entry.user_name, entry.action) == (user.name, "refused")
        assert "trades.csv" in entry.note


def test_what_is_no_table_is_refused_with_a_reason(small_store: Store) -> None:
    for content, name, reason in (
        (b"", "t.csv", "empty"),
        (b"a;b\n1;2\n", "t.csv", "save it with commas"),
        (b"\xff\xfe\x00", "t.csv", "not UTF-16-LE text"),
        (b"PK\x03\x04 no archive", "t.xlsx", "not a whole Excel workbook"),
        (b"hello", "t.xlsx", "not an Excel workbook"),
        (b"PAR1 no parquet", "t.parquet", "not a whole Parquet file"),
        (b"\xd0\xcf\x11\xe0 old", "t.xls", "old or protected"),
        (b"x,y\n1,2\n", "t.csv", "fit no kind"),
    ):
        found = preview(small_store, content, name)
        assert reason in found.failures[0].message
        assert found.good_rows == 0


def test_limits_refuse_with_what_to_do(small_store: Store) -> None:
    rows = [GOOD.format(f"N{number}") for number in range(50)]
    for limits, reason in (
        (FileLimits(bytes=100), "larger than"),
        (FileLimits(rows=10), "at most 10 are read"),
        (FileLimits(columns=5), "at most 5 are read"),
    ):
        found = preview(small_store, csv_of(*rows), limits=limits)
        assert reason in found.failures[0].message
        assert found.good_rows == 0
    table = [HEADER.split(","), *(typed(f"N{number}") for number in range(50))]
    for limits, reason in (
        (FileLimits(rows=10), "at most 10 are read"),
        (FileLimits(columns=5), "more than 5 columns"),
        (FileLimits(bytes=8_000), "unpacks to"),
    ):
        assert reason in preview(small_store, excel(table), "t.xlsx", limits=limits).failures[0].message


def test_a_name_is_never_a_place(small_store: Store) -> None:
    found = preview(small_store, csv_of(GOOD.format("NEW")), "../../../etc/passwd")
    assert found.counts["new"] == 1


def test_the_kind_can_be_said(small_store: Store) -> None:
    content = csv_of(",".join(BOOKS[0].values()), header="Book,Desk,BusinessUnit,Region")
    assert preview(small_store, content, kind="books").counts["unchanged"] == 1
    assert "no column" in preview(small_store, content, kind="trades").failures[0].message
    with pytest.raises(ValueError, match="there are no"):
        preview(small_store, content, kind="nonsense")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (GOOD.format("D1").replace("EQ_Option", "EQ_Opton"), "no engine prices the product EQ_Opton"),
        (GOOD.format("D2").replace("EQ_VOL_HED", "EQ_VOL_HEDD"), "the hierarchy has no book EQ_VOL_HEDD"),
        (
            GOOD.format("D3").replace("2020-06-19", "2019-06-19"),
            "matured before 2020-03-09, the earliest on 2019-06-19",
        ),
        (GOOD.format("D4").replace(",70,", ",7000000,"), "a strike of 7000000 against a quote of 68 for AAPL"),
    ],
)
def test_what_can_be_taken_and_looks_wrong_is_said(small_store: Store, row: str, words: str) -> None:
    found = preview(small_store, csv_of(GOOD.format("FINE-1"), row))
    assert (found.failures, found.counts["new"]) == ([], 2)
    assert [warning for warning in found.warnings if words in warning], found.warnings


def test_a_good_file_has_no_warning(small_store: Store) -> None:
    assert preview(small_store, csv_of(GOOD.format("FINE-1"))).warnings == []


def test_a_brokers_file_keeps_its_signs_and_says_what_is_lost(small_store: Store) -> None:
    content = (
        b"Deal Id,Symbol,Portfolio,Asset Class,Side,Qty,Strike,Expiry,Put/Call,Mult,Ccy\n"
        b"B1,AAPL,EQ_VOL_HED,OPT,SELL,10,70,2020-06-19,put,100,USD\n"
        b"B2,AAPL,EQ_VOL_HED,EQ_Option,BUY,10,70,2020-06-19,put,100,USD\n"
    )
    proposed = preview(small_store, content)
    assert proposed.kind == "trades"
    mapping = {proposal.name: proposal.column for proposal in proposed.proposals}
    found = preview(small_store, content, mapping=mapping)
    assert [record["quantity"] for record in found.records] == [-10.0, 10.0]
    assert {record["contract_multiplier"] for record in found.records} == {100.0}
    assert any("no engine prices the product OPT" in warning for warning in found.warnings)
    assert any("left aside, although it may say something: Ccy" in warning for warning in found.warnings)


def test_a_quote_of_what_nothing_knows_is_said(small_store: Store) -> None:
    content = b"AsOfDate,Instrument,Quote\n2020-03-10,aapl,280\n2020-03-10,APPL,281\n2020-03-10,AAPL,68\n"
    (warning,) = preview(small_store, content, kind="quotes").warnings
    assert warning == "no instrument and no trade is called aapl, APPL: look for a slip (2 rows)"
