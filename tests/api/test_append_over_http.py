"""``POST /api/...`` on a real web server: what is taken, what is answered, and who is refused."""

import io
import json
import socket
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

import api.appender
import api.bodies
import api.body_files
import api.routes
from api.access import RequestWindow
from api.bodies import EXCEL, PARQUET
from services.exports.excel_workbook import SheetTable, workbook_of
from services.writes.append import append_read
from storage.connection.faults import Fault, unavailable
from storage.connection.settings import settings
from storage.core.database import Store
from storage.core.schema import quotes, sensitivities, store_state
from tests.api.serving import QUOTE, TOKEN, Server
from tests.board.running import running_board
from tests.fixtures.small_book import MONDAY


@pytest.fixture
def server(small_store: Store) -> Iterator[Server]:
    running = Server(small_store)
    yield running
    running.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers on an empty embedded store: who is refused does not depend on the database."""
    store = Store(f"sqlite:///{tmp_path}/store.sqlite")
    store.migrate()
    started: list[Server] = []

    def start_server(**changes: Any) -> Server:
        started.append(Server(store, **changes))
        return started[-1]

    yield start_server
    for running in started:
        running.close()
    store.close()


def price(store: Store) -> float:
    with store.read() as connection:
        query = select(quotes.c.quote).where(quotes.c.instrument == "AAPL", quotes.c.as_of_date == MONDAY)
        return float(connection.execute(query).scalar_one())


def file_of(content_type: str, columns: dict[str, list[Any]]) -> bytes:
    """A workbook with another sheet behind it, or a Parquet file."""
    if content_type == PARQUET:
        target = io.BytesIO()
        pq.write_table(pa.table(columns), target)
        return target.getvalue()
    return workbook_of(
        [SheetTable("Quotes", list(columns), list(columns.values())), SheetTable("Notes", ["Note"], [["not read"]])]
    )


def counts(answer: dict[str, Any]) -> tuple[int, ...]:
    return tuple(answer[name] for name in ("new", "changed", "unchanged", "late", "refused"))


class TestTaken:
    def test_a_quote_is_priced_when_the_answer_comes(self, server: Server, small_store: Store) -> None:
        answer = server.append("quotes", [QUOTE])
        assert answer.status == 200
        assert counts(answer.json) == (0, 1, 0, 0, 0)
        with small_store.read() as connection:
            spots = connection.execute(select(sensitivities.c.spot).where(sensitivities.c.trade_id == "C1")).scalars()
            assert answer.json["revision"] == connection.execute(select(store_state.c.revision)).scalar_one()
            assert set(spots) == {69.5}
        assert counts(server.append("quotes", QUOTE).json) == (0, 0, 1, 0, 0), "one object; and the same again"

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            ("application/json", '[{"asofdate":"2020-03-09","INSTRUMENT":"AAPL","Quote":"69.5"}]'),
            ("application/json; charset=UTF-8", '[["2020-03-09","AAPL",69.5]]'),
            (
                "application/x-ndjson",
                '{"AsOfDate":"2020-03-09","Instrument":"AAPL","Quote":60}\n\n["2020-03-09","AAPL",69.5]',
            ),
            ("text/csv", "\ufeffQuote,AsOfDate,Instrument\r\n60,2020-03-09,AAPL\r\n69.5,2020-03-09,AAPL\r\n"),
        ],
    )
    def test_bodies_of_every_type(self, server: Server, small_store: Store, content_type: str, body: str) -> None:
        answer = server.ask("/api/quotes", body, content_type=content_type)
        assert (answer.status, answer.json["refused"]) == (200, 0)
        assert price(small_store) == 69.5

    @pytest.mark.parametrize("content_type", [EXCEL, PARQUET])
    def test_files_are_read_as_load_reads_them_but_a_key_may_come_again(
        self, server: Server, small_store: Store, content_type: str
    ) -> None:
        days = [date(2020, 3, 9)] * 4
        values: dict[str, list[Any]] = {"quote": [60.0, None, 69.5, -1.0], "Instrument": ["AAPL", "X", "AAPL", "MSFT"]}
        body = file_of(content_type, {**values, "AsOfDate": days, "Venue": ["N"] * 4})
        answer = server.ask("/api/quotes", body, content_type=content_type)
        first = 2 if content_type == EXCEL else 1
        assert (answer.status, counts(answer.json)) == (200, (0, 2, 0, 0, 2))
        assert [(failure["row"], failure["column"]) for failure in answer.json["failures"]] == [
            (first + 1, "Quote"),
            (first + 3, "Quote"),
        ]
        assert answer.json["left_aside"] == ["Venue"]
        assert price(small_store) == 69.5, "the last row of a key counts"

    def test_bad_rows_are_named_and_the_others_taken(self, server: Server, small_store: Store) -> None:
        answer = server.append("quotes", [QUOTE, {**QUOTE, "Quote": -1, "Venue": "X"}, 5, {"Quote": 1}])
        assert answer.status == 200
        assert counts(answer.json) == (0, 1, 0, 0, 3)
        assert answer.json["failures"][0] == {
            "row": 2,
            "column": "Quote",
            "value": "-1",
            "reason": "must be above 0",
            "remediation": "",
        }
        assert [failure["row"] for failure in answer.json["failures"]] == [2, 3, 4, 4]
        assert answer.json["left_aside"] == ["Venue"]
        assert price(small_store) == 69.5

    def test_atomic_takes_all_or_nothing(self, server: Server, small_store: Store) -> None:
        rows = [QUOTE, {**QUOTE, "Quote": -1}]
        answer = server.ask("/api/quotes?atomic=true", json.dumps(rows))
        assert (answer.status, answer.json["revision"], counts(answer.json)) == (422, None, (0, 0, 0, 0, 1))
        assert price(small_store) == 68.0

    def test_a_csv_row_is_named_by_its_line(self, server: Server) -> None:
        body = "AsOfDate,Instrument,Quote\n2020-03-09,AAPL,70\n2020-03-09,AAPL\n2020-03-09,AAPL,x\n"
        failures = server.ask("/api/quotes", body, content_type="text/csv").json["failures"]
        assert [(failure["row"], failure["column"]) for failure in failures] == [(3, ""), (4, "Quote")]

    def test_all_kinds(self, server: Server) -> None:
        rows = {
            "trades": {"TradeId": "N", "Ticker": "ZZZ", "Book": "NEW", "Product": "EQ_Stock", "Quantity": 1},
            "books": {"Book": "NEW", "Desk": "D", "BusinessUnit": "B", "Region": "R"},
            "sensitivities": {"AsOfDate": "2020-03-09", "TradeId": "X", "RiskFactor": "AAPL", "MarketValue": 1},
        }
        for kind, row in rows.items():
            answer = server.append(kind, [row])
            assert (answer.status, counts(answer.json)) == (200, (1, 0, 0, 0, 0))

    def test_at_most_a_hundred_failures_are_listed(self, start: Callable[..., Server]) -> None:
        answer = start().append("quotes", [{**QUOTE, "Quote": -1}] * 150)
        assert answer.status == 422, "nothing was taken"
        assert (len(answer.json["failures"]), answer.json["more_failures"], answer.json["refused"]) == (100, 50, 150)

    def test_requests_at_once_all_take_effect(self, server: Server, small_store: Store) -> None:
        answers = []
        threads = [
            threading.Thread(
                target=lambda n=n: answers.append(server.append("quotes", [{**QUOTE, "Instrument": f"T{n}"}]))
            )
            for n in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [answer.status for answer in answers] == [200] * 6
        assert len({answer.json["revision"] for answer in answers}) == 6


class TestRefused:
    @pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x", TOKEN[:-1], "\xe9"])
    def test_without_the_token(self, start: Callable[..., Server], token: str | None) -> None:
        with capture_logs() as logs:
            answer = start().append("quotes", [QUOTE], token=token)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert "token" in answer.error
        assert [entry["status"] for entry in logs] == [401]
        assert token in (None, "") or token not in str(logs), "what was sent is not in the log"

    def test_a_token_elsewhere_than_in_the_header_is_none(self, start: Callable[..., Server]) -> None:
        server = start()
        assert server.ask(f"/api/quotes?token={TOKEN.replace(' ', '%20')}", token=None).status == 401
        assert server.ask("/api/quotes", token=None, headers={"Cookie": f"token={TOKEN}"}).status == 401
        assert server.ask("/api/quotes", token=None, headers={"Authorization": f"Basic {TOKEN}"}).status == 401

    def test_a_server_without_a_token_takes_nothing_and_says_how_to_set_one(self, start: Callable[..., Server]) -> None:
        server = start(api_token="")
        for token in ("", "x", None):
            answer = server.append("quotes", [QUOTE], token=token)
            assert answer.status == 401
            assert "set DELTABOARD_API_TOKEN" in answer.error

    def test_a_page_of_another_server(self, start: Callable[..., Server]) -> None:
        server = start()
        for origin in ("http://evil.example", "null", f"http://127.0.0.1:{server.port + 1}"):
            assert server.append("quotes", [QUOTE], headers={"Origin": origin}).status == 403
        preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
        answer = server.ask("/api/quotes", method="OPTIONS", token=None, headers=preflight)
        assert answer.status == 405
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        own = {"Origin": f"http://127.0.0.1:{server.port}"}
        assert server.append("quotes", [QUOTE], headers=own).status == 200

    def test_what_is_not_there(self, start: Callable[..., Server]) -> None:
        server = start()
        for path in ("/api/prices", "/api/", "/api/quotes/", "/api/quotes/../trades"):
            answer = server.ask(path)
            assert answer.status == 404
            assert "trades, books, instruments, parameters, quotes, sensitivities" in answer.error
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            answer = server.ask("/api/quotes", method=method)
            assert (answer.status, answer.headers["Allow"]) == (405, "POST")

    @pytest.mark.parametrize("content_type", ["", "text/plain", "application/xml", "text/csv; charset=latin-1", "x"])
    def test_other_content_types(self, start: Callable[..., Server], content_type: str) -> None:
        assert start().ask("/api/quotes", "[]", content_type=content_type).status == 415

    def test_a_compressed_body(self, start: Callable[..., Server]) -> None:
        assert start().ask("/api/quotes", b"\x1f\x8b", headers={"Content-Encoding": "gzip"}).status == 415

    @pytest.mark.parametrize("form", [EXCEL, PARQUET])
    def test_what_a_body_unpacks_to_is_bounded_as_the_body_is(
        self, start: Callable[..., Server], form: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Refused by what it says of itself: nothing of it is read."""
        columns = {"AsOfDate": ["2020-03-09"] * 5, "Instrument": ["A" * 1_000_000] * 5, "Quote": [1.0] * 5}
        if form == PARQUET:
            target = io.BytesIO()
            pq.write_table(pa.table(columns), target, compression="zstd", use_dictionary=False)
            body = target.getvalue()
        else:
            texts = "".join(f"<row><c t='inlineStr'><is><t>{text}</t></is></c></row>" for text in columns["Instrument"])  # type: ignore[attr-defined]
            target = io.BytesIO()
            with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
                made.writestr("xl/workbook.xml", "<workbook/>")
                made.writestr("xl/worksheets/sheet1.xml", f"<worksheet>{texts}</worksheet>")
            body = target.getvalue()
        assert len(body) < 100_000
        monkeypatch.setattr(pq.ParquetFile, "iter_batches", None)
        monkeypatch.setattr(zipfile.ZipFile, "open", None)
        answer = start(api_megabytes=1).ask("/api/quotes", body, content_type=form)
        assert (answer.status, answer.error) == (
            413,
            "unpacks to 5 MB, larger than 1 MB: send the rows in several requests",
        )

    @pytest.mark.parametrize(
        ("content_type", "body", "error", "place"),
        [
            ("application/json", b'[{"a":', "not JSON at line 1, character 7: Expecting value", None),
            ("application/json", b"", "not JSON at line 1, character 1: Expecting value", None),
            ("application/json", b'["\xff"]', "not UTF-8 text at byte 2", None),
            ("application/json", b"5", "the body must be an object, or an array of objects or of arrays", None),
            ("application/json", b"[" * 100_000, "nested too deeply to be read", None),
            ("application/json", b"[" + b"9" * 5_000 + b"]", "has a number with too many digits", None),
            ("application/x-ndjson", b"{}\n{x}", "not JSON at line 1, character 2: Expecting property name", "line 2"),
            ("text/csv", b"", "the file is empty: its first line must name the columns", "line 1"),
            (
                "text/csv",
                b"AsOfDate;Instrument;Quote",
                "the columns are separated by ';': save it with commas",
                "line 1",
            ),
            (EXCEL, b"AsOfDate,Instrument,Quote", "not an Excel workbook: open it in Excel and save it", "row 1"),
            (EXCEL, b"PK\x03\x04 and no more", "not a whole Excel workbook", "row 1"),
            (
                EXCEL,
                file_of(EXCEL, {"Quote": [1.0]}),
                "no column AsOfDate, Instrument. Found: Quote: quotes have the",
                "row 1",
            ),
            (PARQUET, b"PAR1 and no more", "not a whole Parquet file", "row 1"),
            (
                "text/csv",
                b"AsOfDate,Quote\n",
                "no column Instrument. Found: AsOfDate, Quote: quotes have the",
                "line 1",
            ),
            ("text/csv", b'AsOfDate,Instrument,Quote\n"', "the quotation mark of line 2 is not closed", "line 2"),
            ("text/csv", b"AsOfDate,Instrument,Quote\n\xff", "not UTF-8 text at byte 26", "line 2"),
        ],
    )
    def test_a_body_that_cannot_be_read(
        self, start: Callable[..., Server], content_type: str, body: bytes, error: str, place: str | None
    ) -> None:
        answer = start().ask("/api/quotes", body, content_type=content_type)
        assert answer.status == 400
        assert answer.error.startswith(error)
        assert answer.json.get("place") == place

    def test_poison_in_a_row_is_a_failure_of_the_row(self, start: Callable[..., Server]) -> None:
        rows = [
            '["2020-03-09","AAPL",NaN]',
            '["2020-03-09","\\ud800",1]',
            '{"\\ud800":1}',
            '["2020-03-09",{"a":[]},1e999]',
        ]
        answer = start().ask("/api/quotes", f"[{','.join(rows)}]")
        assert (answer.status, answer.json["refused"]) == (422, 4)
        assert answer.json["left_aside"] == ["\\ud800"]

    def test_a_fault_of_ours_says_so(self, start: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api.appender, "append_read", lambda *_, **__: 1 / 0)
        with capture_logs() as logs:
            answer = start().append("quotes", [QUOTE])
        assert (answer.status, answer.error) == (500, "the server failed: its log says why. Nothing was taken")
        assert [entry["event"] for entry in logs] == ["append_failed"]

    @pytest.mark.parametrize("wish", ["atomic=yes", "atomic=", "dry=true"])
    def test_unknown_parameters(self, start: Callable[..., Server], wish: str) -> None:
        assert start().ask(f"/api/quotes?{wish}", "[]").status == 400


