"""Opening the board in a browser that has nothing of it yet: from the address to the first numbers."""

import time

from playwright.sync_api import Browser

from benchmarks.boards.served import chromium, served_board
from benchmarks.results import Result, result_of

NAME = "cold_board"
_OPENINGS, _QUICK_OPENINGS = 7, 2
_PANELS = ("summary", "trades")
# When each panel first shows a number, by the browser's clock.
_WATCH = """
window.firstNumbers = {};
new MutationObserver(() => {
  for (const panel of PANELS) {
    if (window.firstNumbers[panel]) continue;
    const cell = document.querySelector(`[data-panel=${panel}] [data-column=market_value][data-raw]`);
    if (cell && cell.dataset.raw !== '') window.firstNumbers[panel] = Date.now();
  }
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-raw'] });
""".replace("PANELS", str(list(_PANELS)))
_FINISHED = f"() => Object.keys(window.firstNumbers).length === {len(_PANELS)}"


def run(quick: bool) -> list[Result]:
    """The first opening after the server's start, and later ones, each with an empty cache."""
    with chromium() as browser:
        if browser is None:
            return []
        with served_board() as board:
            times = [_open(browser, board.url) for _ in range(1 + (_QUICK_OPENINGS if quick else _OPENINGS))]
    case = "from the address to the first numbers of both panels, an empty cache"
    return [
        result_of(NAME, case, "the first opening after the server's start", times[:1]),
        result_of(NAME, case, "later openings", times[1:]),
    ]


def _open(browser: Browser, url: str) -> float:
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    context.add_init_script(_WATCH)
    page = context.new_page()
    started = time.time() * 1000.0
    page.goto(url)
    page.wait_for_function(_FINISHED, timeout=60_000)
    last = max(page.evaluate("() => Object.values(window.firstNumbers)"))
    context.close()
    return float(last) - started
