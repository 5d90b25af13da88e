"""Files, CSV, Excel and Parquet: what is in them, which kind it is, and that none can take the memory or raise."""

import random
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.files.file_limits import FileLimits
from services.files.read_file import ReadFile, read_file
from services.records.read_rows import left_aside_text
from services.records.record_kinds import RECORD_KINDS
from storage.connection.settings import ROOT, Settings
from tests.fixtures.calls import calls_of

LIMITS = FileLimits()
OPTION: dict[str, Any] = {
    "TradeId": "T1",
    "Ticker": "AAPL",
    "Book": "VOL",
    "Product": "EQ_Option",
    "Quantity": -10.0,
    "Strike": 70.5,
    "Maturity": date(2020, 6, 19),
    "OptionType": "Call",
}
RECORD = {
    "trade_id": "T1",
    "ticker": "AAPL",
    "book": "VOL",
    "product": "EQ_Option",
    "quantity": -10.0,
    "strike": 70.5,
    "maturity": date(2020, 6, 19),
    "option_type": "call",
}
QUOTE_HEADER = "AsOfDate,Instrument,Quote\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


def read(path: Path, content: str | bytes, kind: str | None = None, limits: FileLimits = LIMITS) -> ReadFile:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_file(path, kind, limits)


def said(file: ReadFile) -> list[str]:
    return [str(failure) for failure in file.records.failures]


def parquet(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    path = path.with_suffix(".parquet")
    pq.write_table(pa.table(columns), path, **options)
    return path


READ_APART = """
import sys
from pathlib import Path
from services.files.file_limits import FileLimits
from services.files.read_file import read_file
def peak(): return int(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]) / 1024
before = peak()
print(read_file(Path(sys.argv[1]), None, FileLimits(bytes=50_000_000)).records.failures[0])
print(peak() - before)
"""


says_memory = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the system does not say what a process needs"
)


def read_apart(path: Path) -> tuple[str, float]:
    """Read a file of up to 50 MB in a process of its own: its first failure, and the megabytes that it took at most."""
    command = [sys.executable, "-c", READ_APART, str(path)]
    failure, megabytes = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return failure, float(megabytes)


class TestKind:
    @pytest.mark.parametrize("kind", RECORD_KINDS)
    def test_it_is_found_from_the_columns(self, kind: str, path: Path) -> None:
        names = [column.name for column in RECORD_KINDS[kind].columns if column.required]
        assert read(path, ",".join(reversed(names)) + ",Remark\n").kind == kind

    def test_the_articles_files(self, path: Path) -> None:
        assert read(path, "AsOfDate,TradeId,RiskFactor,MarketValue,Delta\n").kind == "sensitivities"
        ticket = "AsOfDate,TradeId,Ticker,Book,Product,Quantity,Strike,Maturity,OptionType,MarketValue\n"
        assert read(path, ticket).kind == "trades"

    def test_columns_of_no_kind_are_a_failure_that_says_what_each_needs(self, path: Path) -> None:
        file = read(path, "AsOfDate,Instrument,Price\n2020-03-09,AAPL,1\n")
        assert file.kind is None
        assert said(file)[0].startswith(
            "line 1: the columns fit no kind of record. Found: AsOfDate, Instrument, Price: "
            "say which kind the file holds, or name the columns: trades need TradeId, Ticker, Book, Product, Quantity; "
            "books need Book, Desk, BusinessUnit, Region; "
        )
        assert "quotes need AsOfDate, Instrument, Quote" in said(file)[0]

    def test_columns_of_two_kinds_are_a_failure_too(self, path: Path) -> None:
        file = read(path, "AsOfDate,Instrument,Quote,TradeId,RiskFactor,MarketValue\n")
        assert file.kind is None
        assert said(file) == ["line 1: the columns fit quotes and sensitivities: say which of them the file holds"]

    def test_what_is_left_aside_is_told(self, path: Path) -> None:
        file = read(path, "AsOfDate,TradeId,RiskFactor,MarketValue,Vega,Note\n2020-03-09,T,AAPL,1,2,x\n")
        assert file.records.left_aside == ["Vega", "Note"]
        told = left_aside_text(file.records.left_aside, RECORD_KINDS["sensitivities"])
        assert told == "left aside: Vega; its unit is not said, name it Vega1Pt, Note"


