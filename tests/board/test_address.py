"""The address of a page says its filters, whichever way one came: so a reload or a sent link opens the same."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.board.running import READY, RunningBoard, board

__all__ = ["board"]

pytestmark = pytest.mark.browser

IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
BOOK = {"book": ["EQ_FLOW_EU"]}


@pytest.fixture
def page(chromium: Any, board: RunningBoard) -> Iterator[Any]:
    """A page in a session of its own."""
    context = chromium.new_context(viewport={"width": 1500, "height": 1000})
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    yield opened
    context.close()


def go(page: Any, name: str) -> None:
    """To another page, as people do."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
    page.wait_for_selector(f"[data-testid=stSidebarNav] a[aria-current=page]:has-text('{name}')")


def says(page: Any, path: str, filters: dict[str, list[str]], panels: dict[str, list[str]] | None = None) -> None:
    """Wait until the address is that of a page with these filters, for Max. panels: the panels' own words."""
    wanted = path, {"person": ["Max"], **filters}, panels or {}

    def parts(url: str) -> tuple[str, dict[str, list[str]], dict[str, list[str]]]:
        address = urlsplit(url)
        return address.path, parse_qs(address.query), parse_qs(address.fragment)

    try:
        page.wait_for_url(lambda url: parts(url) == wanted)
    except Exception:
        pytest.fail(f"the address is {page.url}, not {wanted}")
    page.wait_for_selector(IDLE)


def search(page: Any) -> Any:
    return page.get_by_label("Search", exact=True)


def test_filters_of_a_list_stay_in_the_address(page: Any, board: RunningBoard) -> None:
    trades = {"find": ["AAPL"], "past_maturity": ["true"]}
    page.goto(f"{board.address}/trades?person=Max&find=AAPL&past_maturity=true")
    says(page, "/trades", trades)
    go(page, "Audit")
    says(page, "/audit", {})
    search(page).fill("sold")
    search(page).press("Enter")
    says(page, "/audit", {"find_entry": ["sold"]})
    go(page, "Upload")
    page.get_by_role("radio", name="History").click()
    says(page, "/upload", {"view": ["History"]})
    for name, path, filters in (
        ("Trades", "/trades", trades),
        ("Audit", "/audit", {"find_entry": ["sold"]}),
        ("Upload", "/upload", {"view": ["History"]}),
    ):
        go(page, name)
        says(page, path, filters)
    go(page, "Trades")
    says(page, "/trades", trades)
    page.reload()
    says(page, "/trades", trades)
    expect(search(page)).to_have_value("AAPL")
    expect(page.get_by_role("switch", name="Past maturity")).to_be_checked()


def test_clicks_that_cut_each_other_short_lose_nothing(page: Any, board: RunningBoard) -> None:
    page.goto(f"{board.address}/trades?person=Max&find=AAPL")
    says(page, "/trades", {"find": ["AAPL"]})
    for name in ("Audit", "Upload", "People", "Not included", "Trades"):
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
        page.wait_for_timeout(60)
    says(page, "/trades", {"find": ["AAPL"]})
    page.wait_for_selector("[data-testid=stMain] input[value=AAPL]")


def test_the_view_of_the_board_is_in_the_address_of_every_page_that_has_it(page: Any, board: RunningBoard) -> None:
    page.goto(f"{board.address}/?person=Max&book=EQ_FLOW_EU&as_of=2020-03-06")
    page.wait_for_selector(READY)
    view = {**BOOK, "as_of": ["2020-03-06"]}
    go(page, "Trades")
    says(page, "/trades", {})
    go(page, "Not included")
    says(page, "/not-included", view)
    go(page, "Risk board")
    says(page, "/", view)
    page.wait_for_selector(READY)
    page.get_by_role("button", name="EQ_FLOW_EU").wait_for()
    page.locator("[data-panel=summary] [data-row-key]").nth(1).click()
    page.wait_for_url("**path=**")
    chosen = parse_qs(urlsplit(page.url).query)["path"]
    page.reload()
    page.wait_for_selector(f"{READY.split(' ')[0]} [aria-selected=true]")
    says(page, "/", {**view, "path": chosen})


def test_what_an_address_asks_for_and_is_not_there_is_said(page: Any, board: RunningBoard) -> None:
    page.goto(f"{board.address}/?person=Max&book=GONE&status=Sleeping&as_of=2031-02-03&path=Americas&ticker=AAPL")
    page.wait_for_selector(READY)
    told = page.get_by_test_id("stToast")
    for words in ("There is nothing of 2031-02-03: the newest date is shown.", "no status Sleeping", "no book GONE"):
        expect(told).to_contain_text(words)
    page.wait_for_selector(IDLE)
    says(page, "/", {"path": ["Americas"]})
    page.goto(f"{board.address}/trades?person=Max&find=zzz")
    page.get_by_role("button", name="Clear the filters").click()
    page.get_by_text("9,964 match").wait_for()
    says(page, "/trades", {})


