"""Opening each page of the navigation: from its address with nothing cached, and by a click from another page."""

import time
from typing import Any

from playwright.sync_api import Browser

from benchmarks.boards.served import chromium, served_board
from benchmarks.results import Result, result_of

NAME = "pages"
_ROUNDS, _QUICK_ROUNDS = 5, 1
_LINK = "[data-testid=stSidebarNavLink]"
_SHOWN = """([name, panels, tables, charts]) => {
  const count = (selector) => document.querySelectorAll(`[data-testid=stMain] ${selector}`).length;
  return document.querySelector('[data-testid=stSidebarNavLink][aria-current=page]')?.innerText.trim() === name
    && document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]')
    && count('[data-testid=stElementContainer]') > 0
    && count('.db-panel:not([data-state=loading])') >= panels
    && count('[data-testid=stDataFrame] canvas') >= tables
    && count('[data-testid=stVegaLiteChart] :is(canvas, svg), .st-key-day [data-testid=stCaptionContainer]') >= charts
    && count('[data-testid=stSkeleton]') + count('.db-panel[data-state=loading]') === 0;
}"""
"""The page has run to its end and every widget of it shows its data: its panels, tables and charts are all there."""
_WIDGETS = {
    "Risk board": (5, 0, 1),
    "Explore": (1, 0, 0),
    "Trades": (0, 1, 0),
    "Not included": (0, 1, 0),
    "People": (0, 1, 0),
}
"""Page -> how many panels, tables and charts it has at least."""
_VISITS_BEFORE = 3
"""After which a browser has the files that it keeps."""
_SETTLED_MS = 1_200
"""A window that was just opened builds itself for so long, on the same cores: whoever types an address has one open."""


def run(quick: bool) -> list[Result]:
    """How long each page takes, the demo book behind it and nothing ticking."""
    rounds = _QUICK_ROUNDS if quick else _ROUNDS
    with chromium() as browser:
        if browser is None:
            return []
        with served_board() as board:
            pages = _pages(browser, board.url)  # the server is warm after this
            first = {name: [_open(browser, url, name) for _ in range(rounds)] for name, url in pages}
            again = _again(browser, pages, rounds)
            by_click = _clicks(browser, board.url, [name for name, _ in pages], rounds)
    cases = {
        "by its address, an empty cache": first,
        "by its address, a browser that has been here": again,
        "by a click": by_click,
    }
    return [result_of(NAME, case, name, times) for case, found in cases.items() for name, times in found.items()]


def _pages(browser: Browser, url: str) -> list[tuple[str, str]]:
    page = browser.new_page()
    page.goto(url)
    page.wait_for_selector(_LINK, timeout=60_000)
    found = page.locator(_LINK).evaluate_all("links => links.map((a) => [a.innerText.trim(), a.href])")
    page.close()
    return [(str(name), str(address)) for name, address in found]


def _open(browser: Browser, url: str, name: str) -> float:
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    page = context.new_page()
    page.wait_for_timeout(_SETTLED_MS)
    began = time.perf_counter()
    page.goto(url, wait_until="commit")
    took = _until_shown(page, name, began)
    context.close()
    return took


def _again(browser: Browser, pages: list[tuple[str, str]], rounds: int) -> dict[str, list[float]]:
    """One browser that opens all pages again and again, each in a tab of its own."""
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    times: dict[str, list[float]] = {name: [] for name, _ in pages}
    for visit in range(_VISITS_BEFORE + rounds):
        for name, url in pages:
            page = context.new_page()
            page.wait_for_timeout(_SETTLED_MS)
            began = time.perf_counter()
            page.goto(url, wait_until="commit")
            took = _until_shown(page, name, began)
            page.close()
            if visit >= _VISITS_BEFORE:
                times[name].append(took)
    context.close()
    return times


def _clicks(browser: Browser, url: str, names: list[str], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in names}
    page = browser.new_page(viewport={"width": 1600, "height": 1000})
    page.goto(url)
    _until_shown(page, names[0], 0.0)
    for _ in range(rounds):
        for name in [*names[1:], names[0]]:
            began = time.perf_counter()
            page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
            times[name].append(_until_shown(page, name, began))
    page.close()
    return times


def _until_shown(page: Any, name: str, began: float) -> float:
    """Milliseconds since a moment, when the page is there."""
    page.wait_for_function(_SHOWN, arg=[name, *_WIDGETS.get(name, (0, 0, 0))], timeout=60_000)
    return 1000.0 * (time.perf_counter() - began)
