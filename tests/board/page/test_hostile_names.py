"""What people call things stands on every page as they wrote it: nothing of it becomes a link, an image or an icon."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ingestion import append_trades
from services.access.grant_roles import grant_role
from services.access.permissions import Role, User
from services.tagging.define_statuses import define_status
from storage.book.trade_statuses import DefinedStatus
from storage.connection.settings import settings
from tests.board.running import Open, RunningBoard, opened, running_board
from tests.fixtures.databases import Templates, load_demo_book

__all__ = ["opened"]
pytestmark = pytest.mark.browser
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
IMAGE, LINK = "![b](http://evil.test/b.png)", "[go](http://evil.test/l)"
BARE, ICON = "http://evil.test/bare", ":material/home:"
TRADES = [
    {"TradeId": name, "Ticker": "AAPL", "Book": book, "Product": "EQ_Stock", "Quantity": 5}
    for name, book in ((IMAGE, LINK), (LINK, IMAGE), (BARE, BARE), (ICON, ICON))
]
ADA = User("Ada", frozenset(Role))


@pytest.fixture(scope="module")
def board(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBoard]:
    url = templates.copy("sqlite", "demo", load_demo_book, None)
    with running_board(url, tmp_path_factory.mktemp("web") / "web.log") as running:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DATABASE_URL", url)
            settings.cache_clear()
            append_trades(TRADES)
        settings.cache_clear()
        for name in (IMAGE, LINK, BARE):
            define_status(running.store, ADA, DefinedStatus(name, True, True, name))
            grant_role(running.store, ADA, name, Role.VIEWER, name)
        yield running


def settled(page: Any) -> None:
    page.wait_for_selector(IDLE)
    page.wait_for_selector("[data-testid=stMarkdownContainer], [data-testid=stText]")


@pytest.mark.parametrize(
    "path",
    [
        f"/?person=Max&book={quote(IMAGE)}",
        f"/?book={quote(BARE)}&status={quote(LINK)}",
        "/trades?person=Max",
        "/people?person=Ada",
        *(f"/trade?trade_id={quote(name)}" for name in (IMAGE, LINK, BARE, ICON)),
        *(f"/trade?trade_id={quote('x' + name)}" for name in (IMAGE, LINK)),
        f"/trade?trade_id={quote('no ' + BARE)}",
    ],
)
def test_no_page_makes_anything_of_a_name(opened: Open, path: str) -> None:
    page = opened("/deltaboard/health")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.startswith("http://evil") else None)
    page.goto(page.url.replace("/deltaboard/health", path))
    settled(page)
    for button in page.locator("[data-testid=stPopoverButton], [data-testid=stPopover] button").all()[:4]:
        button.click()
        page.wait_for_selector("[data-testid=stPopoverBody]")
        page.keyboard.press("Escape")
        settled(page)
    assert not asked
    assert page.locator("a[href^='http://evil'], img[src^='http://evil']").count() == 0
    if "material" in path:
        page.get_by_text("material/home", exact=False).first.wait_for()


def test_columns_and_names_of_files_are_text(opened: Open, tmp_path: Path) -> None:
    file = tmp_path / "x ![f](evil) [a](b).csv"
    file.write_text(f"TradeId,Ticker,Book,Product,Quantity,{IMAGE},{LINK},{BARE}\nU1,AAPL,B,EQ_Stock,1,2,3,4\n")
    page = opened("/upload?person=Ana")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.startswith("http://evil") else None)
    page.locator("input[type=file]").first.set_input_files(str(file))
    page.get_by_text("left aside").first.wait_for()
    settled(page)
    page.get_by_text("Columns", exact=True).last.click()
    page.get_by_text("evil.test/b.png").first.wait_for()
    assert not asked
    assert page.locator("a[href^='http://evil'], img[src^='http://evil']").count() == 0
