"""``python -m ingestion append`` and ``append_quotes``: one row, rows from standard input, rows from Python."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import func, select
from typer.testing import CliRunner

import ingestion.append
from ingestion import append_quotes, append_sensitivities, append_trades
from ingestion.command_line import app
from ingestion.standard_input import batches_of, rows_of_input
from services.files.file_limits import FileLimits
from services.records.record_kinds import RECORD_KINDS
from services.writes.append import append
from storage.connection.settings import ROOT, settings
from storage.core.database import Store
from storage.core.schema import quotes, sensitivities, trades
from tests.fixtures.databases import wait_for
from tests.ingestion.commands import board, use_url
from tests.ingestion.watching import parquet_of, workbook_of

__all__ = ["board"]


def run(*arguments: object, text: str | bytes = "") -> Result:
    """Run ``append`` with this standard input."""
    return CliRunner().invoke(app, ["append", *map(str, arguments)], input=text, catch_exceptions=False)


def priced(store: Store) -> dict[str, float]:
    with store.read() as connection:
        return {row.instrument: row.quote for row in connection.execute(select(quotes))}


class TestOneRow:
    def test_in_the_order_of_the_columns(self, board: Store) -> None:
        result = run("quotes", "2020-05-01", "AAPL", 310.0)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == "quotes: 1 new, 0 changed, 0 unchanged, 0 late, 0 refused\n"
        assert priced(board) == {"AAPL": 310.0}

    def test_by_name_in_any_order(self, board: Store) -> None:
        assert run("quotes", "quote=310", "Instrument=AAPL", "AsOfDate=2020-05-01").exit_code == 0
        assert priced(board) == {"AAPL": 310.0}

    def test_a_negative_number_is_a_value_and_no_option(self, board: Store) -> None:
        assert run("trades", "T1", "AAPL", "VOL", "EQ_Stock", "-10.5").exit_code == 0
        with board.read() as connection:
            assert connection.execute(select(trades.c.quantity)).scalar_one() == -10.5

    def test_what_is_refused_is_said_and_shows_in_the_exit_code(self, board: Store) -> None:
        result = run("quotes", "2020-05-01", "AAPL", "-1")
        assert result.exit_code == 1
        assert result.stderr == "line 1, column Quote, value '-1': must be above 0\n"
        assert result.stdout == "quotes: 0 new, 0 changed, 0 unchanged, 0 late, 1 refused\n"
        assert priced(board) == {}

    @pytest.mark.usefixtures("board")
    def test_a_name_that_is_no_column(self) -> None:
        result = run("quotes", "AsOfDate=2020-05-01", "Price=1")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == (
            "'Price=1' names no column of quotes: write Name=value, with AsOfDate, Instrument, Quote.\n"
        )


class TestStandardInput:
    @pytest.mark.parametrize(
        "text",
        [
            "AsOfDate,Instrument,Quote\n2020-05-01,AAPL,310\n2020-05-01,MSFT,170\n",
            "\ufeffQuote,Instrument,AsOfDate\r\n310,AAPL,2020-05-01\r\n\r\n170,MSFT,2020-05-01",
            "2020-05-01,AAPL,310\n2020-05-01,MSFT,170\n",
            '\n{"AsOfDate":"2020-05-01","Instrument":"AAPL","Quote":310}\n["2020-05-01","MSFT",170]\n',
        ],
        ids=["header", "other order, BOM, blank lines", "no header", "JSON by line"],
    )
    def test_lines_of_every_shape(self, board: Store, text: str) -> None:
        result = run("quotes", text=text)
        assert (result.exit_code, result.stderr) == (0, "")
        assert priced(board) == {"AAPL": 310.0, "MSFT": 170.0}

    def test_a_bad_line_is_named_and_the_next_one_is_read(self, board: Store) -> None:
        lines = [
            b"AsOfDate,Instrument,Quote",
            b"2020-05-01,AAPL,310",
            b'2020-05-01,"AAPL,310',
            b"2020-05-01,AAPL",
            b"2020-05-01,\xff,310",
            b"2020-05-01,AAPL,x",
            b"2020-05-01," + b"x" * 2_000_000,
            b"2020-05-01,MSFT,170",
        ]
        result = run("quotes", text=b"\n".join(lines))
        assert result.exit_code == 1
        assert result.stdout == "quotes: 2 new, 0 changed, 0 unchanged, 0 late, 5 refused\n"
        assert [line.split(":")[0] for line in result.stderr.splitlines()] == [
            "line 3",
            "line 4",
            "line 5",
            "line 6, column Quote, value 'x'",
            "line 7",
        ]
        assert priced(board) == {"AAPL": 310.0, "MSFT": 170.0}

    def test_what_is_left_aside_is_said(self, board: Store) -> None:
        row = {"AsOfDate": "2020-05-01", "TradeId": "T", "RiskFactor": "AAPL", "MarketValue": 5, "Gamma": 1}
        result = run("sensitivities", text=json.dumps(row))
        assert result.exit_code == 0
        assert result.stderr == "left aside: Gamma; its unit is not said, name it CashGamma1Pct\n"

    @pytest.mark.parametrize("form", ["xlsx", "parquet"])
    def test_a_whole_file_through_the_pipe(self, board: Store, tmp_path: Path, form: str) -> None:
        """Read as a file that is loaded, but a key may come again."""
        days, names = ["2020-05-01"] * 4, ["AAPL", "MSFT", "AAPL", "OXY"]
        columns = {"Instrument": names, "Quote": [309.0, -1.0, 310.0, 12.0], "AsOfDate": days, "Venue": ["N"] * 4}
        content = (workbook_of if form == "xlsx" else parquet_of)(tmp_path / f"made.{form}", columns)
        result = run("quotes", text=content)
        row = 3 if form == "xlsx" else 2
        assert result.stderr.splitlines() == [
            f"row {row}, column Quote, value '{-1 if form == 'xlsx' else -1.0}': must be above 0",
            "left aside: Venue",
        ]
        assert (result.exit_code, result.stdout) == (1, "quotes: 2 new, 1 changed, 0 unchanged, 0 late, 1 refused\n")
        assert priced(board) == {"AAPL": 310.0, "OXY": 12.0}

    def test_a_file_that_is_broken_or_too_large_is_refused_whole(self, tmp_path: Path) -> None:
        columns = {"AsOfDate": ["2020-05-01"] * 2, "Instrument": ["A", "B"], "Quote": [1.0, 2.0]}
        content = workbook_of(tmp_path / "made.xlsx", columns)
        for sent, limits, reason in (
            (content[:-50], FileLimits(), "row 1: not a whole Excel workbook"),
            (content, FileLimits(rows=1), "row 3: more than 1 row, at most 1 are read: split the file, or raise"),
            (content, FileLimits(bytes=1_000), "larger than 0 MB: split the file, or raise DELTABOARD_FILE_MEGABYTES"),
        ):
            chunks = iter([sent[:1], sent[1:3], sent[3:], b""])
            (read,) = rows_of_input(lambda _, chunks=chunks: next(chunks), RECORD_KINDS["quotes"], limits)  # type: ignore[misc]
            assert (read.records, read.failed_rows) == ([], 1)
            assert reason in str(read.failures[0])

    def test_a_text_may_begin_as_a_file_does(self, board: Store) -> None:
        assert run("trades", text="PAR1,AAPL,VOL,EQ_Stock,5\n").exit_code == 0
        with board.read() as connection:
            assert connection.execute(select(trades.c.trade_id)).scalar_one() == "PAR1"

    def test_long_input_comes_in_batches(self) -> None:
        lines = b"".join(b"2020-05-01,T%d,1\n" % number for number in range(12_000))
        chunks = iter([lines[:100_000], lines[100_000:], b""])
        batches = list(batches_of(lambda _: next(chunks), RECORD_KINDS["quotes"]))
        assert max(len(batch.records) for batch in batches) == 5_000
        assert [line for batch in batches for line in batch.lines] == list(range(1, 12_001))

    def test_what_is_there_is_taken_when_the_input_pauses(self, tmp_path: Path) -> None:
        """A real pipe that stays open, and a real process."""
        url = f"sqlite:///{tmp_path}/store.sqlite"
        command = [sys.executable, "-m", "ingestion", "append", "quotes"]
        environment = {**os.environ, "DATABASE_URL": url}
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            store = Store(url)
            store.migrate()
            for day in (1, 4):
                process.stdin.write(f"2020-05-0{day},AAPL,31{day}\n")
                process.stdin.flush()
                wait_for(lambda: f"31{day}.0" in str(priced_by_day(store)), 120, "the row in the store")  # noqa: B023
            assert process.poll() is None, "the pipe is still open"
            process.stdin.close()
            assert process.stdout.read() == "quotes: 2 new, 0 changed, 0 unchanged, 0 late, 0 refused\n"
        store.close()


def priced_by_day(store: Store) -> list[Any]:
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(select(quotes.c.as_of_date, quotes.c.quote))]


class TestPython:
    def test_as_in_the_article(self, board: Store) -> None:
        assert append_quotes([("2020-05-01", "AAPL", 310.0)]).new == 1
        assert append_quotes(("2020-05-01", "AAPL", 311.0)).changed == 1, "one row by itself"
        assert priced(board) == {"AAPL": 311.0}

    def test_trades_and_sensitivities(self, board: Store) -> None:
        said = append_trades([{"TradeId": "S1", "Ticker": "AAPL", "Book": "B", "Product": "EQ_Stock", "Quantity": 5}])
        assert said.new == 1
        said = append_sensitivities([("2020-05-01", "X1", "AAPL", 5.0)], source="their system")
        assert said.new == 1
        with board.read() as connection:
            assert connection.execute(select(sensitivities.c.source)).scalar_one() == "their system"

    def test_bad_rows_are_named(self, board: Store) -> None:
        said = append_quotes([("2020-05-01", "AAPL", 310.0), ("2020-05-01", "MSFT", -1)], atomic=True)
        assert (said.new, said.refused) == (0, 1)
        assert str(said.failures[0]) == "row 2, column Quote, value '-1': must be above 0"

    def test_many_threads_append_at_once(self, board: Store) -> None:
        threads = [
            threading.Thread(target=append_quotes, args=([("2020-05-01", f"T{n}", 1.0 + n)],)) for n in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with board.read() as connection:
            assert connection.execute(select(func.count()).select_from(quotes)).scalar_one() == 20

    def test_they_append_one_after_another(self, board: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is known of the store is for one of them at a time."""
        inside: list[int] = []
        most = 0

        def slow(*arguments: Any, **options: Any) -> Any:
            nonlocal most
            inside.append(1)
            most = max(most, len(inside))
            time.sleep(0.05)
            inside.pop()
            return append(*arguments, **options)

        monkeypatch.setattr(ingestion.append, "append", slow)
        threads = [threading.Thread(target=append_quotes, args=([("2020-05-01", "A", 1.0)],)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert most == 1

    def test_another_store_by_the_settings(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in ("one", "two"):
            use_url(monkeypatch, f"sqlite:///{tmp_path}/{name}.sqlite")
            assert append_quotes([("2020-05-01", "AAPL", 310.0)]).new == 1
        settings.cache_clear()

    def test_to_import_it_is_quick(self) -> None:
        """What a command's help would wait for."""
        program = "import sys, ingestion; assert not {'pandas', 'numba', 'sqlalchemy'} & set(sys.modules)"
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
