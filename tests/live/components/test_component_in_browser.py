"""What Streamlit has of a component of ours: a file that comes late leaves no part of a page dead."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from live.components.panels import ASSETS_FOLDER, ASSETS_URL, PANELS_SCRIPT, script_of
from tests.live.board_server import BoardServer, server

__all__ = ["server"]

pytestmark = pytest.mark.browser
WAITS, FAILED = "It is tried again by itself", "could not be shown"
MOUNT = """async ([script, kinds]) => {
  const file = new Blob([script], { type: 'text/javascript' });
  const { default: mount } = await import(URL.createObjectURL(file));
  window.places = kinds.map(() => document.body.appendChild(document.createElement('div')));
  const dataOf = (panel) => ({ panel, height: 300, measures: [] });
  window.leave = kinds.map((panel, at) => mount({ parentElement: places[at], data: dataOf(panel) }));
}"""


@pytest.fixture
def page(chromium: Any, server: BoardServer) -> Iterator[Any]:
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(server.url)
    page.wait_for_function("window.ready")
    yield page
    context.close()


def answer_with(page: Any, *answers: Callable[[Any], None]) -> list[str]:
    """Answer the requests for the script of the panels in turn, the last way for good; returns which came."""
    asked: list[str] = []

    def answer(route: Any) -> None:
        asked.append(route.request.url)
        answers[min(len(asked), len(answers)) - 1](route)

    page.route(f"**{ASSETS_URL}/*/{PANELS_SCRIPT}", answer)
    return asked


def whole(route: Any) -> None:
    route.fulfill(body=(ASSETS_FOLDER / PANELS_SCRIPT).read_bytes(), content_type="text/javascript")


def mount(page: Any, *kinds: str) -> None:
    page.evaluate(MOUNT, [script_of(PANELS_SCRIPT), kinds])


@pytest.mark.parametrize("fault", [lambda route: route.abort(), lambda route: route.fulfill(status=401)])
def test_a_script_that_did_not_come_is_fetched_again(page: Any, fault: Callable[[Any], None]) -> None:
    held: list[Any] = []
    asked = answer_with(page, fault, fault, held.append, whole)
    mount(page, "market", "figures")
    expect(page.get_by_text(WAITS)).to_have_count(2)
    while not held:
        page.wait_for_timeout(10)
    whole(held[0])
    for kind in ("market", "figures"):
        page.locator(f"[data-panel={kind}]").wait_for()
    expect(page.get_by_text(WAITS)).to_have_count(0)
    assert len(asked) == 3, "all parts of the page wait for one request"


def test_who_has_left_meanwhile_is_not_mounted(page: Any) -> None:
    held: list[Any] = []
    answer_with(page, lambda route: route.abort(), held.append)
    mount(page, "market", "figures")
    expect(page.get_by_text(WAITS)).to_have_count(2)
    page.evaluate("leave[0]()")
    expect(page.get_by_text(WAITS)).to_have_count(1)
    while not held:
        page.wait_for_timeout(10)
    whole(held[0])
    page.locator("[data-panel=figures]").wait_for()
    assert page.evaluate("places[0].childElementCount") == 0


def test_what_fails_in_itself_says_so_once_and_is_not_tried_again(page: Any) -> None:
    asked = answer_with(page, whole)
    mount(page, "no such panel")
    expect(page.get_by_text(FAILED)).to_have_count(1)
    assert len(asked) == 1
