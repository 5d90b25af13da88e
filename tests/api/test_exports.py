"""Tables go out as files: to whom the gate lets pass, within bounds, whole, and with no text that is a formula."""

import asyncio
import io
import threading
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import urlencode, urlsplit

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from api import exports
from api.exports import Exports
from services.exports.export_kinds import TradeAsked, export_address
from services.exports.export_table import ExportForm
from services.exports.export_worker import ExportWorker
from services.uploads.upload_failures import KEPT_FAILURES
from services.uploads.upload_worker import KeptPreview
from storage.connection.settings import Settings
from storage.core.database import Store
from storage.read_models.trade_list import TradeFilter
from tests.fixtures.databases import wait_for
from tests.services.uploads.test_preview_upload import GOOD, csv_of, preview

HOST = "board.example"
SHOWN = pa.table(
    {
        "Desk": pa.array([None, "=cmd()", "Flow"]).dictionary_encode(),
        "Market value": [-1.5, None, 2.0],
        "call|Vega 1 pt": [1.0, 2.0, 3.0],
        "Maturity": [None, date(2020, 6, 19), date(2020, 9, 18)],
    }
)

pytestmark = pytest.mark.processes


class Open:
    """A gate that lets everybody pass under the name that they give themselves."""

    async def __call__(self, _connection: HTTPConnection) -> str | None:
        return None

    def name_of(self, connection: HTTPConnection) -> str:
        return connection.query_params.get("person", "Vera")


class Closed(Open):
    async def __call__(self, _connection: HTTPConnection) -> str | None:
        return "Sign in first."


@pytest.fixture
def of_store(small_store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExportWorker]:
    """The process of the exports reads this store."""
    url = small_store.url.render_as_string(hide_password=False)
    worker = ExportWorker(Settings(DATABASE_URL=url))  # type: ignore[call-arg]
    monkeypatch.setattr(exports, "export_worker", lambda: worker)
    yield worker
    worker.close()


def stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    found: bytes = sink.getvalue().to_pybytes()
    return found


def asked_for(address: str, **more: Any) -> Request:
    """A request for the path and query of an address; more: of its scope."""
    parts = urlsplit(address)
    kind = parts.path.rpartition("/")[2]
    scope = {"type": "http", "method": "GET", "headers": [], "query_string": parts.query.encode()}
    return Request({**scope, "path_params": {"kind": kind}, **more})


def exported(body: bytes, *, origin: str | None = f"https://{HOST}", gate: Any = None, **query: str) -> Response:
    """The answer to a page of this server that shows a pivot, unless a test says otherwise."""
    headers = [(b"host", HOST.encode())] + ([(b"origin", origin.encode())] if origin else [])
    scope = {"type": "http", "method": "POST", "headers": headers, "query_string": urlencode(query).encode()}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return asyncio.run(Exports(gate or Open()).shown(Request(scope, receive)))


def got(address: str, gate: Any = None) -> tuple[int, str]:
    """The status of what an address gives, and its text."""
    answer = asyncio.run(Exports(gate or Open()).of_store(asked_for(address)))
    return answer.status_code, bytes(answer.body).decode()


def test_an_address_gives_the_rows_that_it_says(of_store: ExportWorker) -> None:
    chosen = TradeFilter(statuses=("Live",), tickers=("AAPL",))
    status, text = got(export_address(chosen, ExportForm.CSV))
    rows = text.splitlines()
    assert (status, rows[0].split(",")[:2]) == (200, ["TradeId", "Ticker"])
    assert rows[1:]
    assert all(",AAPL," in row for row in rows[1:])
    answer = asyncio.run(Exports(Open()).of_store(asked_for(export_address(chosen, ExportForm.EXCEL, "Ana"))))
    about = dict(openpyxl.load_workbook(io.BytesIO(answer.body))["About"].iter_rows(values_only=True))
    assert (about["Made by"], about["Filters"]) == ("Ana", "status Live; underlying AAPL")
    assert about["Made at"].endswith(" UTC")


def test_what_only_the_reading_knows_is_in_the_file(of_store: ExportWorker) -> None:
    answer = asyncio.run(Exports(Open()).of_store(asked_for(export_address(TradeAsked("Ä/1"), ExportForm.PARQUET))))
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''trade-%C3%A4_1.parquet"
    about = pq.read_table(io.BytesIO(answer.body)).schema.metadata[b"deltaboard"].decode()
    assert '"As of": "no date"' in about
    assert '"Trade": "Ä/1"' in about


