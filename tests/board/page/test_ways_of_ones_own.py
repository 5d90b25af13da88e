"""The board for those who set things their own way: by keyboard alone, calm, in colours of their own, letters wide."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import TimeoutError as NotInTime
from playwright.sync_api import expect

from tests.board.axe import IDLE, found_by_axe
from tests.board.page.test_keyboard import press, tab_to
from tests.board.running import READY, Open, RunningBoard, board, opened, wait_for_revision

__all__ = ["board", "opened"]

pytestmark = pytest.mark.browser

TRADES = "[data-panel=trades][data-state=ready] [data-row-key]"
MOVES = """() => {
  window.moves = [];
  window.arrows = 0;
  const still = ['offset', 'computedOffset', 'easing', 'composite'];
  const looks = (frame) => JSON.stringify(Object.entries(frame).filter(([name]) => !still.includes(name)));
  const look = () => {
    window.arrows += document.querySelectorAll('.db-panel [data-moved]').length;
    for (const { effect } of document.getAnimations()) {
      if (!effect.target?.closest('.db-panel')) continue;
      if (new Set(effect.getKeyframes().map(looks)).size > 1) window.moves.push(effect.target.className);
    }
    requestAnimationFrame(look);
  };
  look();
}"""
"""Notes in each frame what of our panels is on its way to another look, and the arrows that tell what moved."""

PAINTED = (
    """(elements, what) => elements.map((element) => getComputedStyle(element)[what].match(/[0-9]+/g).slice(0, 3))"""
)
"""Red, green and blue of each; how much shines through is left aside: the ground itself is forced on what is clear."""
CUT_OFF = """() => {
  const SHOWN = { visibilityProperty: true };
  const found = [];
  for (const element of document.querySelectorAll('.db-panel *')) {
    const text = [...element.childNodes].find((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!text || element.closest('.db-ruler, .db-voice') || !element.checkVisibility(SHOWN)) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    const { left, right, top, bottom } = range.getBoundingClientRect();
    const hides = (box) => ['hidden', 'clip'].includes(getComputedStyle(box).overflowX);
    for (let box = element; !box.matches('.db-panel'); box = box.parentElement) {
      if (!hides(box)) continue;
      const edge = box.getBoundingClientRect();
      const isSeen = top < edge.bottom - 1 && bottom > edge.top + 1;
      if (isSeen && (left < edge.left - 1 || right > edge.right + 1)) found.push(`${element.className}: ${text.data}`);
      break;
    }
  }
  return found;
}"""
"""The texts of our panels that end before their last letter. What a narrow panel leaves out whole is not cut off."""
OVERLAPS = """() => {
  const SHOWN = { visibilityProperty: true };
  const isShown = ({ data, parentElement }) => data.trim() && parentElement.checkVisibility(SHOWN);
  const found = [];
  for (const row of document.querySelectorAll('.db-row, .db-head, .db-status, .db-card')) {
    const boxes = [...row.querySelectorAll('*')].flatMap((element) => [...element.childNodes])
      .filter((node) => node.nodeType === Node.TEXT_NODE && isShown(node))
      .map((node) => {
        const range = document.createRange();
        range.selectNodeContents(node);
        return [node.data, range.getBoundingClientRect()];
      }).filter(([, { width, height }]) => width && height);
    for (const [place, [text, one]] of boxes.entries()) {
      for (const [other, two] of boxes.slice(place + 1)) {
        const across = Math.min(one.right, two.right) - Math.max(one.left, two.left);
        const down = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
        if (across > 2 && down > 6) found.push(`${text} and ${other}`);
      }
    }
  }
  return found;
}"""
SPACED = """
* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }
p { margin-bottom: 2em !important; }
"""
"""What WCAG 1.4.12 lets a reader set."""


def tick_until(page: Any, board: RunningBoard, condition: str) -> None:
    """Tick until something is seen that a tick causes: it is soon over, and a slow machine may not look in time."""
    for attempt in range(20):
        board.tick(("AAPL", 75.0 + attempt))
        with suppress(NotInTime):
            page.wait_for_function(condition, timeout=3_000)
            return
    pytest.fail(f"never seen: {condition}")


def wait_for_none(page: Any, find: str) -> None:
    """Wait until a look at the page, once it is laid out, finds nothing."""
    try:
        page.wait_for_function(f"() => !({find})().length", timeout=30_000)
    except NotInTime:
        pytest.fail(f"found: {page.evaluate(find)}")


def open_board(opened: Open, **media: Any) -> Any:
    """The board for who has their media like this, with all that it shows."""
    page = opened("/?person=Vera")
    page.emulate_media(**media)
    page.wait_for_selector(READY)
    page.wait_for_selector(TRADES)
    return page


def test_a_file_is_uploaded_by_keyboard_alone(opened: Open, board: RunningBoard, tmp_path: Path) -> None:
    path = tmp_path / "keys.csv"
    path.write_text("TradeId,Ticker,Book,Product,Quantity\nBY-KEYS,AAPL,EQ_FLOW_US,EQ_Stock,10\n", encoding="utf-8")
    page = opened("/upload?person=Ana")
    page.get_by_text("Choose a file. You see").wait_for()
    page.wait_for_selector(IDLE)
    choosers: list[Any] = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    for _ in range(6):  # on a slow machine the button may be drawn anew under the key
        page.get_by_role("radio", name="Upload a file").focus()
        tab_to(page, "Upload")  # the button of the file; the page in the navigation has the same name
        press(page, "Enter")
        page.wait_for_timeout(3_000)
        if choosers:
            break
    choosers[0].set_files(str(path))
    page.get_by_role("button", name="Upload 1 row").wait_for()
    page.wait_for_selector(IDLE)
    tab_to(page, "Upload 1 row")
    press(page, "Enter")
    page.get_by_text("of trades is in: 1 new").wait_for()
    page.wait_for_selector(IDLE)
    page.wait_for_function("() => document.activeElement !== document.body")  # and the keyboard is somewhere
    with board.store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM trades WHERE trade_id = 'BY-KEYS'").scalar_one() == 1


def test_nothing_moves_where_motion_is_to_be_reduced(opened: Open, board: RunningBoard) -> None:
    board.roll()
    page = open_board(opened, reduced_motion="reduce")
    page.evaluate(MOVES)
    for price in (71.0, 72.0, 73.0):
        for panel in ("market", "figures", "summary", "trades"):
            wait_for_revision(page, panel, board.tick(("AAPL", price)))
    tick_until(page, board, "() => window.arrows > 0")
    assert page.evaluate("window.moves") == []
    page.emulate_media(reduced_motion="no-preference")
    tick_until(page, board, "() => window.moves.some((name) => name.includes('db-pulses'))")


def test_in_forced_colours_what_a_colour_told_is_told_otherwise(opened: Open, board: RunningBoard) -> None:
    board.roll()
    page = open_board(opened, forced_colors="active")
    page.locator("[data-panel=summary] [data-row-key=Americas] .db-cell").nth(2).click()
    row = page.locator("[data-panel=summary] [data-row-key=Americas][aria-selected=true]")
    row.wait_for()
    expect(row).to_have_css("outline-style", "solid")
    expect(row).to_have_css("outline-width", "2px")

    def painted(selector: str, what: str) -> list[list[str]]:
        found: list[list[str]] = page.locator(selector).evaluate_all(PAINTED, what)
        return found

    pressed, *others = painted("[data-panel=market] .db-mode", "backgroundColor")
    assert pressed not in others, "which mode is on"
    words = painted(".db-state", "color")
    assert painted("[data-panel=status] .db-dot", "backgroundColor") == words, "a dot is seen as words are"
    expect(page.locator("[data-panel=market] .db-line path").first).to_be_attached()
    lines = painted("[data-panel=market] .db-line path", "stroke")
    assert all(line == words[0] for line in lines), "so are the lines of the day"
    page.evaluate(MOVES)
    tick_until(page, board, "() => window.arrows > 0")
    arrow = """() => [...document.querySelectorAll('.db-pulse')]
      .some((spot) => /[\u25b2\u25bc]/.test(getComputedStyle(spot, '::before').content))"""
    tick_until(page, board, arrow)
    for cell in page.locator("[data-tint=down]").all_inner_texts():
        assert cell.startswith("\u2212"), "a loss has its sign"
    # Of contrast axe knows nothing here: it reads the colours that the page asked for, not those that are painted.
    assert [fault for fault in found_by_axe(page) if not fault.startswith("color-contrast")] == []


def test_with_wide_letters_nothing_is_cut_off(opened: Open, board: RunningBoard) -> None:
    page = open_board(opened)
    for letters in ("usual", "wide"):
        if letters == "wide":
            page.add_style_tag(content=SPACED)
        for width in (1920, 1600, 1440, 1280, 1200, 1100, 1000):
            page.set_viewport_size({"width": width, "height": 1000})
            page.wait_for_function(f"() => innerWidth === {width}")
            wait_for_none(page, CUT_OFF)
            wait_for_none(page, OVERLAPS)
    assert found_by_axe(page) == []
