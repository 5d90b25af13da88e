"""Somebody with a German browser reads German numbers on every page, times with their zone; files stay as they are."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from services.access.permissions import Role, User
from services.records.incoming import Incoming
from services.views.saved_views import ViewContent, save_view
from services.views.start_page import Widget, save_start_page
from services.writes.apply_incoming import apply_incoming
from tests.board.axe import IDLE
from tests.board.running import READY, RunningBoard, board
from tests.fixtures.databases import wait_for
from tests.fixtures.small_book import trade

__all__ = ["board"]

pytestmark = pytest.mark.browser
VERA = User("Vera", frozenset({Role.VIEWER}))
PIVOT = "[data-panel=explore][data-state=ready] .db-pivot[data-arranged] perspective-viewer-datagrid"
ROWS = """() => Array.from(
  document.querySelector('perspective-viewer-datagrid')?.shadowRoot.querySelectorAll('tbody tr') ?? [])
  .map((row) => [...row.cells].map((cell) => cell.innerText.trim()).filter(Boolean))"""
GERMAN = re.compile(r"[+\u2212]?\d{1,3}(\.\d{3})*(,\d+)?")


@pytest.fixture
def page(chromium: Any, board: RunningBoard) -> Iterator[Any]:
    """A page of somebody whose browser speaks German, in Tokyo."""
    options = {"locale": "de-DE", "timezone_id": "Asia/Tokyo", "accept_downloads": True}
    context = chromium.new_context(viewport={"width": 1500, "height": 1000}, **options)
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    yield opened
    context.close()


def book_of(board: RunningBoard, book: str, *trade_ids: str) -> None:
    incoming = Incoming()
    for trade_id in trade_ids:
        incoming.add("trades", trade(trade_id, book=book, quantity=-1250.5, strike=1070.25))
    apply_incoming(board.store, board.state, incoming, source="file german.csv")


def fact(page: Any, name: str, cell: int = 0) -> str:
    return str(page.locator(f"[data-fact='{name}'] td").nth(cell).inner_text())


def test_the_page_of_a_trade(page: Any, board: RunningBoard) -> None:
    book_of(board, "EQ_DE", "DE-1")
    board.roll()
    board.tick(("AAPL", 1069.123))
    board.tick(("AAPL", 1071.5))
    page.goto(f"{board.address}/trade?trade_id=DE-1&person=Vera")
    expect(page.locator("[data-fact='Spot'] td").first).to_have_text(
        "1.071,5000 USD a share"
    )  # its numbers are in German now
    terms = [fact(page, name) for name in ("Quantity", "Contract multiplier", "Strike")]
    assert terms == ["\u22121.250,5 contracts", "100 shares a contract", "1.070,25 USD a share"]
    assert fact(page, "Quote") == "1.071,5000 USD a share"
    assert re.fullmatch(r"\d+,\d{2,4}\u00a0% a year", fact(page, "Implied volatility"))
    for measure in ("Unit price", "Market value", "Cash delta", "Vega 1 pt"):
        for cell in (0, 2, 3):
            assert GERMAN.fullmatch(fact(page, measure, cell)), (measure, cell)
    assert "," in fact(page, "Unit price")
    assert "." in fact(page, "Cash delta")
    assert fact(page, "Quote received").endswith(" UTC")
    assert fact(page, "Quote", 1).endswith(f" 14:00:{board.seconds:02} UTC"), "not the hour of Tokyo"
    title = page.locator("[data-testid=stVegaLiteChart] svg .role-title-text")
    expect(title.filter(has_text=re.compile(r"Market value \u2212?\d{1,3}(\.\d{3})+ USD"))).to_have_count(1)
    labels = page.locator("[data-testid=stVegaLiteChart] svg .role-axis-label").all_text_contents()
    assert not re.search(r"\d\.\d+[kM]", " ".join(labels)), labels
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    told = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert any("-1250.5" in row for row in csv.reader(io.StringIO(told))), "files have no language"


def test_axes_and_words_of_the_charts_of_the_day(page: Any, board: RunningBoard) -> None:
    board.roll()
    for price in (70.0, 71.5, 73.25, 74.125):
        board.seconds += 360  # a line has a point every five minutes
        board.tick(("AAPL", price))
    page.goto(f"{board.address}/?person=Vera")
    page.wait_for_selector(READY)
    words = page.locator(".st-key-day [data-testid=stVegaLiteChart] svg text")
    expect(words.filter(has_text=re.compile(r"Cash delta \u2212?\d{1,3}(\.\d{3})+$"))).to_have_count(1)
    expect(words.filter(has_text=re.compile(r"^\u2212?\d+,\d+ [km]$"))).not_to_have_count(0)
    expect(words.filter(has_text=re.compile(r"^\u2212?[\d,]*\.[\d.,]* [km]$"))).to_have_count(0)


def test_lists_uploads_and_the_audit(page: Any, board: RunningBoard, tmp_path: Path) -> None:
    book_of(board, "EQ_UP_DE", "UP-DE-1")
    page.goto(f"{board.address}/trades?person=Max")
    page.get_by_text(re.compile(r"^9\.\d{3} match, 1 to 500 are listed")).wait_for()
    page.get_by_role("button", name=re.compile(r"^Select all 9\.\d{3}$")).wait_for()
    path = tmp_path / "changes.csv"
    row = "UP-DE-1,AAPL,EQ_UP_DE,EQ_Option,call,2020-06-19,-2500.75,1234.5"
    path.write_text(f"TradeId,Ticker,Book,Product,OptionType,Maturity,Quantity,Strike\n{row}\n", encoding="utf-8")
    page.goto(f"{board.address}/upload?person=Ana")
    page.set_input_files("input[type=file]", str(path))
    page.locator(".st-key-upload_counts").get_by_text("Changed", exact=True).wait_for()
    cells = page.locator("[data-testid=stDataFrame] [role=gridcell]")
    wait_for(lambda: cells.count() >= 10 or page.wait_for_timeout(100), 60, "the values")
    for told in ("\u22121.250,5", "\u22122.500,75", "1.070,25", "1.234,5"):
        expect(cells.get_by_text(told, exact=True).first).to_be_attached()

    view_id = save_view(board.store, VERA, "Mine", ViewContent({"group_by": ["Book"]})).view_id
    save_start_page(board.store, VERA, [Widget(view_id, "full", "periodic", 2.5, 1200)])
    page.goto(f"{board.address}/audit?person=Vera&did=save%20start%20page")
    expect(cells.get_by_text("seconds 2,5, height 1.200").first).to_be_attached()


def arrange(page: Any, config: dict[str, Any]) -> None:
    page.evaluate("(config) => document.querySelector('.db-viewer').restore(config)", config)


def test_the_pivot(page: Any, board: RunningBoard) -> None:
    book_of(board, "EQ_PIVOT_DE", "PI-DE-1")
    board.tick(("AAPL", 70.0))
    page.goto(f"{board.address}/explore?person=Vera")
    page.wait_for_selector(PIVOT)
    config = {
        "group_by": ["Maturity"],
        "columns": ["Strike", "Moneyness", "Trades", "Cash delta"],
        "filter": [["Book", "==", "EQ_PIVOT_DE"]],
    }
    arrange(page, config)
    # A moneyness has three decimals, though it was not shown at first; what is rounded to nothing has no sign.
    day = re.compile(r"\['19\.06\.2020', '1\.070,25', '\d,\d{3}', '1', '0'\]")
    wait_for(lambda: day.search(str(page.evaluate(ROWS))) or page.wait_for_timeout(200), 60, f"a row as {day.pattern}")
    page.locator("perspective-viewer-datagrid td", has_text="1.070,25").last.click()
    page.locator(".db-drill .db-subtitle").get_by_text("2020-06-19").wait_for()
    minus = "-1.251"  # as the browser writes it; a pivot's quantities have no decimals
    for plugin in ("Datagrid", "Y Bar", "Datagrid"):
        arrange(page, {**config, "columns": ["Quantity"], "plugin": plugin})
    wait_for(lambda: minus in str(page.evaluate(ROWS)) or page.wait_for_timeout(200), 60, "the minus")


PAINTED = """() => {
  window.painted = {};
  const own = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, ...rest) {
    window.painted[text] = x;
    return own.call(this, text, x, ...rest);
  };
}"""
"""Notes what a canvas writes, and how far from its left edge."""


def test_a_list_writes_and_sorts_numbers(page: Any, board: RunningBoard) -> None:
    incoming = Incoming()
    for name, quantity in (("A", 5.0), ("B", -1250.5), ("C", -90.0), ("D", 1000.0)):
        incoming.add("trades", trade(f"SORT-{name}", book="EQ_SORT_DE", quantity=quantity))
    apply_incoming(board.store, board.state, incoming, source="test")
    page.add_init_script(f"({PAINTED})()")
    page.goto(f"{board.address}/trades?person=Vera&trade_book=EQ_SORT_DE")
    page.wait_for_function("() => '1.000' in window.painted")
    page.wait_for_selector(IDLE)
    painted = page.evaluate("window.painted")
    assert painted.keys() >= {"-1.250,5", "-90", "5"}
    quantities = page.locator("[data-testid=stDataFrame] tbody tr td[aria-colindex='5']")
    expect(quantities).to_have_text(["5", "-1250.5", "-90", "1000"])  # what is behind the painted cells
    box = page.locator("[data-testid=stDataFrame] canvas").first.bounding_box()
    page.mouse.click(box["x"] + painted["Quantity"] + 4, box["y"] + 12)
    expect(quantities).to_have_text(["-1250.5", "-90", "5", "1000"])