@pytest.mark.parametrize(
    ("status", "words", "asked"),
    [
        (404, "there is no table trade-s; there are trades", "/trade-s?form=csv"),
        (400, "form must be one of csv, xlsx, parquet", "/trades"),
        (400, "cannot be asked for by status, only by text, statuses", "/trades?form=csv&status=Live"),
        (400, "expired_at must be a date like 2020-03-06", "/trades?form=csv&expired_at=6.3."),
        (400, "text must be said once", "/trades?form=csv&text=a&text=b"),
        (400, "as_of must be said", "/not-included?form=csv"),
        (404, "there are no apples; there are trades", "/template?form=csv&kind=apples"),
        (404, "look at the file once more", "/failures?form=csv&preview_id=1"),
    ],
)
def test_an_address_that_is_wrong_gives_no_file_but_words(status: int, words: str, asked: str) -> None:
    found = got(asked)
    assert (found[0], words in found[1]) == (status, True), found


def test_whom_the_gate_refuses_gets_no_rows() -> None:
    assert got("/trades?form=csv", Closed()) == (401, '{"error":"Sign in first."}')


def test_a_table_that_cannot_be_made_is_told_in_words(of_store: ExportWorker) -> None:
    of_store.close()
    of_store._made = lambda *_: (_ for _ in ()).throw(RuntimeError("inside"))  # type: ignore[method-assign]
    status, text = got("/trades?form=csv")
    assert (status, "could not be made" in text, "inside" in text) == (500, True, False)


@pytest.mark.usefixtures("of_store")
def test_failures_are_for_whom_they_are_shown_to_for_as_long_as_they_are(small_store: Store) -> None:
    wrong = preview(small_store, csv_of(GOOD.format("=x()").replace("AAPL", "")))
    kept = KeptPreview("17", wrong.summary())
    KEPT_FAILURES.keep("Ana", kept)
    address = "/failures?form=csv&preview_id=17&person="
    status, text = got(f"{address}Ana")
    assert (status, "'=x()" in text) == (200, True)
    assert got(f"{address}Max")[0] == 404
    del kept
    assert got(f"{address}Ana")[0] == 404


