"""The page of one trade as people meet it: from a list to everything about it, while others change it; exports."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from engine.measures import DAY_PNL, DECAY_TO_CLOSE, MEASURES
from services.access.permissions import Role, User
from services.records.incoming import Incoming
from services.tagging.tag_trades import tag_trades
from services.writes.apply_incoming import apply_incoming
from storage.core.schema import sensitivities
from tests.board.axe import IDLE
from tests.board.running import READY, Open, RunningBoard, board, opened
from tests.fixtures.small_book import trade

__all__ = ["board", "opened"]

pytestmark = pytest.mark.browser

MIA = User("Mia", frozenset({Role.MANAGER}))
FORMULA = "=1+1"


def booked(board: RunningBoard, book: str, *trade_ids: str) -> None:
    """Trades in a book of their own, from a file."""
    incoming = Incoming()
    for line, trade_id in enumerate(trade_ids, 17):
        incoming.add("trades", trade(trade_id, book=book), f"line {line}")
    apply_incoming(board.store, board.state, incoming, source="file orders.csv")


def market_value(board: RunningBoard, trade_id: str) -> float:
    table = sensitivities.c
    query = select(table.market_value).where(table.as_of_date == board.day, table.trade_id == trade_id)
    with board.store.read() as connection:
        return float(connection.execute(query).scalar_one())


def wait_for_fact(page: Any, name: str, text: str) -> None:
    expect(page.locator(f"[data-fact='{name}'] td").first).to_have_text(text)


def downloaded(page: Any, form: str) -> bytes:
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=form).click()
    return Path(download.value.path()).read_bytes()


def test_from_the_list_to_everything_about_a_trade(opened: Open, board: RunningBoard) -> None:
    board.roll()
    booked(board, "STORY", "STORY-1")
    page = opened("/trades?person=Max&trade_book=STORY")
    page.wait_for_selector("text=1 match")
    page.get_by_role("button", name="Select all 1").click()
    page.get_by_role("link", name="Open STORY-1").click()
    page.wait_for_selector("text=Trade STORY-1 · AAPL Jun 20 70 call")
    page.wait_for_url(re.compile(r"/trade\?(.*&)?trade_id=STORY-1"))
    page.wait_for_selector("[data-testid=stSidebar] >> text=manager. Demo")
    for caption in (f"Measures as of {board.day}", "Terms", "Pricing inputs", "Versions"):
        page.wait_for_selector(f"caption >> text={caption}")
    page.wait_for_selector("text=Tags: nobody has set its status on the board.")
    for measure in (*MEASURES, DAY_PNL, DECAY_TO_CLOSE):
        expect(page.locator(f"[data-fact='{measure.label}']")).to_have_count(1)
    value = market_value(board, "STORY-1")
    wait_for_fact(page, "Market value", f"{value:,.0f}")
    wait_for_fact(page, "Spot", "70.0000 USD a share")
    page.wait_for_selector("text=file orders.csv, line 17")
    page.wait_for_selector("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg")

    page.evaluate("() => { window.notReloaded = true; }")
    board.tick(("AAPL", 74.5))
    wait_for_fact(page, "Spot", "74.5000 USD a share")
    moved = f"{market_value(board, 'STORY-1'):,.0f}"
    assert moved != f"{value:,.0f}"
    wait_for_fact(page, "Market value", moved)
    tag_trades(board.store, board.state, MIA, {"STORY-1": "Live"}, "Terminated", "<b>sold</b>", "=by phone")
    wait_for_fact(page, "Status", "Terminated, not priced")
    page.wait_for_selector("caption >> text=Tags")
    expect(page.locator("[aria-label=Tags]")).to_contain_text("<b>sold</b>")  # what somebody wrote is no markup
    expect(page.locator("[aria-label=Versions]")).to_contain_text("set status by Mia")
    assert page.evaluate("() => window.notReloaded")

    rows = list(csv.DictReader(io.StringIO(downloaded(page, "CSV").decode(), newline="")))
    (told,) = [row for row in rows if row["What"] == "MarketValue"]
    assert float(told["Value"]) == pytest.approx(market_value(board, "STORY-1"), rel=1e-12)
    assert [row["From"] for row in rows if row["Section"] == "Tags"] == ["Mia"]


def test_an_id_that_is_not_there_leads_to_those_that_are(opened: Open, board: RunningBoard) -> None:
    booked(board, "NEAR", "NEAR_*1*")
    page = opened("/trade?trade_id=NEAR_*2*")
    page.wait_for_selector("text=There is no trade NEAR_*2*.")
    page.get_by_role("link", name="NEAR_*1*").click()
    page.wait_for_selector("text=Trade NEAR_*1* · AAPL Jun 20 70 call")
    page.wait_for_selector(IDLE)  # else what is typed gives way to the id that the page still writes there
    page.get_by_label("Trade id").fill("T00012")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Trade T00012 · ")
    page.wait_for_selector(IDLE)  # what was drawn before is gone: there is one link to all trades
    page.get_by_role("link", name="All trades").click()
    page.wait_for_selector("text=/[\\d,]+ match/")


def test_the_board_leads_to_a_trade_by_a_click_and_by_the_keyboard(opened: Open, board: RunningBoard) -> None:
    booked(board, "LINKS", "LINK-1", "LINK-2")
    page = opened("/?person=Max&book=LINKS")
    page.wait_for_selector(READY)
    link = page.locator("[data-panel=trades] [data-row-key='LINK-2'] a")
    expect(link).to_have_attribute("href", "trade?trade_id=LINK-2&person=Max")
    page.get_by_role("grid", name="Trades").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=/Trade LINK-[12] · AAPL/")
    page.go_back()
    link.click()
    page.wait_for_selector("text=Trade LINK-2 · AAPL Jun 20 70 call")
    page.wait_for_selector("[data-testid=stSidebar] >> text=manager. Demo")


def test_all_trades_that_match_are_exported(opened: Open, board: RunningBoard) -> None:
    booked(board, FORMULA, "X-1", "X-2", "@X-3")
    page = opened(f"/trades?person=Max&trade_book={FORMULA.replace('=', '%3D').replace('+', '%2B')}")
    page.wait_for_selector("text=3 match")
    expect(page.locator("button[aria-label^='Download as CSV']").first).not_to_be_visible()
    workbook = openpyxl.load_workbook(io.BytesIO(downloaded(page, "Excel")))
    rows = [[cell.value for cell in row] for row in workbook["Trades"].iter_rows()]
    assert rows[0][:5] == ["TradeId", "Ticker", "Book", "Product", "Quantity"]
    assert [(row[0], row[2], row[4]) for row in rows[1:]] == [
        ("'@X-3", f"'{FORMULA}", 10),
        ("X-1", f"'{FORMULA}", 10),
        ("X-2", f"'{FORMULA}", 10),
    ]
    about = {row[0].value: row[1].value for row in workbook["About"].iter_rows()}
    assert about["Filters"] == f"status Live; book {FORMULA}"
    assert (about["Made by"], about["Rows"]) == ("Max", "3")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", about["Made at"])


def test_nothing_of_the_page_is_cut_off_beside_its_neighbour(opened: Open, board: RunningBoard) -> None:
    board.roll()
    booked(board, "WIDE", "WIDE-1")
    page = opened("/trade?trade_id=WIDE-1")
    for width in (1920, 1400, 1321, 1320, 1200, 1024):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_selector("caption >> text=Pricing inputs")
        page.wait_for_function(
            "() => [...document.querySelectorAll('.facts')].every((part) => part.scrollWidth <= part.clientWidth)"
        )
