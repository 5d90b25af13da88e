"""What a pivot shows goes out as a file: only to its own page, within bounds, and with no text that is a formula."""

import asyncio
import io
from datetime import date
from typing import Any
from urllib.parse import urlencode

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from api import export_shown
from api.export_shown import ExportShown

HOST = "board.example"
SHOWN = pa.table(
    {
        "Desk": pa.array([None, "=cmd()", "Flow"]).dictionary_encode(),
        "Market value": [-1.5, None, 2.0],
        "call|Vega 1 pt": [1.0, 2.0, 3.0],
        "Maturity": [None, date(2020, 6, 19), date(2020, 9, 18)],
    }
)


def stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    found: bytes = sink.getvalue().to_pybytes()
    return found


async def open_to_all(_connection: HTTPConnection) -> None:
    return None


async def closed(_connection: HTTPConnection) -> str:
    return "Sign in first."


def exported(body: bytes, *, origin: str | None = f"https://{HOST}", gate: Any = open_to_all, **query: str) -> Response:
    """The answer to a page of this server, unless a test says otherwise."""
    headers = [(b"host", HOST.encode())] + ([(b"origin", origin.encode())] if origin else [])
    scope = {"type": "http", "method": "POST", "headers": headers, "query_string": urlencode(query).encode()}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return asyncio.run(ExportShown(gate).answer(Request(scope, receive)))


def test_csv_is_escaped_and_numbers_stay_numbers() -> None:
    answer = exported(stream(SHOWN), form="csv", title="Vega / desk")
    assert answer.headers["content-disposition"] == 'attachment; filename="Vega_desk.csv"'
    assert bytes(answer.body).decode().splitlines() == [
        "Desk,Market value,call | Vega 1 pt,Maturity",
        ",-1.5,1.0,",
        "'=cmd(),,2.0,2020-06-19",
        "Flow,2.0,3.0,2020-09-18",
    ]


def test_excel_and_parquet_keep_what_is_a_number_or_a_date() -> None:
    query = {"title": "T", "about.As of": "2020-03-06"}
    book = openpyxl.load_workbook(io.BytesIO(exported(stream(SHOWN), form="xlsx", **query).body))
    rows = list(book.worksheets[0].iter_rows(values_only=True))
    assert rows[1][:3] == (None, -1.5, 1)
    assert rows[2][0] == "'=cmd()"
    assert ("As of", "2020-03-06") in list(book["About"].iter_rows(values_only=True))
    table = pq.read_table(io.BytesIO(exported(stream(SHOWN), form="parquet", **query).body))
    assert table.column("Maturity").to_pylist() == [None, date(2020, 6, 19), date(2020, 9, 18)]
    assert table.column("Market value").to_pylist() == [-1.5, None, 2.0]


@pytest.mark.parametrize(
    ("status", "words", "asked"),
    [
        (403, "not of this server", {"origin": "https://elsewhere.example"}),
        (403, "not of this server", {"origin": None}),
        (401, "Sign in first", {"gate": closed}),
        (400, "form must be one of", {"form": "docx"}),
    ],
)
def test_who_may_not_is_told_why(status: int, words: str, asked: dict[str, Any]) -> None:
    answer = exported(stream(SHOWN), **{"form": "csv", **asked})
    assert (answer.status_code, words in bytes(answer.body).decode()) == (status, True)


def test_what_is_no_table_or_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert exported(b"no arrow at all", form="csv").status_code == 400
    assert exported(stream(SHOWN)[:-40], form="csv").status_code == 400
    monkeypatch.setattr(export_shown, "_MOST_CELLS", 11)
    assert exported(stream(SHOWN), form="csv").status_code == 413
    monkeypatch.setattr(export_shown, "_MOST_BYTES", 100)
    assert exported(stream(SHOWN), form="csv").status_code == 413
