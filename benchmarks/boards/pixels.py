"""From a tick to the number changing in a real browser that shows the whole board."""

import time
from collections.abc import Sequence

from playwright.sync_api import Browser, Page

from benchmarks.boards.served import ServedBoard, chromium, served_board
from benchmarks.results import Result, result_of

NAME = "pixels"
_TICKS, _QUICK_TICKS, _WARM_UP = 60, 5, 3
_SECONDS_TO_SHOW = 10.0
_PAUSE_SECONDS = 0.35
_SETTLE_MILLISECONDS = 2000
TICKER = "AAPL"
CELL = f"[data-panel=market] [data-row-key={TICKER}] [data-column=quote]"
# Every value that the cell shows, with the browser's clock, which is this machine's.
WATCH = """(selector) => {
  window.shown = [];
  let last = null;
  const look = () => {
    const raw = document.querySelector(selector)?.dataset.raw;
    if (raw === undefined || raw === last) return;
    last = raw;
    window.shown.push([Number(raw), Date.now()]);
  };
  look();
  new MutationObserver(look).observe(document.querySelector('[data-panel=market]'),
    { subtree: true, childList: true, attributes: true, characterData: true });
}"""
SHOWN_AT = "(value) => window.shown.find(([raw]) => Math.abs(raw - value) < 1e-9)?.[1] ?? null"


def run(quick: bool) -> list[Result]:
    """A tick of one share and a tick of every share, in turns, until the share's quote has changed on the screen."""
    with chromium() as browser:
        if browser is None:
            return []
        with served_board() as board:
            page = watched_page(browser, board)
            moves = {"a tick of one share": [TICKER], "a tick of every share": board.ticking.tickers}
            times: dict[str, list[float]] = {case: [] for case in moves}
            committed: dict[str, list[float]] = {case: [] for case in moves}
            for turn in range((_QUICK_TICKS if quick else _TICKS) + _WARM_UP):
                for case, tickers in moves.items():
                    shown, written = time_to_pixels(page, board, tickers)
                    if turn >= _WARM_UP:
                        times[case].append(shown)
                        committed[case].append(written)
    results: list[Result] = []
    for case in moves:
        results.append(result_of(NAME, case, "tick to the number in the browser", times[case]))
        results.append(result_of(NAME, case, "of which until the commit", committed[case]))
    return results


def watched_page(browser: Browser, board: ServedBoard) -> Page:
    """The whole board open in a window, and every quote of ``TICKER`` that comes to it noted with its time."""
    page = browser.new_page(viewport={"width": 1920, "height": 1080})
    page.goto(board.url)
    page.wait_for_selector(f"{CELL}[data-raw]")
    page.wait_for_selector("[data-panel=trades] [data-row-key] [data-column=market_value][data-raw]")
    page.wait_for_timeout(_SETTLE_MILLISECONDS)
    page.evaluate(WATCH, CELL)
    return page


def time_to_pixels(page: Page, board: ServedBoard, tickers: Sequence[str]) -> tuple[float, float]:
    """Milliseconds from just before the tick is applied to the change on the screen, and to the commit."""
    page.wait_for_timeout(_PAUSE_SECONDS * 1000)
    started = time.time() * 1000.0
    board.ticking.tick(tickers)
    committed = time.time() * 1000.0 - started
    deadline = time.monotonic() + _SECONDS_TO_SHOW
    while True:
        at = page.evaluate(SHOWN_AT, board.ticking.quote_of(TICKER))
        if at is not None:
            return float(at) - started, committed
        if time.monotonic() > deadline:
            raise RuntimeError(f"the quote of {TICKER} did not come to the screen")
        page.wait_for_timeout(15)
