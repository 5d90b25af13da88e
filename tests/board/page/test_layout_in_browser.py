"""The board at the width of each screen, on a phone and in the dark; and what is copied off it."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.board.axe import IDLE
from tests.board.running import READY, RunningBoard, board

__all__ = ["board"]

pytestmark = pytest.mark.browser
WIDTHS = [1920, 1440, 1366, 1280, 1200, 1180, 1123, 1101, 1024, 768, 390]
CROWDED = """() => {
  const box = (element) => element.getBoundingClientRect();
  const cards = [...document.querySelectorAll('.db-card')];
  const cut = cards.filter((card) => card.scrollWidth > card.clientWidth
    || [...card.querySelectorAll('.db-card-value')].some((value) => box(value).right > box(card).right));
  const over = cards.filter((one) => cards.some((other) => one !== other
    && box(one).left < box(other).right - 1 && box(other).left < box(one).right - 1
    && box(one).top < box(other).bottom - 1 && box(other).top < box(one).bottom - 1));
  const below = box(document.querySelector('[data-panel=market]')).top;
  const hidden = cards.filter((card) => box(card).bottom > below);
  return [...cut, ...over, ...hidden].map((card) => card.dataset.figure ?? 'switch');
}"""
PNL_IN_SIGHT = """() => {
  const panel = document.querySelector('[data-panel=summary] .db-scroll').getBoundingClientRect();
  const cell = document.querySelector('[data-panel=summary] [data-row-key=Total] [data-column=actual_pnl]')
    .getBoundingClientRect();
  return cell.width > 0 && cell.left >= panel.left && cell.right <= Math.min(panel.right, innerWidth) + 0.5;
}"""
MARKET_CUT = """() => {
  const scroll = document.querySelector('[data-panel=market] .db-scroll');
  return scroll.scrollWidth - scroll.clientWidth;
}"""
CONTRAST = """(element) => {
  const seen = (colour) => {
    const context = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d');
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const light = ([red, green, blue]) => [red, green, blue].map((value) => (value / 255) ** 2.2)
    .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
  let ground = element;
  while (seen(getComputedStyle(ground).backgroundColor)[3] < 255) ground = ground.parentElement;
  const colours = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor];
  const both = colours.map((colour) => light(seen(colour)));
  return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
}"""

HEADS_CUT = """() => [...document.querySelectorAll('.db-as-of, .db-pill, .db-head *')]
  .filter((part) => part.checkVisibility() && part.textContent.trim()
    && (part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).display !== 'inline'
      || part.getBoundingClientRect().right > part.closest('.db-panel').getBoundingClientRect().right))
  .map((part) => part.textContent)"""
SHIFTS = """() => {
  window.shifted = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
}"""
"""Sums what moves on its own, as browsers score it (cumulative layout shift): below 0.1 is good."""


@pytest.fixture
def new_page(chromium: Any) -> Iterator[Any]:
    """Opens an empty page in a session of its own."""
    contexts: list[Any] = []

    def make(**options: Any) -> Any:
        contexts.append(chromium.new_context(locale="en-US", **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        return page

    yield make
    for context in contexts:
        context.close()


def test_at_every_width_each_figure_has_room_and_the_pnl_is_in_sight(new_page: Any, board: RunningBoard) -> None:
    board.roll()
    page = new_page(viewport={"width": WIDTHS[0], "height": 900})
    page.goto(f"{board.address}/?person=Vera")
    page.wait_for_selector(READY)
    page.wait_for_function("() => document.querySelector('.db-card-value').textContent.length > 4")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(f"() => innerWidth === {width}")
        page.wait_for_function(f"() => ({CROWDED})().length === 0")
        page.wait_for_function(f"() => ({PNL_IN_SIGHT})()")
        page.wait_for_function(f"() => ({MARKET_CUT})() <= 0")
        page.wait_for_function("() => document.querySelector('[data-testid=stMain]').scrollWidth <= innerWidth")


OTHERS = ["/explore", "/start", "/upload", "/not-included", "/audit", "/people"]


@pytest.mark.parametrize(("width", "height"), [(390, 844), (768, 1024), (1366, 900)])
@pytest.mark.parametrize("path", ["/", "/trades", "/trade?trade_id=T00001", *OTHERS])
def test_what_is_read_already_does_not_move_when_the_rest_comes(
    new_page: Any, board: RunningBoard, path: str, width: int, height: int
) -> None:
    page = new_page(viewport={"width": width, "height": height})
    page.add_init_script(f"({SHIFTS})()")
    page.goto(board.address + path + ("&" if "?" in path else "?") + "person=Ada")
    page.wait_for_selector(IDLE)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.shifted") < 0.1


def test_a_phone_shows_the_page_that_was_chosen_and_not_the_menu(new_page: Any, board: RunningBoard) -> None:
    page = new_page(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, color_scheme="dark")
    page.goto(f"{board.address}/?person=Vera")
    page.wait_for_selector(READY)
    page.wait_for_selector(IDLE)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    for button in page.locator(".st-key-toolbar button").all():
        box = button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390, "all of the controls are in sight"
    assert page.evaluate(HEADS_CUT) == []
    ground = page.locator("header[data-testid=stHeader]").evaluate(
        "(header) => getComputedStyle(header).backgroundColor"
    )
    assert ground == "rgb(14, 17, 22)", "no numbers are seen through the head of the page"

    closed = "() => document.querySelector('[data-testid=stSidebar]').getBoundingClientRect().right <= 0"
    page.get_by_test_id("stExpandSidebarButton").tap()
    link = page.get_by_test_id("stSidebarNav").get_by_role("link", name="Audit", exact=True)
    link.tap()
    page.wait_for_url("**/audit*")
    page.wait_for_function(closed)
    page.get_by_test_id("stExpandSidebarButton").tap()
    page.wait_for_function("() => document.querySelector('[data-testid=stSidebar]').getBoundingClientRect().left >= 0")
    page.reload()
    page.wait_for_selector("[data-testid=stExpandSidebarButton]")
    page.wait_for_selector(IDLE)
    assert page.evaluate(closed)


def test_in_the_dark_nothing_is_white_and_popovers_have_contrast(new_page: Any, board: RunningBoard) -> None:
    page = new_page(viewport={"width": 1300, "height": 900}, color_scheme="dark")
    page.route("**/static/js/index.*", lambda route: route.abort())  # Streamlit does not start
    page.goto(f"{board.address}/?person=Vera", wait_until="commit")
    page.wait_for_function(
        "() => document.body && getComputedStyle(document.body).backgroundColor === 'rgb(14, 17, 22)'"
    )
    page.unroute("**/static/js/index.*")
    page.goto(f"{board.address}/?person=Vera")
    page.wait_for_selector(READY)
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"() => getComputedStyle(document.body).colorScheme === '{scheme}'")
        page.get_by_role("button", name="Status: Live").click()
        chosen = page.get_by_test_id("stPopoverBody").locator("button[data-selected=true] p").first
        chosen.wait_for()
        assert chosen.evaluate(CONTRAST) >= 4.5, scheme
        page.keyboard.press("Escape")
        page.get_by_test_id("stPopoverBody").wait_for(state="detached")


def test_no_built_in_of_the_browser_is_patched(new_page: Any, board: RunningBoard) -> None:
    page = new_page(viewport={"width": 1300, "height": 900})
    page.goto(f"{board.address}/?person=Vera")
    page.wait_for_selector(READY)
    sources = page.evaluate(
        """() => [history.pushState, history.replaceState, Number.prototype.toLocaleString,
            Object.getOwnPropertyDescriptor(Intl.NumberFormat.prototype, 'format').get].map(String)"""
    )
    assert all("[native code]" in source for source in sources), sources
    assert page.evaluate("() => { const f = new Intl.NumberFormat(); return f.format === f.format; }")


def test_what_is_copied_is_numbers_for_a_spreadsheet(new_page: Any, board: RunningBoard) -> None:
    board.roll()
    page = new_page(viewport={"width": 1500, "height": 1000})
    page.goto(f"{board.address}/?person=Vera")
    page.wait_for_selector(READY)
    page.locator("[data-panel=summary]").get_by_role("button", name="Pause", exact=True).click()
    page.evaluate(
        "document.addEventListener('copy', (event) => (window.copied = event.clipboardData.getData('text/plain')))"
    )
    row = page.locator("[data-panel=summary] [data-row-key]", has=page.locator("[data-tint=down]")).first
    shown = [text.strip() for text in row.locator(".db-cell").all_inner_texts()]
    row.evaluate("(row) => getSelection().selectAllChildren(row)")
    page.keyboard.press("Control+c")
    page.wait_for_function("() => window.copied")
    copied = page.evaluate("window.copied").split("\t")
    assert [text.replace("\u2212", "-") for text in shown[1:]] == copied[1:]
    numbers = [float(text.replace(",", "")) for text in copied[1:]]
    assert min(numbers) < 0
    cell = row.locator("[data-tint=down]").first
    cell.evaluate("(cell) => { window.copied = null; getSelection().selectAllChildren(cell); }")
    page.keyboard.press("Control+c")
    page.wait_for_function("() => window.copied")
    assert float(page.evaluate("window.copied").replace(",", "")) < 0
    expect(cell).to_contain_text("\u2212")  # what is painted has a real one


def test_each_page_names_its_tab(new_page: Any, board: RunningBoard) -> None:
    page = new_page(viewport={"width": 1300, "height": 900})
    for path, title in (
        ("", "Risk board"),
        ("trades", "Trades"),
        ("audit", "Audit"),
        ("trade?trade_id=T00001", "T00001 · Trade"),
    ):
        page.goto(f"{board.address}/{path}")
        page.wait_for_function("(title) => document.title === title", arg=f"{title} · Deltaboard")
