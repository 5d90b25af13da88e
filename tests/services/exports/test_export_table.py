"""Exports read back: by what other programs read them with, and none of it is a formula."""

import csv
import io
import json
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.measures import camel_case
from services.exports import excel_workbook
from services.exports.export_columns import export_columns
from services.exports.export_table import METADATA_KEY, ExportForm, export_table
from services.files.excel_rows import ExcelRows
from services.files.file_limits import FileLimits
from services.files.read_file import read_file
from storage.core.database import Store
from storage.read_models.trade_list import TradeFilter, whole_trades
from tests.fixtures.small_book import stock

AT = datetime(2020, 3, 9, 13, 30, 1, 500_000, tzinfo=UTC)
FORMULAS = ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1+1"]
FRAME = pd.DataFrame(
    {
        "Trade": ["T1", "T2", "T3"],
        "Note": ["-1", None, 'a, "b"\n<c> & d'],
        "Quantity": [-1.0, np.nan, 12.5],
        "Lots": [-1, 0, 3],
        "Maturity": [date(2020, 6, 19), None, date(1850, 1, 1)],
        "Seen": pd.to_datetime([AT, None, AT], utc=True),
        "Live": [True, False, True],
        "Old": pd.Series([-1.5, "Live", date(2020, 6, 19)], dtype=object),
    }
)


def as_csv(frame: pd.DataFrame, **more: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(export_table(frame, ExportForm.CSV, "Trades", **more).decode(), newline="")))


def as_excel(frame: pd.DataFrame, title: str = "Trades", **more: Any) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(export_table(frame, ExportForm.EXCEL, title, **more)))


def cells_of(workbook: openpyxl.Workbook, sheet: int = 0) -> list[list[Any]]:
    return [[cell.value for cell in row] for row in workbook.worksheets[sheet].iter_rows()]


def as_parquet(frame: pd.DataFrame, **more: Any) -> pa.Table:
    return pq.read_table(io.BytesIO(export_table(frame, ExportForm.PARQUET, "Trades", **more)))


ODD_IDS = ["=1+1", "-OTC1", "@x", "'=1", "''=1", "'00123", "00123", "1E10", "'t Hoen", "''", "_x0041_", 'a"b', "a,b"]
ODD_IDS += ["+1", "'+1", "'2020-06-19", "2020-06-19", "\uff1d1", "#1!", "sep=;", "<b>&amp;", "é\U0001f600"]


@pytest.mark.parametrize("form", ExportForm)
def test_exported_trades_are_read_back_as_they_are(form: ExportForm, tmp_path: Path) -> None:
    rows = [stock(text, book=text, quantity=-1.5) for text in ODD_IDS]
    frame = pd.DataFrame(rows).rename(columns=camel_case)
    path = tmp_path / f"trades.{form}"
    path.write_bytes(export_table(frame, form, "Trades"))
    read = read_file(path, None, FileLimits()).records
    assert read.failures == []
    assert [(record["trade_id"], record["book"]) for record in read.records] == [(text, text) for text in ODD_IDS]


def test_csv_reads_back() -> None:
    assert as_csv(FRAME) == [
        ["Trade", "Note", "Quantity", "Lots", "Maturity", "Seen", "Live", "Old"],
        ["T1", "-1", "-1.0", "-1", "2020-06-19", "2020-03-09T13:30:01.500000Z", "True", "-1.5"],
        ["T2", "", "", "0", "", "", "False", "Live"],
        ["T3", 'a, "b"\n<c> & d', "12.5", "3", "1850-01-01", "2020-03-09T13:30:01.500000Z", "True", "2020-06-19"],
    ]


def test_excel_reads_back_with_real_dates_and_numbers() -> None:
    workbook = as_excel(FRAME, about={"As of": "2020-03-09", "Filters": "=none"})
    seen, expires = AT.replace(tzinfo=None), datetime(2020, 6, 19)  # noqa: DTZ001
    assert cells_of(workbook) == [
        ["Trade", "Note", "Quantity", "Lots", "Maturity", "Seen (UTC)", "Live", "Old"],
        ["T1", "-1", -1.0, -1, expires, seen, True, -1.5],
        ["T2", None, None, 0, None, None, False, "Live"],
        ["T3", 'a, "b"\n<c> & d', 12.5, 3, "1850-01-01", seen, True, "2020-06-19"],
    ]
    sheet = workbook.worksheets[0]
    assert [cell.data_type for cell in sheet[2]] == ["s", "s", "n", "n", "d", "d", "b", "n"]
    assert (sheet.title, sheet.freeze_panes, sheet["A1"].font.b, sheet["A2"].font.b) == ("Trades", "A2", True, False)
    assert sheet.sheet_view.pane.ySplit == 1
    assert sheet.column_dimensions["F"].width > len("2020-03-09 13:30:01")
    assert cells_of(workbook, 1) == [
        ["What", "Is"],
        ["Title", "Trades"],
        ["As of", "2020-03-09"],
        ["Filters", "'=none"],
        ["Rows", "3"],
    ]


def test_our_own_reader_takes_the_workbook(tmp_path: Any) -> None:
    (tmp_path / "t.xlsx").write_bytes(export_table(FRAME, ExportForm.EXCEL, "Trades"))
    with closing(ExcelRows(tmp_path / "t.xlsx", 10**6, 100, 20)) as workbook:
        rows = list(workbook.rows())
    assert rows[1][0] == 2
    assert rows[1][1][:5] == ["T1", "-1", -1, -1, datetime(2020, 6, 19)]  # noqa: DTZ001


