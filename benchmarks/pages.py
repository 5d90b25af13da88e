"""Opening each page of the navigation: from its address with nothing cached, and by a click from another page."""

import time
from typing import Any

from playwright.sync_api import Browser

from benchmarks.results import Result, result_of
from benchmarks.served import chromium, served_board

NAME = "pages"
_ROUNDS, _QUICK_ROUNDS = 5, 1
_LINK = "[data-testid=stSidebarNavLink]"
_SHOWN = """(name) =>
  document.querySelector('[data-testid=stSidebarNavLink][aria-current=page]')?.innerText.trim() === name
  && document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]')
  && document.querySelector('[data-testid=stMain] [data-testid=stElementContainer]')
  && !document.querySelector('[data-testid=stMain] [data-testid=stSkeleton], .db-panel[data-state=loading]')"""
"""The page has run to its end and every widget of it shows its data."""


def run(quick: bool) -> list[Result]:
    """How long each page takes, the demo book behind it and nothing ticking."""
    rounds = _QUICK_ROUNDS if quick else _ROUNDS
    with chromium() as browser:
        if browser is None:
            return []
        with served_board() as board:
            pages = _pages(browser, board.url)  # the server is warm after this
            by_address = {name: [_open(browser, url, name) for _ in range(rounds)] for name, url in pages}
            by_click = _clicks(browser, board.url, [name for name, _ in pages], rounds)
    results = [result_of(NAME, "by its address, an empty cache", name, times) for name, times in by_address.items()]
    return results + [result_of(NAME, "by a click", name, times) for name, times in by_click.items()]


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
    began = time.perf_counter()
    page.goto(url, wait_until="commit")
    took = _until_shown(page, name, began)
    context.close()
    return took


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
    page.wait_for_function(_SHOWN, arg=name, timeout=60_000)
    return 1000.0 * (time.perf_counter() - began)