class TestLimits:
    def test_who_guesses_tokens_is_told_to_wait_and_the_log_is_not_flooded(
        self, start: Callable[..., Server], capsys: pytest.CaptureFixture[str]
    ) -> None:
        server = start()
        answers = [server.ask("/api/quotes", "[]", token=f"guess {number}") for number in range(200)]
        assert [answer.status for answer in answers[:60]] == [401] * 60
        assert {answer.status for answer in answers[60:]} == {429}
        assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
        assert server.ask("/api/quotes", "[]", token=None).status == 429
        assert server.ask("/api/quotes", "[]").status == 200, "whoever has the right one passes, whoever guesses beside"
        assert capsys.readouterr().out.count("append_refused") <= 120

    def test_the_answer_to_a_large_body_reaches_who_is_still_sending(self, start: Callable[..., Server]) -> None:
        server = start(api_megabytes=0.1)
        body = b"x" * 8_000_000
        head = f"POST /api/quotes HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        refused = server.ask("/api/quotes", iter([b" " * 120_000]))
        assert refused.status == 413, "also where the last of it was too much"
        for length in (f"Content-Length: {len(body)}", "Transfer-Encoding: chunked"):
            with socket.create_connection(("127.0.0.1", server.port), 60) as connection:
                sent = body if "Length" in length else b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
                kind = "Content-Type: application/json\r\n"
                connection.sendall(f"{head}{kind}{length}\r\n\r\n".encode() + sent)  # fails where the server hangs up
                assert b" 413 " in connection.makefile("rb").readline(), length
        assert server.ask("/api/quotes", body, token="wrong").status == 401

    def test_a_large_body_is_refused_before_it_has_come(self, start: Callable[..., Server]) -> None:
        server = start(api_megabytes=0.1)
        answer = server.ask("/api/quotes", b" " * 150_000)
        assert (answer.status, answer.error) == (413, "larger than 0.1 MB: send the rows in several requests")
        promised = server.ask("/api/quotes", headers={"Content-Length": "1000000000"})
        assert promised.status == 413, "nobody waits for what is promised"
        sent = 0

        def endless() -> Iterator[bytes]:
            nonlocal sent
            for _ in range(10_000):
                sent += 100_000
                yield b" " * 100_000

        assert server.ask("/api/quotes", endless()).status == 413, "and hangs up while the body comes"
        assert sent < 100_000_000, "the whole gigabyte was not taken"
        assert server.ask("/api/quotes", b"[]" + b" " * 99_000).status == 200, "what is within is taken"

    def test_too_many_rows(self, start: Callable[..., Server]) -> None:
        answer = start().ask("/api/quotes", "[" + "0," * 260_000 + "0]")
        assert (answer.status, answer.error) == (413, "more than 250\u00a0000 rows: send them in several requests")

    @pytest.mark.parametrize("content_type", [EXCEL, PARQUET, "text/csv"])
    def test_too_many_rows_of_a_file(
        self, start: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, content_type: str
    ) -> None:
        monkeypatch.setattr(api.body_files, "MOST_ROWS", 2)
        columns: dict[str, list[Any]] = {"AsOfDate": ["2020-03-09"] * 3, "Instrument": ["A"] * 3, "Quote": [1.0] * 3}
        lines = ",".join(columns) + "\n" + "2020-03-09,A,1\n" * 3
        body = lines.encode() if content_type == "text/csv" else file_of(content_type, columns)
        server = start()
        answer = server.ask("/api/quotes", body, content_type=content_type)
        assert (answer.status, answer.error) == (413, "more than 2 rows: send them in several requests")
        monkeypatch.setattr(api.body_files, "MOST_ROWS", 3)
        assert server.ask("/api/quotes", body, content_type=content_type).json["new"] == 1

    def test_a_file_has_the_limits_of_files(self, start: Callable[..., Server]) -> None:
        body = file_of(EXCEL, {"AsOfDate": ["2020-03-09"], "Instrument": ["A" * 100], "Quote": [1.0]})
        answer = start(file_megabytes=0.001).ask("/api/quotes", body, content_type=EXCEL)
        assert (answer.status, answer.error) == (413, "larger than 0 MB: send the rows in several requests")
        answer = start(file_columns=2).ask("/api/quotes", body, content_type=EXCEL)
        assert (answer.status, answer.error) == (400, "more than 2 columns: this is no table of records")

    def test_too_many_requests_in_a_minute(self, start: Callable[..., Server]) -> None:
        server = start(api_requests_a_minute=2)
        assert [server.append("quotes", [QUOTE]).status for _ in range(2)] == [200, 200]
        answer = server.append("quotes", [QUOTE])
        assert answer.status == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 60
        assert server.append("quotes", [QUOTE], token="wrong").status == 401, "nor do they use up the minute"

    def test_a_minute_goes_by(self) -> None:
        now = 100.0
        window = RequestWindow(2, lambda: now)
        assert (window.enter(), window.enter()) == (0.0, 0.0)
        now = 130.0
        assert window.enter() == 30.0
        now = 160.0
        assert window.enter() == 0.0

    def test_a_body_that_never_ends(self, start: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api.routes, "_BODY_SECONDS", 0.2)

        def slow() -> Iterator[bytes]:
            yield b"["
            for _ in range(2400):  # or until the server hangs up
                time.sleep(0.05)
                yield b" "
            yield b"]"

        assert start().ask("/api/quotes", slow()).status == 408

    def test_too_many_at_once(self, start: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
        gate = threading.Event()
        inside = threading.Event()

        def held(*arguments: Any, **options: Any) -> Any:
            inside.set()
            gate.wait(60)
            return append_read(*arguments, **options)

        monkeypatch.setattr(api.appender, "append_read", held)
        monkeypatch.setattr(api.routes, "_MOST_AT_ONCE", 1)
        server = start()
        answers: list[int] = []
        one = threading.Thread(target=lambda: answers.append(server.append("quotes", [QUOTE]).status))
        one.start()
        assert inside.wait(60)
        refused = server.append("quotes", [QUOTE])
        docs = server.ask("/api/docs", method="GET")
        gate.set()
        one.join()
        assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
        assert docs.status == 200, "the server answers others meanwhile"
        assert answers == [200]

    def test_a_store_that_is_away(self, start: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*_: Any, **__: Any) -> Any:
            raise unavailable(Fault.UNREACHABLE, "disk I/O error")

        server = start()
        with monkeypatch.context() as patch:
            patch.setattr(api.appender, "append_read", away)
            answer = server.append("quotes", [QUOTE])
        assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
        assert server.append("quotes", [QUOTE]).status == 200, "and when it is back"


def test_the_routes_are_served_by_streamlits_own_server(
    sqlite_demo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DELTABOARD_API_TOKEN", TOKEN)
    settings.cache_clear()
    with running_board(sqlite_demo_url, tmp_path / "web.log") as board:
        server = Server.__new__(Server)
        server.port = int(board.address.rsplit(":", 1)[1])
        assert server.ask("/api/docs", method="GET", token=None).text.startswith("<!doctype html>")
        assert server.ask("/api/openapi.json", method="GET", token=None).json["openapi"] == "3.1.0"
        assert server.append("quotes", [QUOTE], token=None).status == 401
        answer = server.append("quotes", [QUOTE])
        assert (answer.status, answer.json["new"]) == (200, 1)
        assert price(board.store) == 69.5
        log = (tmp_path / "web.log").read_text()
        assert "append_refused" in log
        assert TOKEN not in log
    settings.cache_clear()