class TestText:
    def test_tabs_in_a_tsv_file(self, path: Path) -> None:
        file = read(path.with_suffix(".tsv"), (QUOTE_HEADER + "2020-03-09,AAPL,70\n").replace(",", "\t"))
        assert file.records.records == [{"as_of_date": date(2020, 3, 9), "instrument": "AAPL", "quote": 70.0}]

    @pytest.mark.parametrize("sign", [";", "\t"])
    def test_another_sign_between_the_columns_is_named(self, sign: str, path: Path) -> None:
        assert "save it with commas" in said(read(path, QUOTE_HEADER.replace(",", sign), "quotes"))[0]

    def test_formulas_stay_text(self, path: Path) -> None:
        file = read(path, 'Book,Desk,BusinessUnit,Region\n"=HYPERLINK(""http://x"")",+1,@a,-b\n')
        assert file.records.records == [
            {"book": '=HYPERLINK("http://x")', "desk": "+1", "business_unit": "@a", "region": "-b"}
        ]

    def test_what_comes_before_an_unreadable_place_is_not_taken_either(self, path: Path) -> None:
        file = read(path, (QUOTE_HEADER + "2020-03-09,AAPL,70\n2020-03-09,MSFT,1").encode() + b"\xff\n")
        assert file.records.records == []
        assert said(file) == ["line 3: not UTF-8 text at byte 62: save the file as CSV UTF-8"]

    def test_old_line_ends_are_named(self, path: Path) -> None:
        assert (
            "end its lines with LF or CRLF" in said(read(path, QUOTE_HEADER.replace("\n", "\r") + "a\r", "quotes"))[0]
        )


class TestParquet:
    def test_types_of_every_kind_are_read_as_their_values(self, path: Path) -> None:
        rows: dict[str, Any] = {
            "TradeId": pa.array(["T1", "T2", "T3"]).dictionary_encode(),
            "Ticker": pa.array(["AAPL", "AAPL", "MSFT"], pa.large_string()),
            "Book": pa.array([1, 2, 3], pa.int64()),
            "Product": pa.array([b"EQ_Option", b"EQ_Option", b"EQ_Stock"], pa.binary()),
            "Quantity": pa.array([1, 2, 3], pa.int32()),
            "Strike": pa.array([Decimal("70.50"), Decimal("71.25"), None], pa.decimal128(9, 2)),
            "Maturity": pa.array([date(2020, 6, 19), date(2020, 6, 20), None], pa.date32()),
            "OptionType": pa.array(["call", "PUT", None]),
            "ContractMultiplier": pa.array([100, 1, 1], pa.float32()),
        }
        file = read_file(parquet(path, rows), None, LIMITS)
        assert said(file) == []
        assert file.kind == "trades"
        assert [r["strike"] for r in file.records.records] == [70.5, 71.25, None]
        assert [r["maturity"] for r in file.records.records] == [date(2020, 6, 19), date(2020, 6, 20), None]
        assert [r["book"] for r in file.records.records] == ["1", "2", "3"]
        assert [r["product"] for r in file.records.records] == ["EQ_Option", "EQ_Option", "EQ_Stock"]
        assert [r["option_type"] for r in file.records.records] == ["call", "put", None]

    def test_times_without_a_zone_are_utc_and_midnight_is_the_date(self, path: Path) -> None:
        times = pd.to_datetime(["2020-03-09 13:30:00", "2020-03-10 00:00:00"])
        file = read_file(
            parquet(path, {"AsOfDate": times, "Instrument": ["A", "B"], "Quote": [1.0, 2.0]}), None, LIMITS
        )
        assert [r["as_of_date"] for r in file.records.records] == [
            datetime(2020, 3, 9, 13, 30, tzinfo=UTC),
            date(2020, 3, 10),
        ]
        zoned = {"AsOfDate": times.tz_localize("America/New_York"), "Instrument": ["A", "B"], "Quote": [1.0, 2.0]}
        file = read_file(parquet(path, zoned), None, LIMITS)
        assert [r["as_of_date"] for r in file.records.records] == [
            datetime(2020, 3, 9, 17, 30, tzinfo=UTC),
            datetime(2020, 3, 10, 4, 0, tzinfo=UTC),
        ]

    def test_the_same_rows_as_csv_and_as_parquet_are_the_same_records(self, path: Path) -> None:
        frame = pd.DataFrame([OPTION, {**OPTION, "TradeId": "T2", "Strike": None, "Product": "EQ_Stock"}])
        frame.to_csv(path, index=False)
        frame.to_parquet(path.with_suffix(".parquet"), index=False)
        text, table = (read_file(p, None, LIMITS).records for p in (path, path.with_suffix(".parquet")))
        assert text.records == table.records
        assert text.records[0] == RECORD
        assert (text.lines, table.lines) == ([2, 3], [1, 2])

    def test_bad_rows_are_named_by_their_number(self, path: Path) -> None:
        rows = {name: [value] * 4 for name, value in OPTION.items()}
        rows |= {"TradeId": ["A", "B", "A", ""], "Strike": [1.0, -31.4, 1.0, float("nan")]}
        file = read_file(parquet(path, rows), "trades", LIMITS)
        assert said(file) == [
            "row 2, column Strike, value '-31.4': must be above 0",
            "row 3, column TradeId, value 'A': stands in row 1 already: keep one",
            "row 4, column TradeId: must not be empty: fill it in",
            "row 4, column Strike, value 'nan': not a finite number: write a number or leave the row out",
        ]
        assert (len(file.records.records), file.records.failed_rows) == (1, 3)

    def test_a_nested_column_is_refused(self, path: Path) -> None:
        file = read_file(
            parquet(path, {"AsOfDate": ["2020-03-09"], "Instrument": ["A"], "Quote": [[1.0]]}), None, LIMITS
        )
        assert said(file) == ["row 1: column Quote is nested: it must have one value a row"]

    def test_other_columns_may_be_whatever_they_are(self, path: Path) -> None:
        columns = {"AsOfDate": ["2020-03-09"], "Instrument": ["A"], "Quote": [1.0], "Deep": [[{"a": [1]}]]}
        file = read_file(parquet(path, columns), None, LIMITS)
        assert (said(file), file.records.left_aside) == ([], ["Deep"])

    def test_a_damaged_file_is_a_failure_wherever_the_damage_is(self, path: Path) -> None:
        rows = {name: [value] * 50 for name, value in OPTION.items()} | {"TradeId": [f"T{n}" for n in range(50)]}
        whole = parquet(path, rows).read_bytes()
        random.seed(7)
        damaged = path.with_name("damaged.parquet")
        for attempt in range(300):
            content = bytearray(whole)
            for _ in range(random.randint(1, 4)):
                content[random.randrange(len(content))] = random.randrange(256)
            damaged.write_bytes(content if attempt % 3 else content[: random.randrange(len(content))])
            file = read_file(damaged, "trades", LIMITS)
            assert file.records.records or file.records.failures

    def test_a_name_that_promises_parquet(self, path: Path) -> None:
        assert said(read(path.with_suffix(".parquet"), "a,b\n")) == ["row 1: not a Parquet file: write it again"]


