"""Every page passes axe, light and dark, wide and narrow; and the board is worked with the keyboard alone."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.board.axe import IDLE, WIDE, look, told
from tests.board.running import READY, RunningBoard, board

__all__ = ["board"]

pytestmark = pytest.mark.browser

PAGES_AT_LEAST = {"Risk board", "Trades", "Upload", "Not included", "Audit", "People"}


@pytest.fixture(scope="module")
def page(chromium: Any, board: RunningBoard) -> Iterator[Any]:
    """The board as an admin sees it, who has every button; quotes have moved since the close."""
    board.tick(("AAPL", 70.0), ("MSFT", 150.0))
    context = chromium.new_context(viewport=WIDE, color_scheme="light", locale="en-US")
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    opened.goto(f"{board.address}/?person=Ada")
    opened.wait_for_selector(READY)
    yield opened
    context.close()


@pytest.fixture(scope="module")
def pages(page: Any) -> list[tuple[str, str]]:
    """Name and path of each page of the navigation."""
    links = page.locator("[data-testid=stSidebarNavLink]")
    found = links.evaluate_all("links => links.map((a) => [a.innerText.trim(), new URL(a.href).pathname])")
    return [(name, path) for name, path in found]


def test_every_page_passes_axe(page: Any, board: RunningBoard, pages: list[tuple[str, str]]) -> None:
    assert {name for name, _ in pages} >= PAGES_AT_LEAST
    faults: dict[str, list[str]] = {}
    for name, path in pages:
        page.set_viewport_size(WIDE)
        page.goto(f"{board.address}{path}?person=Ada")
        page.wait_for_selector(f"[data-testid=stSidebarNavLink][aria-current=page]:has-text('{name}')")
        page.wait_for_selector(IDLE)
        if path == "/":
            page.wait_for_selector(READY)
        look(page, name, faults)
    assert not faults, told(faults)


def click(name: str, opens: str) -> Callable[[Any], None]:
    """Clicks a button, and waits for what it opens."""

    def clicks(page: Any) -> None:
        page.get_by_role("button", name=name).first.click()
        page.wait_for_selector(opens)

    return clicks


def how_often(page: Any) -> None:
    button = page.get_by_role("button", name="5 s").first
    button.click()
    button.click()
    page.locator(".db-menu").wait_for()


def behind_a_cell(page: Any) -> None:
    page.get_by_role("button", name="Pause", exact=True).focus()
    for key in ("Tab", "ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    page.locator(".db-drill perspective-viewer-datagrid").wait_for()


def a_bad_file(page: Any) -> None:
    rows = b"TradeId,Ticker,Book,Product,Quantity\nA1,AAPL,EQ_FLOW_US,EQ_Stock,10\nA2,AAPL,EQ_FLOW_US,EQ_Stock,many\n"
    page.set_input_files("input[type=file]", {"name": "bad.csv", "mimeType": "text/csv", "buffer": rows})
    page.get_by_text("What is to go in?").wait_for()


POPOVER = "[data-testid=stPopoverBody]"
PIVOT = "[data-panel=explore][data-state=ready] .db-pivot[data-arranged] perspective-viewer-datagrid"
STATES: list[tuple[str, str, str, Callable[[Any], None] | None]] = [
    ("a trade", "/trade?trade_id=T00012", ".facts >> text=Contract multiplier", None),
    ("an unknown trade", "/trade?trade_id=T0001x", "text=There is no trade", None),
    ("no trade matches", "/trades?find=zzz", "text=No trade matches the filters", None),
    ("an export", "/trades", "[data-testid=stDataFrame]", click("Export", POPOVER)),
    ("no entry matches", "/audit?find_entry=zzz", "text=No entry matches the filters", None),
    ("an address of what is not there", "/?book=GONE", "[data-testid=stToast]", None),
    ("how often", "/", READY, how_often),
    ("the columns of files", "/upload?view=Columns", "text=Saved mappings", None),
    ("a file with a bad row", "/upload?person=Ana", "input[type=file]", a_bad_file),
    ("what columns mean", "/explore", PIVOT, click("Columns", POPOVER)),
    ("saving a view", "/explore", PIVOT, click("Save as", "[role=dialog]")),
    ("the trades of a cell", "/explore", PIVOT, behind_a_cell),
]
"""Name, address, what is there then, and what opens it."""


@pytest.mark.parametrize(("name", "address", "ready", "opens"), STATES, ids=[state[0] for state in STATES])
def test_what_opens_and_what_is_empty_pass_axe(
    page: Any, board: RunningBoard, name: str, address: str, ready: str, opens: Callable[[Any], None] | None
) -> None:
    page.set_viewport_size(WIDE)
    page.goto("about:blank")
    who = "" if "person=" in address else f"{'&' if '?' in address else '?'}person=Ada"
    page.goto(f"{board.address}{address}{who}")
    page.locator(ready).first.wait_for(state="attached")
    page.wait_for_selector(IDLE)
    if opens is not None:
        opens(page)
        page.wait_for_selector(IDLE)
    faults: dict[str, list[str]] = {}
    look(page, name, faults)
    assert not faults, told(faults)


FOCUS = """() => {
  const focus = document.activeElement;
  const style = getComputedStyle(focus);
  return {
    panel: focus.closest('.db-panel')?.dataset.panel ?? '',
    name: focus.getAttribute('aria-label') ?? focus.innerText.trim(),
    visible: (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== 'none',
    onScreen: focus.getBoundingClientRect().width > 0,
  };
}"""


def test_tab_walks_the_board_in_its_order_and_shows_where_one_is(page: Any, board: RunningBoard) -> None:
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(WIDE)
    page.goto(f"{board.address}/?person=Ada")
    page.wait_for_selector(READY)
    page.wait_for_selector(IDLE)
    met: list[dict[str, Any]] = []
    for _ in range(90):
        page.keyboard.press("Tab")
        met.append(page.evaluate(FOCUS))
    unseen = [each for each in met if each["panel"] and not (each["visible"] and each["onScreen"])]
    assert not unseen, "focus is not seen"
    panels = list(dict.fromkeys(each["panel"] for each in met if each["panel"]))
    assert panels == [panel for panel in ("status", "figures", "market", "summary", "trades") if panel in panels]
    assert len(panels) == 5
    assert [each["name"] for each in met if each["panel"] == "market"][:3] == ["Live", "5 s", "Pause"]


def test_arrows_walk_the_tree_and_enter_selects(page: Any, board: RunningBoard) -> None:
    page.goto(f"{board.address}/?person=Ada")
    page.wait_for_selector(READY)
    page.wait_for_selector(IDLE)
    tree = page.get_by_role("treegrid", name="Risk summary")
    tree.focus()

    at = page.locator("[data-panel=summary] .db-active")
    page.keyboard.press("ArrowDown")
    expect(at).to_have_attribute("data-row-key", "Total")
    page.keyboard.press("ArrowDown")
    expect(at).to_have_attribute("aria-level", "2")
    region = str(at.get_attribute("data-row-key"))
    expect(tree).to_have_attribute("aria-activedescendant", str(at.get_attribute("id")))
    expect(at).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowLeft")
    expect(at).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowRight")
    expect(at).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowRight")
    expect(at).to_have_attribute("data-row-key", re.compile(re.escape(f"{region} \u203a ")))
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-panel=summary] [aria-selected=true]")
    page.wait_for_url("**path=**")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-panel=summary]:not(:has([aria-selected=true]))")
