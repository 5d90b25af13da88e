"""Runs the commands of ``python -m ingestion`` in the process of the tests, on a store, and small files to load."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ingestion.command_line import app
from storage.connection.settings import settings
from storage.core.database import Store

TRADE_HEADER = "TradeId,Ticker,Book,Product,Quantity,Strike,Maturity,OptionType,ExerciseStyle,ContractMultiplier"
FILES = {
    "books": "Book,Desk,BusinessUnit,Region\nVOL,Vol hedging,Equity derivatives,Americas\n",
    "instruments": (
        "Ticker,Name,Sector,Region,Currency\n"
        "AAPL,Apple,Technology,Americas,USD\nMSFT,Microsoft,Technology,Americas,USD\nOXY,Occidental,Energy,Americas,USD\n"
    ),
    "parameters": "AsOfDate,Ticker,ImpliedVol,RiskFreeRate,DividendYield\n2020-03-09,AAPL,0.4,0.006,0.012\n",
    "trades": (
        f"{TRADE_HEADER},TradeStatus\n"
        "C1,AAPL,VOL,EQ_Option,10,70,2020-06-19,call,European,100,Live\n"
        "A1,AAPL,VOL,EQ_Option,-5,80,2020-06-19,PUT,american,100,\n"
        "S1,MSFT,OTHER,EQ_Stock,-300.5,,,,,,Live\n"
        "N1,OXY,VOL,EQ_Option,10,12,2020-06-19,call,,100,Live\n"
        "X1,AAPL,VOL,EQ_Option,10,70,2020-03-06,call,,100,Live\n"
        "T1,AAPL,VOL,EQ_Option,10,70,2020-06-19,call,European,100,Terminated\n"
    ),
    "quotes": (
        "AsOfDate,Instrument,Quote\n2020-03-06,AAPL,72\n2020-03-06,MSFT,161\n"
        "2020-03-09T13:30:00Z,AAPL,68\n2020-03-09T13:30:00Z,MSFT,150\n"
    ),
}
"""Kind -> a file of it. Of the trades three are priced on the last date, one has no quote and one has expired."""


def run(*arguments: object) -> Result:
    """Run a command; what it raises instead of ending is raised here."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def write_files(folder: Path) -> dict[str, Path]:
    """The files of ``FILES`` by kind."""
    paths = {kind: folder / f"my_{kind}.csv" for kind in FILES}
    for kind, path in paths.items():
        path.write_text(FILES[kind], encoding="utf-8")
    return paths


def use_url(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Let the commands work on the store of this URL."""
    monkeypatch.setenv("DATABASE_URL", url)
    settings.cache_clear()


@pytest.fixture
def board(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty store that the commands work on."""
    use_url(monkeypatch, store.url.render_as_string(hide_password=False))
    yield store
    settings.cache_clear()


@pytest.fixture
def filled(board: Store, tmp_path: Path) -> Store:
    """It, with all files loaded, and priced on the Friday before too."""
    friday = tmp_path / "friday.csv"
    friday.write_text("AsOfDate,Instrument,Quote\n2020-03-06,AAPL,72\n2020-03-06,MSFT,161\n", encoding="utf-8")
    assert run("load", "quotes", friday).exit_code == 0
    for kind, path in write_files(tmp_path).items():
        assert run("load", kind, path).exit_code == 0
    return board
