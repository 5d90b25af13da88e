"""Files of tables as people meet them: they come whatever others do meanwhile, and what goes wrong is said in place."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.board.running import Open, RunningBoard, board, opened
from tests.fixtures.databases import wait_for

__all__ = ["board", "opened"]

pytestmark = pytest.mark.browser

FILES = re.compile(r":\d+/(media|deltaboard/export)/")
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
MATCH, NO_MATCH = "text=/[\\d,]+ match/", "text=No trade matches the filters"


def runs_twice(page: Any) -> None:
    """Have the script of a page of trades run two times more, each to its end."""
    for text, shown in (("nothing", NO_MATCH), ("", MATCH)):
        page.get_by_placeholder("Words, such as AAPL put").fill(text)
        page.keyboard.press("Enter")
        page.wait_for_selector(shown)
        page.wait_for_selector(IDLE)


def test_a_file_comes_however_often_pages_run_again_before_it_is_fetched(opened: Open, board: RunningBoard) -> None:
    other = opened("/trades?person=Vera")
    other.wait_for_selector(MATCH)
    page = opened("/trades?person=Max")
    page.wait_for_selector(MATCH)
    held: list[Any] = []
    page.route(FILES, lambda route: held.append(route))
    page.get_by_role("button", name="Export").click()
    page.get_by_role("link", name="CSV").click()
    wait_for(lambda: held or page.wait_for_timeout(50), 60, "the browser to ask for the file")
    page.get_by_text("Making the CSV file").wait_for()
    runs_twice(other)
    runs_twice(other)
    # What is given at this moment: of Streamlit's own files it was nothing, whatever the browser had asked for.
    assert page.request.get(held[0].request.url, timeout=60_000).text().startswith("TradeId,")
    with page.expect_download() as download:
        held.pop().continue_()
    assert Path(download.value.path()).read_text().startswith("TradeId,")
    assert download.value.suggested_filename == "trades.csv"
    page.get_by_text("Making the CSV file").wait_for(state="hidden")


def answered(answer: dict[str, Any] | None, route: Any) -> None:
    """Give the browser this answer, or none."""
    if answer is None:
        route.abort()
    else:
        route.fulfill(**answer)


def test_what_goes_wrong_is_said_beside_the_links_and_the_page_stays(opened: Open) -> None:
    page = opened("/trades?person=Max")
    page.wait_for_selector(MATCH)
    page.wait_for_selector(IDLE)
    page.get_by_role("button", name="Export").click()
    link = page.get_by_role("link", name="Excel")
    said = page.get_by_role("status")
    for answer, words in (
        ({"status": 500, "json": {"error": "the disk is full."}}, "Nothing was downloaded: the disk is full."),
        ({"status": 502, "body": "<html>"}, "Nothing was downloaded: the server said 502."),
        (None, "Nothing was downloaded: the server does not answer."),
    ):
        page.unroute_all()
        page.route(FILES, partial(answered, answer))
        link.focus()
        page.keyboard.press("Enter")
        said.filter(has_text=words).wait_for()
    page.unroute_all()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "trades.xlsx"
    said.filter(has_text="Nothing").wait_for(state="detached")
    assert "/trades" in page.url


def test_an_address_that_was_copied_gives_the_same_rows_without_a_page(opened: Open, board: RunningBoard) -> None:
    page = opened("/trades?person=Max&trade_status=Live&underlying=AAPL")
    page.wait_for_selector(MATCH)
    count = int(re.findall(r"([\d,]+) match", page.locator(MATCH).inner_text())[0].replace(",", ""))
    page.get_by_role("button", name="Export").click()
    address = page.get_by_role("link", name="CSV").get_attribute("href")
    page.goto("about:blank")
    rows = page.request.get(f"{board.address}{address}", timeout=60_000).text().splitlines()
    assert len(rows) == count + 1
    assert all(",AAPL," in row for row in rows[1:])
