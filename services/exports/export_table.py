"""A table as a file that other programs read: CSV, Excel or Parquet, where no text is a formula."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from services.exports.excel_workbook import SheetTable, workbook_of
from services.exports.export_columns import Content, ExportColumn, export_columns, iso
from services.files.spreadsheet_text import harmless

METADATA_KEY = b"deltaboard"
"""Of a Parquet file's metadata: what the table is, as JSON."""
ABOUT = "About"
"""The sheet of a workbook that says what the table is."""


class ExportForm(StrEnum):
    """The forms of a file; the values are the endings of its name."""

    CSV = "csv"
    EXCEL = "xlsx"
    PARQUET = "parquet"

    @property
    def label(self) -> str:
        return {ExportForm.CSV: "CSV", ExportForm.EXCEL: "Excel", ExportForm.PARQUET: "Parquet"}[self]

    @property
    def mime(self) -> str:
        return {
            ExportForm.CSV: "text/csv",
            ExportForm.EXCEL: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            ExportForm.PARQUET: "application/vnd.apache.parquet",
        }[self]


def export_table(
    frame: pd.DataFrame,
    form: ExportForm,
    title: str,
    *,
    about: Mapping[str, str] | None = None,
) -> bytes:
    """The rows of a frame as a file. Its index is written where it has a name.

    What is not known is empty. Dates are ISO's, times UTC; in Excel both are real. In CSV and Excel a text that a
    spreadsheet would run begins with an apostrophe, and numbers stay numbers. about: what the table is (as of when,
    which filters, by whom): in Excel a sheet of its own, in Parquet metadata.
    """
    columns = export_columns(frame)
    said = {"Title": title, **(about or {}), "Rows": f"{len(frame)}"}
    if form is ExportForm.CSV:
        return _csv(columns)
    if form is ExportForm.EXCEL:
        headings = [harmless(_excel_heading(column)) for column in columns]
        table = SheetTable(title, headings, [_for_spreadsheet(column.values) for column in columns])
        told = SheetTable(ABOUT, ("What", "Is"), (list(said), _for_spreadsheet(list(said.values()))))
        return workbook_of([table, told])
    return _parquet(columns, said)


def _csv(columns: Sequence[ExportColumn]) -> bytes:
    target = io.StringIO(newline="")
    writer = csv.writer(target)  # ends lines with CRLF, and so quotes a text that has CR or LF
    writer.writerow([harmless(column.name) for column in columns])
    writer.writerows(zip(*(_csv_cells(column) for column in columns), strict=True))
    return target.getvalue().encode("utf-8", errors="replace")


def _csv_cells(column: ExportColumn) -> list[Any]:
    """Values as CSV has them; the writer writes nothing for None."""
    if column.content in (Content.DATE, Content.INSTANT, Content.MOMENT):
        texts = {value: None if value is None else iso(value) for value in set(column.values)}
        return [texts[value] for value in column.values]
    return _for_spreadsheet(column.values)


def _excel_heading(column: ExportColumn) -> str:
    """Times there have no zone of their own, so the heading says it."""
    says = column.content is Content.INSTANT and "UTC" not in column.name
    return f"{column.name} (UTC)" if says else column.name


def _for_spreadsheet(values: list[Any]) -> list[Any]:
    """Values of which no text is a formula; instants, which are of UTC, are without their zone: Excel has none."""
    texts = {value: harmless(value) for value in {each for each in values if each.__class__ is str}}
    return [
        texts[value] if value.__class__ is str else value.replace(tzinfo=None) if isinstance(value, datetime) else value
        for value in values
    ]


def _parquet(columns: Sequence[ExportColumn], said: Mapping[str, str]) -> bytes:
    fields, arrays = [], []
    for column in columns:
        array = pa.array(*_arrow_values(column))
        fields.append(pa.field(column.name, array.type))
        arrays.append(array)
    schema = pa.schema(fields, {METADATA_KEY: json.dumps(dict(said), ensure_ascii=False)})
    target = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), target)
    return target.getvalue()


def _arrow_values(column: ExportColumn) -> tuple[list[Any], pa.DataType]:
    values = column.values
    if column.content is Content.NUMBER:
        whole = all(isinstance(value, int) and -(2**63) <= value < 2**63 for value in values if value is not None)
        return values, pa.int64() if whole and any(value is not None for value in values) else pa.float64()
    if column.content in (Content.TEXT, Content.MIXED):
        texts = [None if value is None else str(value).encode("utf-8", "replace").decode() for value in values]
        return texts, pa.string()
    types = {
        Content.FLAG: pa.bool_(),
        Content.DATE: pa.date32(),
        Content.INSTANT: pa.timestamp("us", "UTC"),
        Content.MOMENT: pa.timestamp("us"),
    }
    return values, types[column.content]