def test_back_leads_to_the_view_of_before(page: Any, board: RunningBoard) -> None:
    page.goto(f"{board.address}/?person=Max")
    page.wait_for_selector(READY)
    page.locator("[data-panel=summary] [data-row-key]").nth(1).click()
    page.wait_for_selector("[data-panel=summary] [aria-selected=true]")
    page.wait_for_url("**path=**")
    page.wait_for_selector(IDLE)
    page.go_back()
    says(page, "/", {})
    page.wait_for_selector("[data-panel=summary]:not(:has([aria-selected=true]))")


def test_search_and_order_of_the_panels_are_in_the_address(page: Any, board: RunningBoard, chromium: Any) -> None:
    page.goto(f"{board.address}/?person=Max")
    page.wait_for_selector(READY)
    page.wait_for_selector(IDLE)
    steps = page.evaluate("history.length")
    page.locator("[data-panel=market]").get_by_role("button", name="%").click()
    page.locator("[data-panel=summary]").get_by_role("button", name="Node").click()
    page.locator("[data-panel=trades]").get_by_role("button", name="Day P&L").click()
    page.get_by_label("Filter the trades").fill("aapl")
    panels = {"sort_market": ["-percent"], "sort_risk": ["node"], "sort_trades": ["-actual_pnl"], "search": ["aapl"]}
    says(page, "/", {}, panels)
    assert page.evaluate("history.length") == steps, "a search is no step for the button back"
    page.locator("[data-panel=summary] [data-row-key]").nth(1).click()
    page.wait_for_selector("[data-panel=summary] [aria-selected=true]")
    page.wait_for_url("**path=**")
    page.wait_for_selector(IDLE)
    path = {"path": parse_qs(urlsplit(page.url).query)["path"]}
    says(page, "/", path, panels)
    assert page.evaluate("history.length") == steps + 1, "a selection is one step"
    go(page, "Trades")
    says(page, "/trades", {})
    go(page, "Risk board")
    says(page, "/", path, panels)
    shows_view(page)
    page.reload()
    says(page, "/", path, panels)
    shows_view(page)
    context = chromium.new_context(viewport={"width": 1500, "height": 1000})
    try:
        colleague = context.new_page()
        colleague.set_default_timeout(60_000)
        colleague.goto(page.url)
        shows_view(colleague)
    finally:
        context.close()


def shows_view(page: Any) -> None:
    """Market by change, the tree by name, the trades of one share by their P&L."""
    page.wait_for_selector("[data-panel=market] [aria-sort=descending]:has-text('%')")
    page.wait_for_selector("[data-panel=summary] [aria-sort=ascending]:has-text('Node')")
    page.wait_for_selector("[data-panel=trades] [aria-sort=descending]:has-text('Day P&L')")
    page.wait_for_selector("[data-panel=trades] .db-subtitle:text-matches('[0-9]+ of [0-9,]+ trades')")
    assert page.get_by_label("Filter the trades").input_value() == "aapl"


def test_back_and_forward_lead_to_the_order_of_then(page: Any, board: RunningBoard) -> None:
    page.goto(f"{board.address}/?person=Max&sort_market=quote&sort_trades=nonsense&search=msft")
    page.wait_for_selector(READY)
    says(page, "/", {}, {"sort_market": ["quote"], "search": ["msft"]})  # an older link has them before its #
    page.locator("[data-panel=summary] [data-row-key]").nth(1).click()
    page.wait_for_url("**path=**")
    page.wait_for_selector(IDLE)
    page.locator("[data-panel=market]").get_by_role("button", name="Ticker").click()
    page.get_by_label("Filter the trades").fill("")
    page.wait_for_url(lambda url: "sort_market=ticker" in url and "search" not in url)
    page.go_back()
    says(page, "/", {}, {"sort_market": ["quote"], "search": ["msft"]})
    page.wait_for_selector("[data-panel=market] [aria-sort=ascending]:has-text('Last')")
    assert page.get_by_label("Filter the trades").input_value() == "msft"
    page.go_forward()
    page.wait_for_selector("[data-panel=market] [aria-sort=ascending]:has-text('Ticker')")
    assert page.get_by_label("Filter the trades").input_value() == ""


def test_a_link_shows_where_in_the_tree_it_leads(page: Any, board: RunningBoard) -> None:
    path = ["Asia Pacific", "Equity derivatives", "Vol hedging", "EQ_VOL_AP"]
    page.goto(f"{board.address}/?person=Max&path={'%1F'.join(path)}")
    row = f"[data-panel=summary] [data-row-key='{' › '.join(path)}'][aria-selected=true]"
    page.wait_for_selector(row)
    page.wait_for_function(
        """(row) => {
            const found = document.querySelector(row), own = found?.getBoundingClientRect();
            const box = found?.closest('.db-scroll').getBoundingClientRect();
            return found && own.top >= box.top && own.bottom <= box.bottom;
        }""",
        arg=row,
    )
