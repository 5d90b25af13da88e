"""What every page says while there is nothing to show: an empty store, a store that is away, a web server that is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from launch.components import find_postgresql
from storage.core.database import Store
from tests.board.running import running_board
from tests.fixtures.browser import missing
from tests.fixtures.databases import PostgresServer, free_port

pytestmark = [pytest.mark.browser, pytest.mark.postgres]

LONG = 60_000
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
EMPTY = {
    "": "There are no quotes yet, so nothing has a value.",
    "explore": "There are no quotes yet, so nothing has a value.",
    "start": "You have no saved views yet.",
    "trades": "There are no trades with the status Live.",
    "trade": "There are no trades yet.",
    "upload?view=History": "Nobody has uploaded anything yet.",
    "not-included": "There are no quotes yet, so nothing is priced.",
    "audit": "There are no entries yet.",
}
"""Address of a page -> what it says in an empty store."""
AWAY = "This page comes back by itself after that."


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresServer]:
    """A server of its own, because it is stopped."""
    programs = find_postgresql()
    if programs is None:
        missing("PostgreSQL")
    assert programs is not None
    server = PostgresServer(programs)
    yield server
    server.close()


def test_an_empty_store_and_what_is_away(chromium: Any, database: PostgresServer, tmp_path: Path) -> None:
    url, port = database.create("empty"), free_port()
    store = Store(url)
    store.migrate()
    store.close()
    context = chromium.new_context(viewport={"width": 1300, "height": 800}, locale="en-US")
    context.set_default_timeout(LONG)
    with running_board(url, tmp_path / "web.log", port=port) as board:
        for address, words in EMPTY.items():
            page = context.new_page()
            page.goto(f"{board.address}/{address}")
            page.get_by_text(words).first.wait_for(timeout=LONG)
            page.wait_for_selector(IDLE, timeout=LONG)
            expect(page.locator(".db-skeleton:visible"), f"{address} waits for what will not come").to_have_count(0)
        board_page, explore, *others = context.pages
        for page in others[2:]:
            page.close()
        database.stop()
        try:
            board_page.locator("[data-status=state]", has_text="Store unreachable").wait_for(timeout=LONG)
            explore.get_by_text("The numbers come by themselves after that").wait_for(timeout=LONG)
            for page in context.pages:
                page.reload()
                page.get_by_text(AWAY).wait_for(timeout=LONG)
        finally:
            database.start()
        for page, words in zip(context.pages, EMPTY.values(), strict=False):
            page.get_by_text(words).first.wait_for(timeout=LONG)
            page.wait_for_selector(IDLE, timeout=LONG)
            expect(page.get_by_text(AWAY)).to_have_count(0)
    gone = ".stApp[data-test-connection-state=PINGING_SERVER]"
    for page in context.pages[:3]:
        page.wait_for_selector(gone, timeout=LONG)
        said = f"getComputedStyle(document.querySelector('{gone}'), '::after').content"
        page.wait_for_function(f"{said}.includes('Connection lost')")
        page.wait_for_selector("[data-testid=stDialog]", state="attached", timeout=LONG)
        expect(page.get_by_text("Are you connected to the internet?")).to_be_hidden()
    with running_board(url, tmp_path / "again.log", port=port):
        for page, words in zip(context.pages[:3], EMPTY.values(), strict=False):
            page.wait_for_selector(".stApp[data-test-connection-state=CONNECTED]", timeout=LONG)
            page.get_by_text(words).first.wait_for(timeout=LONG)
    context.close()
