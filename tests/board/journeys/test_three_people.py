"""Three people on one server at the same time: one arranges and shares a view, one terminates trades, one uploads.

Each sees what the others do, while quotes tick. The same on SQLite and on PostgreSQL.
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.board.running import RunningBoard, running_board, take_option
from tests.board.test_explore_in_browser import arrange, columns, configured, opened, until
from tests.board.uploads.test_upload_in_browser import choose, counted
from tests.fixtures.applying import change_records
from tests.fixtures.databases import DATABASES, Templates, load_demo_book, server_of
from tests.fixtures.small_book import trade
from tests.services.uploads.test_preview_upload import GOOD, MISTAKES, csv_of

pytestmark = pytest.mark.browser
LONG = 90_000
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
MANY = 500
MENDED = [GOOD.format(f"3P-{number:02d}").replace("2020-06-19", "2020-12-18") for number in range(len(MISTAKES))]


@pytest.fixture(params=DATABASES)
def board(request: pytest.FixtureRequest, templates: Templates, tmp_path: Path) -> Iterator[RunningBoard]:
    url = templates.copy(request.param, "demo", load_demo_book, server_of(request))
    with running_board(url, tmp_path / "web.log") as running:
        yield running


class Ticking:
    """Quotes that go on coming while people work."""

    def __init__(self, board: RunningBoard) -> None:
        self._board = board
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        price = 70.0
        while not self._stop.wait(0.5):
            price += 0.25
            self._board.tick(("AAPL", price), ("MSFT", 2 * price))

    def __enter__(self) -> "Ticking":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)


def shown_trades(page: Any) -> float:
    """How many trades the pivot counts, with the total above."""
    return float(columns(page)["Trades"][0])


def test_three_people_at_once(chromium: Any, board: RunningBoard, tmp_path: Path) -> None:
    board.roll()
    ids = [f"SOLD-{number:04}" for number in range(MANY)]
    change_records(board.store, board.state, "trades", [trade(each, book="SOLD") for each in ids], source="test")
    with Ticking(board):
        viewer = opened(chromium, board, "Vera")
        arrange(viewer, group_by=["Sector"], columns=["Cash delta", "Trades"])
        until(viewer, lambda: list(columns(viewer))[-1] == "Trades", "the view as it was arranged")
        share(viewer, "Sectors")
        analyst = opened(chromium, board, "Ana", query=f"&view={viewer.url.split('view=')[1].split('&')[0]}")
        until(analyst, lambda: configured(analyst)["group_by"] == ["Sector"], "the arrangement that was shared")
        before = shown_trades(viewer)
        until(analyst, lambda: shown_trades(analyst) == before, "the same for both")

        terminate(chromium, board)
        after = before - MANY
        for page in (viewer, analyst):
            until(page, lambda page=page: shown_trades(page) == after, "the total without what was terminated")

        upload(analyst, board, tmp_path)
        until(viewer, lambda: shown_trades(viewer) == after + len(MENDED), "the total with what was uploaded")
    until(
        viewer,
        lambda: columns(viewer)["Cash delta"][0] == pytest.approx(board.total("cash_delta"), rel=1e-9),
        "the total of the store",
    )
    for page in (viewer, analyst):
        page.close()


def share(page: Any, name: str) -> None:
    page.wait_for_url("**pivot=**", timeout=LONG)  # the page has taken what was arranged
    page.wait_for_selector(IDLE, timeout=LONG)
    page.get_by_role("button", name="Save as").click()
    page.get_by_label("Name").fill(name)
    page.get_by_text("Share with everyone").click()
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    page.wait_for_url("**view=**", timeout=LONG)


def terminate(chromium: Any, board: RunningBoard) -> None:
    """As a manager, all trades of a book."""
    page = chromium.new_page(viewport={"width": 1600, "height": 1000})
    page.set_default_timeout(LONG)
    page.goto(f"{board.address}/trades?person=Max&trade_book=SOLD")
    page.get_by_role("button", name=f"Select all {MANY}").click(timeout=LONG)
    page.wait_for_selector(f"text=all {MANY} selected", timeout=LONG)
    page.locator("[data-testid=stForm]").get_by_label("Reason").fill("the book is sold")
    take_option(page, "the book is sold")
    page.get_by_role("button", name=f"Set status of {MANY} trades").click(timeout=LONG)
    page.get_by_role("dialog").get_by_role("button", name=f"Set {MANY} trades").click(timeout=LONG)
    page.wait_for_selector(f"text={MANY} trades set to Terminated", timeout=LONG)
    page.close()


def upload(page: Any, board: RunningBoard, folder: Path) -> None:
    """As an analyst: a file with every kind of mistake, which is refused, then the same fixed."""
    path = folder / "trades.csv"
    path.write_bytes(csv_of(GOOD.format("FINE-1"), *(row for row, *_ in MISTAKES)))
    page.goto(f"{board.address}/upload?person=Ana")
    page.wait_for_selector("text=Upload a file", timeout=LONG)
    page.wait_for_selector(IDLE, timeout=LONG)
    choose(page, path)
    page.get_by_role("button", name="Fix the file first").wait_for(timeout=LONG)
    counted(page, "Bad rows", len(MISTAKES))
    path.write_bytes(csv_of(*MENDED))
    page.get_by_role("button", name="Choose another file").click()
    page.wait_for_selector("text=Choose a file. You see", timeout=LONG)
    page.wait_for_selector(IDLE, timeout=LONG)
    choose(page, path)
    page.get_by_role("button", name=f"Upload {len(MENDED)} rows", disabled=False).click(timeout=LONG)
    page.wait_for_selector(f"text=of trades is in: {len(MENDED)} new", timeout=LONG)