def test_parquet_reads_back_with_what_it_is() -> None:
    table = as_parquet(FRAME, about={"As of": "2020-03-09"})
    assert table.drop_columns("Old").to_pylist()[0] == {
        "Trade": "T1",
        "Note": "-1",
        "Quantity": -1.0,
        "Lots": -1,
        "Maturity": date(2020, 6, 19),
        "Seen": AT,
        "Live": True,
    }
    assert table["Quantity"].null_count == 1
    assert table.schema.field("Seen").type == pa.timestamp("us", "UTC")
    assert table["Old"].to_pylist() == ["-1.5", "Live", "2020-06-19"]
    told = json.loads(table.schema.metadata[METADATA_KEY])
    assert told == {"Title": "Trades", "As of": "2020-03-09", "Rows": "3"}


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_is_a_formula(text: str) -> None:
    frame = pd.DataFrame({text: [text, "#REF!"]})
    assert as_csv(frame) == [[f"'{text}"], [f"'{text}"], ["#REF!"]]
    sheet = as_excel(frame, text).worksheets[0]
    values = [cell.value.replace("_x000D_", "\r") for cell in sheet["A"]]  # as the standard writes a carriage return
    assert values == [f"'{text}", f"'{text}", "#REF!"]
    assert {cell.data_type for cell in sheet["A"]} == {"s"}
    assert as_parquet(frame).to_pydict() == {text: [text, "#REF!"]}


def test_what_excel_cannot_hold_is_told_in_text() -> None:
    values = [10**15 + 1, float("inf"), "\x00\x0b\ufffe", "x" * 40_000, datetime(1899, 1, 1)]  # noqa: DTZ001
    (whole, endless, signs, long, old) = (cells_of(as_excel(pd.DataFrame({"A": [value]})))[1][0] for value in values)
    assert (whole, endless, signs) == ("1000000000000001", "inf", "\ufffd\ufffd\ufffd")
    assert len(long) == 32_767
    assert old == "1899-01-01"


def test_names_of_sheets_and_columns_are_made_fit() -> None:
    frame = pd.DataFrame([[1, 2]], columns=["A", "A"])
    assert as_csv(frame)[0] == ["A", "A (2)"]
    assert as_parquet(frame).column_names == ["A", "A (2)"]
    assert as_excel(frame, "a/b:c*" * 9).sheetnames[0] == "a b c a b c a b c a b c a b c a"
    assert as_excel(frame, "History").sheetnames == ["Table 1", "About"]
    assert as_excel(frame, "About").sheetnames == ["About", "Table 1"]


def test_levels_of_an_index_are_columns() -> None:
    frame = FRAME.assign(Desk="D").pivot_table(index="Trade", columns="Desk", values=["Lots"])
    assert as_csv(frame) == [["Trade", "Lots / D"], ["T1", "-1.0"], ["T2", "0.0"], ["T3", "3.0"]]
    assert as_csv(FRAME[["Lots"]].iloc[1:])[0] == ["Lots"]


def test_tables_without_rows_or_columns_are_files_too() -> None:
    empty = FRAME.iloc[:0]
    assert len(as_csv(empty)) == 1
    assert len(cells_of(as_excel(empty))) == 1
    assert as_parquet(empty).num_rows == 0
    for form in ExportForm:
        assert export_table(pd.DataFrame(), form, "Nothing")


def test_values_of_pandas_own_kinds() -> None:
    frame = pd.DataFrame(
        {
            "C": pd.Categorical(["a", None]),
            "I": pd.array([1, None], dtype="Int64"),
            "S": pd.array(["x", None], dtype="string"),
            "B": pd.array([True, None], dtype="boolean"),
            "M": pd.to_datetime(["2020-03-09 13:30", None]),
            "D": pd.to_datetime(["2020-03-09", None]),
            "L": [["a", 1], None],
        }
    )
    found = {column.name: column.values for column in export_columns(frame)}
    assert found == {
        "C": ["a", None],
        "I": [1, None],
        "S": ["x", None],
        "B": [True, None],
        "M": [datetime(2020, 3, 9, 13, 30), None],  # noqa: DTZ001
        "D": [date(2020, 3, 9), None],
        "L": ['["a", 1]', None],
    }


def test_more_rows_than_a_sheet_holds_go_on_in_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excel_workbook, "SHEET_ROWS", 2)
    workbook = as_excel(FRAME)
    assert workbook.sheetnames == ["Trades", "Trades 2", "About"]
    assert [row[0] for row in cells_of(workbook)] == ["Trade", "T1", "T2"]
    assert [row[0] for row in cells_of(workbook, 1)] == ["Trade", "T3"]


@pytest.mark.parametrize("form", [ExportForm.CSV, ExportForm.PARQUET])
def test_trades_that_are_exported_can_be_read_again(small_store: Store, tmp_path: Any, form: ExportForm) -> None:
    with small_store.read() as connection:
        frame = whole_trades(connection, TradeFilter(statuses=("Live",)))
    path = tmp_path / f"trades.{form}"
    path.write_bytes(export_table(frame, form, "Trades"))
    read = read_file(path, None, FileLimits())
    assert read.kind == "trades"
    assert read.records.failures == []
    assert len(read.records.records) == len(frame) == 7
    assert read.records.left_aside == ["Source"]