class TestExcel:
    def test_the_same_rows_as_csv_and_as_a_workbook_are_the_same_records(self, path: Path) -> None:
        frame = pd.DataFrame([OPTION, {**OPTION, "TradeId": "T2", "Strike": None, "Product": "EQ_Stock"}])
        frame.to_csv(path, index=False)
        frame.to_excel(path.with_suffix(".xlsx"), index=False)
        text, sheet = (read_file(p, None, LIMITS) for p in (path, path.with_suffix(".xlsx")))
        assert (text.kind, sheet.kind, said(sheet)) == ("trades", "trades", [])
        assert text.records.records == sheet.records.records
        assert sheet.records.places == ["row 2", "row 3"]

    def test_the_first_sheet_counts_and_bad_rows_are_named_by_their_number(self, path: Path) -> None:
        path = path.with_suffix(".xlsx")
        with pd.ExcelWriter(path) as book:
            pd.DataFrame([{**OPTION, "Strike": -1.0, "Remark": "x"}]).to_excel(book, sheet_name="One", index=False)
            pd.DataFrame([OPTION]).to_excel(book, sheet_name="Two", index=False)
        file = read_file(path, None, LIMITS)
        assert said(file) == ["row 2, column Strike, value '-1': must be above 0"]
        assert file.records.left_aside == ["Remark"]

    def test_what_is_no_whole_workbook_says_so(self, path: Path) -> None:
        assert said(read(path, b"PK\x03\x04" + bytes(100)))[0].startswith("row 1: not a whole Excel workbook")
        assert "old or protected" in said(read(path, b"\xd0\xcf\x11\xe0" + bytes(100)))[0]
        assert "not an Excel workbook" in said(read(path.with_suffix(".xlsx"), "a,b\n"))[0]