def test_no_more_than_some_are_asked_for_at_once(of_store: ExportWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is on its way counts, and so does not one that has come, failed, or whose asker has gone."""
    monkeypatch.setattr(exports, "_MOST_AT_ONCE", 1)
    going, let_go = threading.Event(), threading.Event()

    class Slow(ExportWorker):
        def of_store(self, *_: Any, **__: Any) -> bytes:
            going.set()
            let_go.wait(120)
            return b"1"

    async def all_of_it() -> None:
        served = Exports(Open())
        request = asked_for("/trades?form=csv")

        async def status() -> int:
            return (await served.of_store(request)).status_code

        async def send(_message: Any) -> None:
            raise OSError("the browser has gone")

        assert (await served.of_store(asked_for("/trades?form=no"))).status_code == 400
        first = await served.of_store(request)
        assert (first.status_code, await status()) == (200, 503)
        with pytest.raises(OSError, match="gone"):
            await first({}, None, send)  # type: ignore[arg-type]
        slow = Slow(of_store._process._settings)
        monkeypatch.setattr(exports, "export_worker", lambda: slow)
        task = asyncio.create_task(served.of_store(request))
        await asyncio.to_thread(wait_for, going.is_set, 60, "the file to be begun")
        assert await status() == 503
        task.cancel()
        let_go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        slow.close()
        assert await status() == 200

    asyncio.run(all_of_it())


def test_a_file_is_sent_piece_by_piece_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_PIECE", 10)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    answer = exported(stream(SHOWN), form="csv", title="T")
    asyncio.run(answer({}, None, send))  # type: ignore[arg-type]
    assert b"".join(message["body"] for message in sent[1:]) == answer.body
    assert max(len(message["body"]) for message in sent[1:]) == 10
    assert [message["more_body"] for message in sent[-2:]] == [True, False]
    assert dict(sent[0]["headers"])[b"content-length"] == str(len(answer.body)).encode()


def test_csv_is_escaped_and_numbers_stay_numbers() -> None:
    answer = exported(stream(SHOWN), form="csv", title="Vega / desk")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''Vega_desk.csv"
    assert bytes(answer.body).decode().splitlines() == [
        "Desk,Market value,call | Vega 1 pt,Maturity",
        ",-1.5,1.0,",
        "'=cmd(),,2.0,2020-06-19",
        "Flow,2.0,3.0,2020-09-18",
    ]


def test_excel_and_parquet_keep_what_is_a_number_or_a_date() -> None:
    query = {"title": "T", "about.As of": "2020-03-06", "person": "Max"}
    book = openpyxl.load_workbook(io.BytesIO(exported(stream(SHOWN), form="xlsx", **query).body))
    rows = list(book.worksheets[0].iter_rows(values_only=True))
    assert rows[1][:3] == (None, -1.5, 1)
    assert rows[2][0] == "'=cmd()"
    assert {("As of", "2020-03-06"), ("Made by", "Max")} <= set(book["About"].iter_rows(values_only=True))
    table = pq.read_table(io.BytesIO(exported(stream(SHOWN), form="parquet", **query).body))
    assert table.column("Maturity").to_pylist() == [None, date(2020, 6, 19), date(2020, 9, 18)]
    assert table.column("Market value").to_pylist() == [-1.5, None, 2.0]


@pytest.mark.parametrize(
    ("status", "words", "asked"),
    [
        (403, "not of this server", {"origin": "https://elsewhere.example"}),
        (403, "not of this server", {"origin": None}),
        (401, "Sign in first", {"gate": Closed()}),
        (400, "form must be one of", {"form": "docx"}),
    ],
)
def test_who_may_not_is_told_why(status: int, words: str, asked: dict[str, Any]) -> None:
    answer = exported(stream(SHOWN), **{"form": "csv", **asked})
    assert (answer.status_code, words in bytes(answer.body).decode()) == (status, True)


def test_what_is_no_table_or_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert exported(b"no arrow at all", form="csv").status_code == 400
    assert exported(stream(SHOWN)[:-40], form="csv").status_code == 400
    cells = exported(stream(pa.table({"Nothing": pa.nulls(31_000_000)})), form="csv")
    assert (cells.status_code, b"more than 30" in bytes(cells.body)) == (413, True)
    monkeypatch.setattr(exports, "_MOST_HELD", 100)
    assert exported(stream(SHOWN), form="csv").status_code == 503
    monkeypatch.setattr(exports, "_MOST_BYTES", 100)
    assert exported(stream(SHOWN), form="csv").status_code == 413


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (413, {}),
        (413, {"said": b"1000"}),
        (503, {"held": 150}),
        (403, {"origin": b"https://elsewhere.example"}),
        (401, {"gate": Closed()}),
        (400, {"query": b"form=docx"}),
    ],
)
@pytest.mark.parametrize("sent", [20, 10**9])
def test_a_refusal_reaches_who_is_still_sending(
    monkeypatch: pytest.MonkeyPatch, status: int, asked: dict[str, Any], sent: int
) -> None:
    """Whoever is hung up on while it sends loses the answer. What is sent without end is not read to its end."""
    monkeypatch.setattr(exports, "_MOST_BYTES", 500)
    monkeypatch.setattr(exports, "_MOST_HELD", asked.get("held", 10**6))
    received = 0

    async def receive() -> dict[str, Any]:
        nonlocal received
        received += 1
        assert received <= sent, "the body is over"
        return {"type": "http.request", "body": bytes(100 if sent < 100 else 100_000), "more_body": received < sent}

    headers = {b"host": HOST.encode(), b"origin": asked.get("origin", f"https://{HOST}".encode())}
    if "said" in asked:
        headers[b"content-length"] = asked["said"]
    scope = {"type": "http", "method": "POST", "headers": list(headers.items())}
    scope["query_string"] = asked.get("query", b"form=csv")
    answer = asyncio.run(Exports(asked.get("gate") or Open()).shown(Request(scope, receive)))
    assert answer.status_code in {status, 413 if sent > 20 and status == 503 else status}
    assert received == sent or 100 < received < 1_000
