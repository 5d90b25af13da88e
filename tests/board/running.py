"""A web server on a store of its own, started for tests, and what a test reads off the page."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from engine.trading_calendar import next_trading_day
from services.pricing.pricing_state import PricingState
from storage.core.database import Store
from storage.core.schema import sensitivities, trades
from storage.market.quotes import Quote
from tests.fixtures.applying import apply_quotes
from tests.fixtures.databases import Templates, free_port, load_demo_book, wait_for

ROOT = Path(__file__).parent.parent.parent
Open = Callable[[str], Any]
"""Opens a page by its path."""
READY = "[data-panel=summary][data-state=ready] [data-row-key=Total]"


@dataclass
class RunningBoard:
    """A web server on a store of its own, and the ticks that the test sends."""

    store: Store
    address: str
    state: PricingState = field(default_factory=PricingState)
    day: date = date(2020, 3, 6)
    seconds: int = 0

    def roll(self) -> date:
        """Begin the next business day; ticks are of that day from now on."""
        self.day = next_trading_day(self.day)
        self.tick(("AAPL", 70.0))
        return self.day

    def tick(self, *quotes: tuple[str, float]) -> int:
        """Apply quotes of the day, a second after the last; returns the revision."""
        self.seconds += 1
        at = datetime(self.day.year, self.day.month, self.day.day, 14, 0, tzinfo=UTC) + timedelta(seconds=self.seconds)
        batch = [Quote(self.day, ticker, price, at) for ticker, price in quotes]
        return apply_quotes(self.store, self.state, batch, source="test").revision

    def total(self, measure: str, day: date | None = None) -> float:
        """The sum over the trades that are live, as the store has it."""
        with self.store.read() as connection:
            query = select(func.sum(sensitivities.c[measure])).join(
                trades, trades.c.trade_id == sensitivities.c.trade_id
            )
            query = query.where(sensitivities.c.as_of_date == (day or self.day), trades.c.trade_status == "Live")
            return float(connection.execute(query).scalar_one())


@contextmanager
def running_board(
    url: str, log_path: Path, *, port: int | None = None, secrets: Path | None = None, **variables: str
) -> Iterator[RunningBoard]:
    """The web server on the store of a URL, until the block ends; fails when an error of ours is in its log.

    secrets: Streamlit's secrets.toml; without it there is no sign-in. variables: of the environment, beside ours.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true"]
    command += ["--secrets.files", str(secrets or log_path.with_name("no secrets.toml"))]
    environment = {**os.environ, "DATABASE_URL": url, **variables}
    with log_path.open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        running = RunningBoard(Store(url), f"http://127.0.0.1:{port}")
        try:
            wait_for(lambda: "URL:" in log_path.read_text() or process.poll() is not None, 120, "the web server")
            assert process.poll() is None, log_path.read_text()
            yield running
        finally:
            process.terminate()
            process.wait(60)
            running.store.close()
    assert f'File "{ROOT}' not in log_path.read_text(), "an error of ours is in the log"


@pytest.fixture(scope="module")
def board(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBoard]:
    """One server for all tests of the module: each takes a business day of its own."""
    url = templates.copy("sqlite", "demo", load_demo_book, None)
    with running_board(url, tmp_path_factory.mktemp("web") / "web.log") as running:
        yield running


@pytest.fixture
def opened(chromium: Any, board: RunningBoard) -> Iterator[Open]:
    """Opens a page of the server in a browser session of its own."""
    contexts: list[Any] = []
    faults: list[str] = []

    def open_page(path: str) -> Any:
        contexts.append(chromium.new_context(viewport={"width": 1500, "height": 1000}, locale="en-US"))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{board.address}{path}", wait_until="commit")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def take_option(page: Any, words: str) -> None:
    """Take, with Enter, the option of an open list that what was typed has led to."""
    page.locator("[role=option][data-focused=true]", has_text=words).wait_for()
    page.keyboard.press("Enter")


def raw(page: Any, panel: str, row: str, column: str) -> float:
    """The number behind a cell."""
    cell = page.locator(f"[data-panel={panel}] [data-row-key='{row}'] [data-column={column}]").first
    return float(cell.get_attribute("data-raw"))


def wait_for_raw(page: Any, panel: str, row: str, column: str, wanted: float) -> None:
    """Wait until this is the number behind a cell."""
    page.wait_for_function(
        """([panel, row, column, wanted]) => Math.abs(document.querySelector(
            `[data-panel=${panel}] [data-row-key='${row}'] [data-column=${column}]`)?.dataset.raw - wanted)
            <= 1e-9 * Math.abs(wanted)""",
        arg=[panel, row, column, wanted],
        timeout=60_000,
    )


def wait_for_revision(page: Any, panel: str, revision: int) -> None:
    """Wait until a panel shows a revision or a newer one."""
    page.wait_for_function(
        "([panel, revision]) => Number(document.querySelector(`[data-panel=${panel}]`)?.dataset.revision) >= revision",
        arg=[panel, revision],
        timeout=60_000,
    )
