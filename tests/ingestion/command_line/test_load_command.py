"""``python -m ingestion load``: files in any order, and every way in which a file can be bad."""

import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Table, func, select

from services.files.file_limits import FileLimits
from services.pricing.pricing_state import PricingState
from services.writes.load_file import load_file, summary_of
from storage.connection.settings import settings
from storage.core.database import Store
from storage.core.schema import books, instruments, pricing_parameters, quotes, store_state, trades
from storage.read_models.read_models import failures_frame, sensitivities_frame
from tests.fixtures.small_book import MONDAY
from tests.ingestion.commands import FILES, TRADE_HEADER, board, filled, run, use_url, write_files

__all__ = ["board", "filled"]

OPTION = "AAPL,VOL,EQ_Option,10,70,2020-06-19,call,European,100"
ORDERS = [
    ["books", "instruments", "parameters", "trades", "quotes"],
    ["quotes", "trades", "parameters", "instruments", "books"],
    ["trades", "quotes", "instruments", "books", "parameters"],
    ["instruments", "trades", "quotes", "parameters", "books"],
]


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty SQLite store that the commands work on: what a file says does not depend on the database."""
    url = f"sqlite:///{tmp_path}/folder/of its own/store.sqlite"
    use_url(monkeypatch, url)
    assert run("status").exit_code == 0
    store = Store(url)
    yield store
    store.close()
    settings.cache_clear()


def count(store: Store, table: Table) -> int:
    with store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def revision(store: Store) -> int:
    with store.read() as connection:
        return int(connection.execute(select(store_state.c.revision)).scalar_one())


def write(tmp_path: Path, content: bytes | str) -> Path:
    path = tmp_path / "bad.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


class TestGoodFiles:
    @pytest.mark.parametrize("order", ORDERS, ids=" ".join)
    def test_every_kind_loads_into_an_empty_store_in_any_order(
        self, board: Store, order: list[str], tmp_path: Path
    ) -> None:
        paths = write_files(tmp_path)
        for kind in order:
            result = run("load", kind, paths[kind])
            assert (result.exit_code, result.stderr) == (0, "")
        tables = (books, instruments, pricing_parameters, trades, quotes)
        assert [count(board, table) for table in tables] == [1, 3, 1, 6, 4]
        with board.read() as connection:
            valued = sensitivities_frame(connection, MONDAY).set_index("trade_id")
            failed = failures_frame(connection, MONDAY)
        assert valued["spot"].to_dict() == {"A1": 68.0, "C1": 68.0, "S1": 150.0}
        assert valued["parameters_source"].to_dict() == {"A1": "2020-03-09", "C1": "2020-03-09", "S1": "default"}
        assert dict(zip(failed["trade_id"], failed["reason"], strict=True)) == {"N1": "no quote", "X1": "expired"}

    @pytest.mark.usefixtures("board")
    def test_it_says_what_came_of_the_file(self, tmp_path: Path) -> None:
        paths = write_files(tmp_path)
        assert run("load", "trades", paths["trades"]).stdout == "trades: 6 new\n"
        paths["trades"].write_text(FILES["trades"].replace("C1,AAPL,VOL,EQ_Option,10", "C1,AAPL,VOL,EQ_Option,11"))
        assert run("load", "trades", paths["trades"]).stdout == "trades: 1 changed, 5 unchanged\n"
        summary, by_default = run("load", "quotes", paths["quotes"]).stdout.splitlines()
        assert summary == "quotes: 4 new"
        assert by_default.startswith("default parameters: 2 trades are priced with volatility 30.00%")
        assert "because AAPL had no parameters on 2020-03-09. Load parameters of AAPL for" in by_default
        assert run("load", "parameters", paths["parameters"]).stdout == "parameters: 1 new\n"
        late = write(tmp_path, "AsOfDate,Instrument,Quote\n2020-03-09T13:29:00Z,AAPL,1\n2099-01-01,AAPL,1\n")
        refused = run("load", "quotes", late)
        assert (refused.exit_code, refused.stdout.splitlines()[0]) == (
            1,
            "quotes: nothing loaded; 1 row failed (1 AsOfDate)",
        )
        assert "line 3, column AsOfDate, value '2099-01-01': observed further ahead of the clock" in refused.stderr
        summary = run("load", "quotes", late, "--good-rows").stdout.splitlines()[0]
        assert summary == "quotes: 1 late; 1 row failed (1 AsOfDate)"

    def test_columns_may_come_in_any_order_and_others_are_left_aside(self, embedded: Store, tmp_path: Path) -> None:
        path = write(tmp_path, "Remark, Region ,Book,BusinessUnit,Desk\nmine,Asia,VOL,Equity,Vol\n")
        assert run("load", "books", path).stdout == "books: 1 new; left aside: Remark\n"
        with embedded.read() as connection:
            assert connection.execute(select(books.c.region)).scalar_one() == "Asia"

    def test_a_byte_order_mark_windows_lines_and_blank_lines_do_no_harm(self, embedded: Store, tmp_path: Path) -> None:
        path = write(tmp_path, "\ufeff" + FILES["trades"].replace("\n", "\r\n") + "\r\n\r\n")
        assert run("load", "trades", path).stdout == "trades: 6 new\n"
        assert count(embedded, trades) == 6

    def test_parquet_files_load_like_csv_files(self, board: Store, tmp_path: Path) -> None:
        for kind, path in write_files(tmp_path).items():
            table = path.with_suffix(".parquet")
            frame = pd.read_csv(path)
            if kind == "trades":
                frame["Maturity"] = pd.to_datetime(frame["Maturity"])
            frame.to_parquet(table, index=False)
            assert run("load", kind, table).stdout == f"{kind}: {len(frame)} new\n"
            again = run("load", kind, path).stdout
            assert again == f"{kind}: {len(frame)} unchanged\n", "the CSV file says the same"

    def test_sensitivities_of_somebody_else_load_with_their_source(self, filled: Store, tmp_path: Path) -> None:
        path = write(tmp_path, "AsOfDate,TradeId,RiskFactor,MarketValue,Delta,Gamma\n2020-03-09,C1,AAPL,1234.5,50,7\n")
        said = run("load", "sensitivities", path).stdout
        aside = "left aside: Gamma; its unit is not said, name it CashGamma1Pct"
        assert said == f"sensitivities: 1 changed; {aside}\n"
        with filled.read() as connection:
            row = sensitivities_frame(connection, MONDAY).set_index("trade_id").loc["C1"]
        assert (row["market_value"], row["cash_delta"], row["priced_by"]) == (1234.5, 50.0, "file bad.csv")

    def test_the_kind_is_found_from_the_columns(self, embedded: Store, tmp_path: Path) -> None:
        paths = write_files(tmp_path)
        for kind, path in paths.items():
            assert load_file(embedded, PricingState(), None, path).kind == kind
        other = load_file(embedded, PricingState(), None, write(tmp_path, "A,B\n1,2\n"))
        assert (other.kind, other.revision, other.failed_rows) == (None, None, 1)
        assert summary_of(other) == "unknown kind: nothing loaded; the whole file is refused"

    def test_limits_hold(self, embedded: Store, tmp_path: Path) -> None:
        path = write_files(tmp_path)["trades"]
        loaded = load_file(embedded, PricingState(), "trades", path, limits=FileLimits(rows=2))
        assert (loaded.revision, loaded.failures[0].line) == (None, 4)

    def test_a_file_with_a_header_alone_changes_nothing(self, embedded: Store, tmp_path: Path) -> None:
        result = run("load", "trades", write(tmp_path, TRADE_HEADER + "\n"))
        assert (result.exit_code, result.stdout) == (0, "trades: nothing loaded\n")
        assert revision(embedded) == 0


class TestBadRows:
    @pytest.mark.parametrize(
        ("row", "said"),
        [
            ("B1,AAPL,VOL", "line 3: 3 values for 10 columns: look for a missing or extra comma"),
            (f"B1,{OPTION},1", "line 3: 11 values for 10 columns: look for a missing or extra comma"),
            (
                f"B1,{OPTION}".replace("2020-06-19", "19/06/2020"),
                "line 3, column Maturity, value '19/06/2020': "
                "not a date of the years 1901 to 2199: write it as YYYY-MM-DD",
            ),
            (
                f"B1,{OPTION}".replace("2020-06-19", "9999-12-31"),
                "line 3, column Maturity, value '9999-12-31': "
                "not a date of the years 1901 to 2199: write it as YYYY-MM-DD",
            ),
            (f"GOOD,{OPTION}", "line 3, column TradeId, value 'GOOD': stands in line 2 already: keep one"),
            (
                f"B1,{OPTION}".replace("call", "straddle"),
                "line 3, column OptionType, value 'straddle': must be call or put, in any letter case",
            ),
            (
                f"B1,{OPTION}".replace("European", "Bermudan"),
                "line 3, column ExerciseStyle, value 'Bermudan': must be European or American, in any letter case",
            ),
            (f"B1,{OPTION}".replace("70", "-70"), "line 3, column Strike, value '-70': must be above 0"),
            (f"B1,{OPTION}".replace("70", "0"), "line 3, column Strike, value '0': must be above 0"),
            (
                f"B1,{OPTION}".replace("AAPL", "APPL"),
                "line 3, column Ticker, value 'APPL': the store knows no such ticker: "
                "fix it, or load its instrument or a quote of it first",
            ),
            (
                f"B1,{OPTION}".replace("10,70", "NaN,70"),
                "line 3, column Quantity, value 'NaN': not a finite number: write a number or leave the row out",
            ),
            (
                f"B1,{OPTION}".replace("10,70", "1e999,70"),
                "line 3, column Quantity, value '1e999': not a finite number: write a number or leave the row out",
            ),
            (
                f"B1,{OPTION}".replace("10,70", '"1,000",70'),
                "line 3, column Quantity, value '1,000': "
                "not a number: write it like 1234.5, without thousands separators",
            ),
            (
                f"B1,{OPTION}".replace("10,70", "1_000,70"),
                "line 3, column Quantity, value '1_000': "
                "not a number: write it like 1234.5, without thousands separators",
            ),
            (f",{OPTION}", "line 3, column TradeId: must not be empty: fill it in"),
            (f"B1,{OPTION}".replace("70", ""), "line 3, column Strike: an option needs one: fill it in"),
            (
                f"B\t1,{OPTION}",
                r"line 3, column TradeId, value 'B\t1': has characters that cannot be printed: remove them",
            ),
            (
                f"{'B' * 201},{OPTION}",
                f"line 3, column TradeId, value '{'B' * 60}': longer than 200 characters: shorten it",
            ),
        ],
    )
    def test_each_is_a_line_with_column_value_and_reason(
        self, embedded: Store, row: str, said: str, tmp_path: Path
    ) -> None:
        assert run("load", "instruments", write_files(tmp_path)["instruments"]).exit_code == 0
        path = write(tmp_path, f"{TRADE_HEADER}\nGOOD,{OPTION}\n{row}\n")
        before = revision(embedded)
        result = run("load", "trades", path)
        assert result.exit_code == 1
        assert result.stderr == f"{path}: {said}\n"
        assert result.stdout.startswith("trades: nothing loaded; 1 row failed (1 ")
        assert (count(embedded, trades), revision(embedded)) == (0, before)
        result = run("load", "trades", path, "--good-rows")
        assert result.exit_code == 1, "a script must see that rows are missing"
        assert result.stdout.startswith("trades: 1 new; 1 row failed (1 ")
        with embedded.read() as connection:
            assert list(connection.execute(select(trades.c.trade_id)).scalars()) == ["GOOD"]

    def test_every_fault_is_named_not_only_the_first(self, embedded: Store, tmp_path: Path) -> None:
        rows = [f"B1,{OPTION}".replace("call", "x").replace("70", "x"), "B2", f"GOOD,{OPTION}", f"B3,{OPTION},,"]
        result = run("load", "trades", write(tmp_path, "\n".join([TRADE_HEADER, *rows])))
        places = [line.split(": ", 1)[1].split(":")[0] for line in result.stderr.splitlines()]
        assert places == [
            "line 2, column Strike, value 'x'",
            "line 2, column OptionType, value 'x'",
            "line 3",
            "line 5",
        ]
        assert count(embedded, trades) == 0

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "line 1: the file is empty: its first line must name the columns"),
            (
                b"TradeId,Ticker,Book,Quantity\nA,AAPL,VOL,1\n",
                "line 1: no column Product. Found: TradeId, Ticker, Book, Quantity: trades have the columns",
            ),
            (b"TradeId,TradeId,Ticker,Book,Product,Quantity\n", "line 1: column TradeId stands twice: trades have the"),
            (f"{TRADE_HEADER}\nB\xe9,{OPTION}\n".encode("latin-1"), "line 2: not UTF-8 text at byte"),
            (
                f"{TRADE_HEADER}\nB1,{OPTION}\n".encode("utf-16")[:-1],
                "line 2: not UTF-16-LE text from here on, or soon after: save the file",
            ),
            (
                f'{TRADE_HEADER}\nB1,{OPTION}\n"B2,{OPTION}\n'.encode(),
                "line 3: the quotation mark of line 3 is not closed",
            ),
        ],
    )
    def test_a_file_that_is_none_is_refused_whole(
        self, embedded: Store, content: bytes, said: str, tmp_path: Path
    ) -> None:
        path = write(tmp_path, content)
        for options in ([], ["--good-rows"]):
            result = run("load", "trades", path, *options)
            assert result.exit_code == 1
            assert result.stderr.startswith(f"{path}: {said}")
            assert result.stderr.count("\n") == 1
            assert result.stdout == "trades: nothing loaded; the whole file is refused\n"
        assert count(embedded, trades) == 0

    @pytest.mark.usefixtures("embedded")
    @pytest.mark.parametrize("command", [["load", "trades"], ["replay"]])
    def test_a_pipe_is_refused_and_not_waited_for(self, command: list[str], tmp_path: Path) -> None:
        pipe = tmp_path / "pipe.csv"
        os.mkfifo(pipe)
        result = run(*command, pipe)
        assert result.exit_code == 2
        assert "Not a regular file" in result.stderr

    @pytest.mark.parametrize("moment", ["0001-01-01", "1800-01-01T10:00:00Z", "9999-12-31T23:59:59-05:00", "today"])
    def test_quotes_of_impossible_times_are_refused(self, embedded: Store, moment: str, tmp_path: Path) -> None:
        path = write(tmp_path, f"AsOfDate,Instrument,Quote\n{moment},AAPL,70\n")
        result = run("load", "quotes", path)
        assert result.exit_code == 1
        assert f"line 2, column AsOfDate, value '{moment}': not a date" in result.stderr
        assert count(embedded, quotes) == 0

    def test_as_long_as_no_instrument_is_loaded_every_ticker_may_be_meant(
        self, embedded: Store, tmp_path: Path
    ) -> None:
        path = write(tmp_path, f"{TRADE_HEADER}\nB1,{OPTION}\n".replace("AAPL", "APPL"))
        assert run("load", "trades", path).exit_code == 0
        assert run("load", "instruments", write_files(tmp_path)["instruments"]).exit_code == 0
        assert run("load", "trades", path).stdout == "trades: 1 unchanged\n", "nor is one refused that is there"
        assert count(embedded, trades) == 1

    @pytest.mark.usefixtures("embedded")
    def test_a_file_that_is_not_there_is_one_line(self, tmp_path: Path) -> None:
        result = run("load", "trades", tmp_path / "nowhere.csv")
        assert (result.exit_code, result.stderr) == (2, f"{tmp_path}/nowhere.csv: No such file or directory.\n")
        assert run("load", "trades", tmp_path).exit_code == 2