class Unopened(type(Path())):  # type: ignore[misc]
    """A path that may be asked about and not be opened."""

    def open(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("the file was opened")


class TestLimits:
    def test_they_are_those_of_the_settings(self) -> None:
        chosen = Settings(file_megabytes=2, file_rows=3, file_columns=4)  # type: ignore[call-arg]
        assert FileLimits.of(chosen) == FileLimits(2_000_000, 3, 4)

    def test_a_large_file_is_refused_before_it_is_read(self, path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(600_000_000)
        assert said(read_file(Unopened(path), "quotes", LIMITS)) == [
            "line 1: larger than 500 MB: split the file, or raise DELTABOARD_FILE_MEGABYTES"
        ]

    def test_too_many_rows(self, path: Path) -> None:
        rows = "".join(f"2020-03-09,T{n},1\n" for n in range(4))
        few = FileLimits(rows=3)
        reason = "at most 3 are read: split the file, or raise DELTABOARD_FILE_ROWS"
        file = read(path, QUOTE_HEADER + rows, None, few)
        assert (said(file), file.records.records) == ([f"line 5: more than 3 rows, {reason}"], [])
        columns = {"AsOfDate": ["2020-03-09"] * 4, "Instrument": list("abcd"), "Quote": [1.0] * 4}
        assert said(read_file(parquet(path, columns), None, few)) == [f"row 1: 4 rows, {reason}"]

    def test_ten_thousand_columns(self, path: Path) -> None:
        names = [f"C{n}" for n in range(10_000)]
        assert said(read(path, ",".join(names) + "\n")) == [
            "line 1: 10\u00a0000 columns, at most 200 are read: this is no table of records"
        ]
        assert said(read_file(parquet(path, {name: [1.0] for name in names}), None, LIMITS)) == [
            "row 1: 10\u00a0000 columns, at most 200 are read: remove some"
        ]

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("x" * 3_000_000, "line 2: a line of more than 1\u00a0000\u00a0000 bytes"),
            ('"' + "x\n" * 1_500_000, "line 2: the quotation mark of line 2 is not closed"),
            ('"' + 'x","x\n' * 500_000, "line 2: the quotation mark of line 2 is not closed"),
        ],
    )
    def test_a_line_a_field_or_a_row_without_an_end(self, content: str, reason: str, path: Path) -> None:
        file = read(path, QUOTE_HEADER + content, "quotes")
        assert file.records.records == []
        assert len(said(file)) == 1
        assert reason in said(file)[0]

    def test_failures_without_end_are_counted_and_not_kept(self, path: Path) -> None:
        file = read(path, QUOTE_HEADER + "x,,x\n" * 20_000, "quotes")
        assert (len(file.records.failures), file.records.more_failures) == (10_000, 50_000)
        assert file.records.failed_rows == 20_000

    @says_memory
    def test_a_parquet_file_that_explodes_is_refused_by_what_it_says_of_itself(self, path: Path) -> None:
        """Some kilobytes that unpack to a hundred megabytes."""
        columns = {"AsOfDate": ["2020-03-09"] * 100, "Instrument": ["A" * 1_000_000] * 100, "Quote": [1.0] * 100}
        exploding = parquet(path, columns, compression="zstd", use_dictionary=False)
        assert exploding.stat().st_size < 200_000
        told, megabytes = read_apart(exploding)
        assert told.startswith("row 1: unpacks to 100 MB, larger than 50 MB: split the file, or raise")
        assert megabytes < 40

    @says_memory
    def test_a_long_text_that_a_small_file_repeats_is_in_memory_once(self, path: Path) -> None:
        """With a dictionary the file says that it is small, and the rows would be ten gigabytes."""
        count = 10_000
        text = pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array(["A" * 1_000_000]))
        columns = {"AsOfDate": ["2020-03-09"] * count, "Instrument": text, "Quote": [1.0] * count}
        exploding = parquet(path, columns, store_schema=False)  # nor does it say that this is a dictionary
        told, megabytes = read_apart(exploding)
        assert "longer than 200 characters" in told
        assert megabytes < 200

    @pytest.mark.parametrize("suffix", [".csv", ".parquet"])
    def test_a_trade_costs_few_calls_however_many_there_are(self, suffix: str, path: Path) -> None:
        """A hundred thousand are read within a second on a good machine."""
        target, calls = path.with_suffix(suffix), {}
        for count in (0, 1_000, 20_000):
            frame = pd.DataFrame({name: [value] * count for name, value in OPTION.items()})
            frame["TradeId"] = [f"T{n}" for n in range(count)]
            if suffix == ".csv":
                frame.to_csv(target, index=False)
            else:
                frame.to_parquet(target, index=False)
            file = read_file(target, "trades", LIMITS)
            assert (len(file.records.records), said(file)) == (count, [])
            calls[count] = calls_of(lambda: read_file(target, "trades", LIMITS))
        assert calls[1_000] - calls[0] < 70 * 1_000
        assert calls[20_000] - calls[0] < 70 * 20_000
