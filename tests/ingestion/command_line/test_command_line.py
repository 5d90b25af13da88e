"""The commands of ``python -m ingestion`` beside load: what they write, and how they end when they cannot."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest
import structlog
from sqlalchemy import text, update

from engine.pricing.warm_up import warm_up
from ingestion.commands.contents import Exported
from ingestion.sidecar.pricer_builder import NotPriced
from ingestion.sidecar.runner import Sidecar
from services.writes.load_demo import is_empty
from storage.connection.settings import ROOT, settings
from storage.core.database import Store
from storage.core.schema import feeds
from storage.feeds.feeds import REPLAY, FeedState, claim_feed
from storage.people.audit import read_audit
from storage.read_models.read_models import EXPORTS
from tests.fixtures.databases import free_port
from tests.fixtures.store_contents import contents
from tests.fixtures.ticks import demo_part
from tests.ingestion.commands import board, filled, run, use_url
from tests.ingestion.running import feed_of

__all__ = ["board", "filled"]

SENSITIVITY_HEADER = (
    "AsOfDate,TradeId,RiskFactor,UnitPrice,MarketValue,DeltaShares,CashDelta,CashGamma1Pct,Vega1Pt,Theta1D,Rho1Bp,"
    "DividendRho1Bp,ParametersSource"
)
HEADERS = {
    "sensitivities": SENSITIVITY_HEADER,
    "trades": (
        "TradeId,Ticker,Book,Product,Quantity,Strike,Maturity,OptionType,ExerciseStyle,ContractMultiplier,TradeStatus"
    ),
    "quotes": "AsOfDate,Instrument,Quote",
    "failures": "AsOfDate,TradeId,Ticker,Book,TradeStatus,Reason,Detail",
}


@pytest.fixture(autouse=True)
def _fresh_settings() -> Iterator[None]:
    yield
    settings.cache_clear()


def exported(*arguments: object) -> pd.DataFrame:
    """What ``export`` writes to standard output, as CSV."""
    result = run("export", *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return pd.read_csv(BytesIO(result.stdout_bytes))


class TestExport:
    @pytest.mark.usefixtures("filled")
    def test_the_headers_are_the_documented_ones(self) -> None:
        assert {what: run("export", what).stdout.splitlines()[0] for what in HEADERS} == HEADERS

    @pytest.mark.usefixtures("board")
    def test_an_empty_store_gives_the_headers_alone(self) -> None:
        assert {what: run("export", what).stdout.removesuffix("\n") for what in HEADERS} == HEADERS

    @pytest.mark.usefixtures("filled")
    def test_sensitivities_of_the_newest_date_and_of_another(self) -> None:
        newest, friday = exported("sensitivities"), exported("sensitivities", "--as-of", "2020-03-06")
        assert set(newest["AsOfDate"]) == {"2020-03-09"}
        assert set(friday["AsOfDate"]) == {"2020-03-06"}
        rows = newest.set_index("TradeId")
        assert rows.loc["S1", "RiskFactor"] == "MSFT"
        assert rows.loc["S1", ["UnitPrice", "MarketValue", "DeltaShares"]].tolist() == [150.0, -300.5 * 150.0, -300.5]
        assert len(exported("sensitivities", "--as-of", "2019-01-01")) == 0

    def test_numbers_keep_every_digit(self, filled: Store) -> None:
        with filled.read() as connection:
            value = connection.execute(
                text("SELECT market_value FROM sensitivities WHERE trade_id = 'C1' AND as_of_date = '2020-03-09'")
            ).scalar_one()
        assert exported("sensitivities").set_index("TradeId").loc["C1", "MarketValue"] == value

    @pytest.mark.usefixtures("filled")
    def test_quotes_and_failures(self) -> None:
        assert exported("quotes").values.tolist() == [["2020-03-09", "AAPL", 68.0], ["2020-03-09", "MSFT", 150.0]]
        failed = exported("failures")
        assert failed[["TradeId", "Reason"]].values.tolist() == [["X1", "expired"], ["N1", "no quote"]]
        assert failed["Detail"].str.len().min() > 0

    @pytest.mark.usefixtures("filled")
    def test_parquet_holds_what_csv_holds_with_real_dates(self, tmp_path: Path) -> None:
        for what, header in HEADERS.items():
            path = tmp_path / f"{what}.parquet"
            assert run("export", what, "--format", "parquet", "-o", path).exit_code == 0
            frame = pd.read_parquet(path)
            assert ",".join(frame.columns) == header
            dates = [name for name in ("AsOfDate", "Maturity") if name in frame]
            assert {type(day).__name__ for name in dates for day in frame[name].dropna()} == {"date"}
            as_text = pd.read_csv(BytesIO(frame.to_csv(index=False).encode()))
            pd.testing.assert_frame_equal(as_text, exported(what))

    @pytest.mark.usefixtures("filled")
    def test_a_file_and_standard_output_get_the_same(self, tmp_path: Path) -> None:
        for form in ("csv", "parquet"):
            assert run("export", "trades", "--format", form, "-o", tmp_path / "out").stdout == ""
            assert run("export", "trades", "--format", form).stdout_bytes == (tmp_path / "out").read_bytes()

    @pytest.mark.usefixtures("filled")
    def test_exported_trades_load_again_as_unchanged(self, tmp_path: Path) -> None:
        run("export", "trades", "-o", tmp_path / "out.csv")
        assert run("load", "trades", tmp_path / "out.csv").stdout == "trades: 6 unchanged\n"

    @pytest.mark.usefixtures("board")
    @pytest.mark.parametrize("form", ["csv", "parquet"])
    def test_ids_that_a_spreadsheet_would_run_load_again_as_unchanged(self, form: str, tmp_path: Path) -> None:
        rows = [f"{name},AAPL,VOL,EQ_Stock,1" for name in ("=1+1", "-OTC1", "''=1", "''00123", "'t Hoen")]
        path = tmp_path / "rows.csv"
        path.write_text("\n".join(["TradeId,Ticker,Book,Product,Quantity", *rows]), encoding="utf-8")
        assert run("load", "trades", path).stdout == "trades: 5 new\n"
        out = tmp_path / f"out.{form}"
        run("export", "trades", "--format", form, "-o", out)
        if form == "csv":
            assert "\n=1+1" not in out.read_text(encoding="utf-8")
        assert run("load", "trades", out).stdout == "trades: 5 unchanged\n"

    @pytest.mark.usefixtures("board")
    def test_one_line_says_why_it_cannot(self, tmp_path: Path) -> None:
        result = run("export", "trades", "--as-of", "9/3/2020")
        assert (result.exit_code, result.stderr) == (2, "--as-of must be a date like 2020-03-12, it is '9/3/2020'.\n")
        for form in ("csv", "parquet"):
            result = run("export", "trades", "--format", form, "-o", tmp_path / "nowhere" / "out")
            assert result.exit_code == 2
            assert result.stderr.startswith(f"{tmp_path}/nowhere/out: ")
            assert result.stderr.count("\n") == 1

    def test_all_that_can_be_exported_is_offered(self) -> None:
        assert tuple(Exported) == EXPORTS == tuple(HEADERS)


class TestStatus:
    @pytest.mark.usefixtures("board")
    def test_of_an_empty_store(self) -> None:
        lines = run("status").stdout.splitlines()
        assert lines[0] == "no feed has run on this store yet"
        assert {"last tick       none", "as-of date      none", "revision        0", "trades          0"} <= set(lines)

    @pytest.mark.usefixtures("filled")
    def test_of_a_filled_one(self) -> None:
        lines = run("status").stdout.splitlines()
        assert lines[1:5] == [
            "last tick       2020-03-09 13:30:00 UTC",
            "as-of date      2020-03-09",
            "revision        6",
            "trades          6",
        ]
        defaults = "with defaults   0 (their tickers have no parameters)"
        assert lines[5:10] == ["priced          3", defaults, "not priced      2", "  expired: 1", "  no quote: 1"]

    def test_of_a_feed_that_runs_and_of_one_that_fell_silent(self, filled: Store) -> None:
        now = datetime.now(UTC)
        with filled.bookkeeping() as connection:
            claim_feed(connection, REPLAY, "it", 4711, now, 10.0, 100.0)
            connection.execute(update(feeds).values(lag_seconds=0.25, detail="tick row 7 of 9"))
        assert run("status").stdout.splitlines()[0] == (
            "replay          playing, 100 times as fast, 0.25 s behind, process 4711; tick row 7 of 9"
        )
        silent = now - timedelta(seconds=11)
        with filled.bookkeeping() as connection:
            connection.execute(update(feeds).values(seen_at=silent))
        assert run("status").stdout.splitlines()[0] == (
            f"replay          not running since {silent:%Y-%m-%d %H:%M:%S} UTC; tick row 7 of 9"
        )


class TestControl:
    def test_each_wish_is_written_down_for_the_sidecar(self, board: Store) -> None:
        with board.bookkeeping() as connection:
            claim_feed(connection, REPLAY, "it", 1, datetime.now(UTC), 10.0, 100.0)
        assert run("control", "pause").exit_code == 0
        assert feed_of(board).wanted_state == FeedState.PAUSED
        assert run("control", "resume").exit_code == 0
        assert feed_of(board).wanted_state == FeedState.PLAYING
        assert run("control", "speed", "7.5").exit_code == 0
        assert feed_of(board).wanted_speed == 7.5
        assert run("control", "speed", "max").exit_code == 0
        assert feed_of(board).wanted_speed is None
        assert run("control", "restart").exit_code == 0
        assert feed_of(board).restarts_wanted == 1
        with board.read() as connection:
            told = [(stored.entry.user_name, stored.entry.action) for stored in reversed(read_audit(connection))]
        steered = ("pause feed", "resume feed", "set feed speed", "set feed speed", "restart feed")
        assert told == [("operator", action) for action in steered]

    @pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "fast", ""])
    @pytest.mark.usefixtures("board")
    def test_a_speed_that_is_none_is_refused(self, speed: str) -> None:
        result = run("control", "speed", speed) if speed != "-1" else run("control", "speed", "--", speed)
        assert (result.exit_code, result.stderr) == (
            2,
            f"The speed must be a number above 0, or max; it is '{speed}'.\n",
        )

    @pytest.mark.usefixtures("board")
    def test_a_feed_that_never_ran_is_refused(self) -> None:
        result = run("control", "pause")
        assert (result.exit_code, result.stderr) == (2, "The store knows no feed replay: start its sidecar first.\n")


class TestUnreadableStore:
    @pytest.mark.parametrize("command", [["status"], ["demo"], ["export", "trades"], ["control", "pause"]])
    def test_every_command_says_so_in_one_line(
        self, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "broken.sqlite").write_bytes(b"this is no database, but long enough to look like one" * 100)
        use_url(monkeypatch, f"sqlite:///{tmp_path}/broken.sqlite")
        result = run(*command)
        assert (result.exit_code, result.stdout) == (3, "")
        assert result.stderr == (
            f"The store sqlite:///{tmp_path}/broken.sqlite cannot be read: file is not a database.\n"
        )

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("my store", "DATABASE_URL is no URL"),
            ("mysql+pymysql://localhost/x", "must be SQLite or PostgreSQL, not mysql"),
            ("postgresql+nodriver://localhost/x", "There is no driver for postgresql+nodriver"),
            ("sqlite:///{folder}/a file/store.sqlite", "cannot be read: "),
            ("postgresql+psycopg://me:secret@127.0.0.1:{port}/x", "postgresql+psycopg://me:***@127.0.0.1:"),
        ],
    )
    def test_whatever_is_wrong_with_it(
        self, url: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "a file").write_text("in the way of the folder")
        use_url(monkeypatch, url.format(folder=tmp_path, port=free_port()))
        result = run("status")
        assert (result.exit_code, result.stdout) == (3, "")
        assert said in result.stderr
        assert result.stderr.count("\n") == 1

    def test_a_store_of_a_newer_version_is_left_alone(self, board: Store) -> None:
        with board.bookkeeping() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        result = run("status")
        assert result.exit_code == 3
        assert "cannot be read: Can't locate revision identified by '9999'" in result.stderr
        assert result.stderr.count("\n") == 1

    @pytest.mark.usefixtures("board")
    def test_a_setting_that_is_wrong_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DELTABOARD_CHANGE_LOG_MINUTES", "many")
        settings.cache_clear()
        result = run("status")
        assert result.exit_code == 2
        assert result.stderr.startswith("The setting CHANGE_LOG_MINUTES is 'many': ")
        assert result.stderr.count("\n") == 1

    def test_the_process_ends_with_that_code(self, tmp_path: Path) -> None:
        (tmp_path / "broken.sqlite").write_bytes(b"no database" * 1000)
        environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/broken.sqlite"}
        ended = subprocess.run(
            [sys.executable, "-m", "ingestion", "status"], cwd=ROOT, env=environment, capture_output=True, check=False
        )
        assert (ended.returncode, ended.stdout, ended.stderr.count(b"\n")) == (3, b"", 1)


class TestDemo:
    def test_it_fills_an_empty_store_and_leaves_a_filled_one_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use_url(monkeypatch, f"sqlite:///{tmp_path}/store.sqlite")
        first = run("demo")
        assert first.exit_code == 0
        assert "trades: 10\u00a0000 new" in first.stdout
        store = Store(f"sqlite:///{tmp_path}/store.sqlite")
        before = contents(store, with_revision=True)
        assert run("demo").stdout == "The store has data already: they stay as they are.\n"
        assert contents(store, with_revision=True) == before
        store.close()

    def test_a_book_of_ones_own_is_refused_that_of_the_demo_is_not(
        self, filled: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refused = run("demo")
        assert (refused.exit_code, "./run --no-demo" in refused.stderr) == (5, True)
        monkeypatch.setattr("services.writes.load_demo._source", lambda name: f"file my_{name}")  # it was the demo
        assert run("demo").stdout == "The store has data already: they stay as they are.\n"

    def test_data_of_ones_own_count_as_data(self, filled: Store) -> None:
        assert not is_empty(filled)
        with filled.bookkeeping() as connection:
            connection.execute(text("DELETE FROM quotes"))
        assert not is_empty(filled), "trades alone are data too"
        with filled.bookkeeping() as connection:
            connection.execute(text("DELETE FROM trades"))
        assert is_empty(filled)

    def test_fresh_throws_an_embedded_store_away_and_refuses_another(
        self, filled: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("services.writes.load_demo.load_demo", lambda *_: [])  # what it loads is not the point here
        filled.close()
        result = run("demo", "--fresh")
        if filled.dialect == "sqlite":
            assert result.exit_code == 0
            assert is_empty(filled)
        else:
            assert result.exit_code == 2
            assert "--fresh throws away the embedded SQLite store only" in result.stderr
            assert not is_empty(filled)


class TestReplay:
    @pytest.fixture(autouse=True)
    def _signals_and_log(self) -> Iterator[None]:
        """The command sets handlers and a log of its own, for its whole process."""
        before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
        yield
        for name, handler in before.items():
            signal.signal(name, handler)
        structlog.reset_defaults()

    @pytest.mark.usefixtures("board")
    def test_bad_arguments_are_one_line_each(self, tmp_path: Path) -> None:
        ticks = demo_part(tmp_path / "ticks.csv", days=1, every=100)
        (tmp_path / "bad.csv").write_text("AsOfDate,AAPL\n2020-03-09T13:30:00Z,x\n")
        for arguments, said in (
            ([tmp_path / "nowhere.csv"], f"{tmp_path}/nowhere.csv: No such file or directory.\n"),
            ([tmp_path / "bad.csv"], f"{tmp_path}/bad.csv, line 2, column AAPL, value 'x': not a price above 0\n"),
            ([ticks, "--speed", "0"], "The speed must be a number above 0, or max; it is '0'.\n"),
        ):
            result = run("replay", *arguments)
            assert (result.exit_code, result.stderr) == (2, said)

    def test_a_feed_that_is_taken_ends_it_with_a_code_of_its_own(self, board: Store, tmp_path: Path) -> None:
        warm_up()  # else the command compiles for longer than a feed may be silent
        with board.bookkeeping() as connection:
            claim_feed(connection, REPLAY, "it", 4711, datetime.now(UTC), 10.0, None, host="elsewhere 1234")
        result = run("replay", demo_part(tmp_path / "ticks.csv", days=1, every=100), "--once")
        assert result.exit_code == 4
        said = [line for line in result.stderr.splitlines() if "pricing_engine_ready" not in line]
        assert said == [
            "Another sidecar (process 4711 on elsewhere) already runs replay. Stop it first, or wait 10 seconds after "
            "it died."
        ]

    def test_once_that_could_not_price_all_ends_with_a_code_of_its_own(
        self, board: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def run_sidecar(*_: object) -> None:
            raise NotPriced("Not priced: AAPL on 2020-03-09 (it cannot be done).")

        monkeypatch.setattr(Sidecar, "run", run_sidecar)
        result = run("replay", demo_part(tmp_path / "ticks.csv", days=1, every=100), "--once")
        assert result.exit_code == 6
        assert result.stderr.splitlines()[-1] == "Not priced: AAPL on 2020-03-09 (it cannot be done)."

    def test_once_plays_to_the_end_and_stops(self, filled: Store, tmp_path: Path) -> None:
        ticks = demo_part(tmp_path / "ticks.csv", days=2, every=100)
        assert run("replay", ticks, "--speed", "max", "--once").exit_code == 0
        assert feed_of(filled).state == FeedState.ENDED
        assert set(exported("sensitivities")["AsOfDate"]) == {"2020-03-10"}


def test_help_does_not_wait_for_the_engines() -> None:
    code = "import sys, ingestion.command_line; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"numba", "pandas", "QuantLib", "sqlalchemy", "pyarrow"}.isdisjoint(ended.stdout.split())
