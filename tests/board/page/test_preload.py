"""The page that the browser gets first says all that the page will need; and where it cannot, it is Streamlit's own."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from live.components.front_end import FrontEnd
from live.components.kept_files import IMMUTABLE
from live.components.pivot_engine import ENGINE_SCRIPT, engine_address
from tests.board.running import READY, RunningBoard, board, running_board
from tests.fixtures.databases import Templates, free_port, load_demo_book
from ui.asgi.page_chunks import PIECES

__all__ = ["board"]

IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
LINKED = re.compile(r'(?:href|src)="((?:\./static|/deltaboard)/[^"]+)"')
LOADED = """() => performance.getEntriesByType('resource').map((entry) => new URL(entry.name).pathname)
  .filter((path) => path.endsWith('.js'))"""


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page of a browser that has nothing cached."""
    context = chromium.new_context(viewport={"width": 1500, "height": 1000})
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    yield opened
    context.close()


def first_page_of(url: str, path: str) -> httpx.Response:
    return httpx.get(f"{url}/{path}", headers={"if-none-match": '"an older one"'}, timeout=60)


@pytest.mark.parametrize("path", PIECES)
def test_all_that_it_names_is_there_and_may_be_kept(board: RunningBoard, path: str) -> None:
    answer = first_page_of(board.address, path)
    assert answer.headers["cache-control"] == "no-cache"
    assert "etag" not in answer.headers, "of the file, which is not what was sent"
    named = {unescape(address) for address in LINKED.findall(answer.text)}
    assert len(named) > 60
    with httpx.Client(base_url=board.address, timeout=60) as client:
        for address in named:
            found = client.get(address.removeprefix("."))
            assert found.status_code == 200, address
            assert IMMUTABLE in found.headers["cache-control"], address
            assert not found.headers["content-type"].startswith("text/html"), address


def test_static_files_are_those_of_streamlit(board: RunningBoard) -> None:
    folder = FrontEnd().folder
    first_page_of(board.address, "")  # the server is there
    for name in ("js", "css", "media"):
        path = min((folder / "static" / name).iterdir())
        assert httpx.get(f"{board.address}/static/{name}/{path.name}", timeout=60).content == path.read_bytes()
    assert httpx.get(f"{board.address}/static/js/none.js", timeout=60).headers["content-type"].startswith("text/html")


@pytest.mark.browser
@pytest.mark.parametrize("path", PIECES)
def test_a_page_loads_no_code_that_was_not_said(board: RunningBoard, page: Any, path: str) -> None:
    first = first_page_of(board.address, path).text
    said = {unescape(address).removeprefix(".") for address in LINKED.findall(first)}
    said.add(engine_address(ENGINE_SCRIPT))  # for the next page, some seconds later
    page.goto(f"{board.address}/{path}")
    page.wait_for_selector(IDLE)
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton], .db-panel[data-state=loading]')")
    assert set(page.evaluate(LOADED)) <= said


@pytest.mark.browser
def test_the_tables_are_asked_for_before_the_panels_are_there_and_once(board: RunningBoard, page: Any) -> None:
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.add_init_script(
        "window.early = new Promise((tell) => { const Real = WebSocket; window.WebSocket = class extends Real {"
        " constructor(...given) { super(...given); if (String(given[0]).includes('/live/nodes'))"
        " tell(document.querySelectorAll('.db-panel').length); } }; });"
    )
    page.goto(f"{board.address}/?status=Terminated&book=EQ_FLOW_EU&ticker=AAPL")
    page.wait_for_selector("[data-panel=trades]:is([data-state=ready], [data-state=empty])")
    page.wait_for_selector("[data-panel=summary]:is([data-state=ready], [data-state=empty])")
    assert page.evaluate("early") == 0
    assert sorted(url.split("/live/")[1] for url in sockets if "/live/" in url) == [
        "market?as_of=latest",
        "nodes?as_of=latest&status=Terminated&book=EQ_FLOW_EU",
        "trades?as_of=latest&status=Terminated&book=EQ_FLOW_EU&ticker=AAPL",
    ]


@pytest.mark.browser
@pytest.mark.parametrize("base", ["", "desk"])
def test_it_opens_wherever_streamlit_serves_and_comes_back(
    templates: Templates, tmp_path: Any, page: Any, base: str
) -> None:
    """It opens its connection without asking first; after a restart of the server it finds it again."""
    url, port = templates.copy("sqlite", "demo", load_demo_book, None), free_port()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(urlsplit(request.url).path))
    with running_board(url, tmp_path / "first.log", port=port, STREAMLIT_SERVER_BASE_URL_PATH=base) as running:
        address = f"{running.address}/{base}".rstrip("/")
        page.goto(f"{address}/trades")
        page.wait_for_selector("[data-testid=stDataFrame] canvas")
        root = f"/{base}".rstrip("/")
        assert f"{root}/trades/_stcore/health" not in requests
        page.goto(f"{address}/")
        page.wait_for_selector(READY)
        assert all(path.startswith((f"{root}/static/", "/deltaboard/")) for path in requests if path.endswith(".js"))
    page.wait_for_selector(".stApp:not([data-test-connection-state=CONNECTED])")
    with running_board(url, tmp_path / "second.log", port=port, STREAMLIT_SERVER_BASE_URL_PATH=base):
        page.wait_for_selector(".stApp[data-test-connection-state=CONNECTED]")
        page.get_by_test_id("stSidebarNav").get_by_role("link", name="People", exact=True).click()
        page.wait_for_selector("[data-testid=stDataFrame] canvas")
