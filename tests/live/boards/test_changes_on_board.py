"""Trades and reported values come while the board is open: a real web server, a real browser, and no reload."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import expect

from services.records.incoming import Incoming
from services.writes.apply_incoming import apply_incoming
from storage.core.change_log import changing
from storage.feeds.dead_letters import DeadLetter, write_dead_letters
from storage.feeds.loaded_files import REFUSED, LoadedFileRow, note_loaded_file
from tests.board.running import READY, RunningBoard, board, raw, wait_for_raw
from tests.fixtures.applying import change_records
from tests.fixtures.small_book import trade
from tests.live.changes import reported

__all__ = ["board"]

pytestmark = pytest.mark.browser

JULY = date(2020, 7, 9)
BOOK = "EQ_VOL_HED"
DESK = "Americas › Equity derivatives › Vol hedging"
TRADES = "[data-panel=trades] [data-row-key='{}'] [data-column={}]"


@pytest.fixture
def page(chromium: Any, board: RunningBoard) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 1600, "height": 1300}, locale="en-US")
    opened = context.new_page()
    opened.set_default_timeout(120_000)
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if "deltaboard" in said.text else None)
    day = board.roll()
    opened.goto(f"{board.address}/?ticker=AAPL", wait_until="commit")  # what is waited for is the board
    opened.wait_for_selector(READY)
    for panel in ("trades", "summary"):
        opened.wait_for_selector(f"[data-panel={panel}][data-as-of='{day}'][data-state=ready]")
    opened.evaluate("window.opened = performance.now()")
    yield opened
    assert opened.evaluate("window.opened > 0"), "the page was not loaded anew"
    context.close()
    assert faults == []


def test_a_new_trade_appears_priced_in_the_open_panels(page: Any, board: RunningBoard) -> None:
    before = {row: raw(page, "summary", row, "trades") for row in ("Total", DESK)}
    change_records(board.store, board.state, "trades", [trade("A-NEW", book=BOOK)], source="test")
    page.wait_for_selector(TRADES.format("A-NEW", "market_value"))
    assert raw(page, "trades", "A-NEW", "market_value") > 0, "it comes with its price"
    expect(page.locator(TRADES.format("A-NEW", "contract"))).to_contain_text("AAPL Jun 20 70 call")
    for row, trades in before.items():
        wait_for_raw(page, "summary", row, "trades", trades + 1)

    change_records(board.store, board.state, "trades", [trade("A-NEW", book=BOOK, quantity=20.0)], source="test")
    wait_for_raw(page, "trades", "A-NEW", "quantity", 20.0)
    change_records(board.store, board.state, "trades", [{"trade_id": "A-NEW", "book": "EQ_NOWHERE"}], source="test")
    page.wait_for_selector("[data-panel=summary] [data-row-key='Unassigned']")
    wait_for_raw(page, "summary", DESK, "trades", before[DESK])
    change_records(
        board.store, board.state, "trades", [{"trade_id": "A-NEW", "trade_status": "Terminated"}], source="t"
    )
    page.wait_for_selector("[data-panel=trades] [data-row-key='A-NEW']", state="detached")
    wait_for_raw(page, "summary", "Total", "trades", before["Total"])


def test_a_reported_value_shows_beside_ours_with_its_source(page: Any, board: RunningBoard) -> None:
    change_records(board.store, board.state, "trades", [trade("A-OURS", book=BOOK)], source="test")
    page.wait_for_selector(TRADES.format("A-OURS", "market_value"))
    rows = [reported("A-THEIRS", "AAPL", board.day, 1234.0), reported("A-OURS", "AAPL", board.day, 77.0)]
    apply_incoming(board.store, board.state, Incoming(sensitivities=rows), source="risk file")
    wait_for_raw(page, "trades", "A-THEIRS › AAPL", "market_value", 1234.0)
    wait_for_raw(page, "trades", "A-OURS", "market_value", 77.0)
    expect(page.locator(TRADES.format("A-OURS", "priced_by"))).to_have_text("risk file")
    expect(page.locator(TRADES.format("A-OURS", "cash_delta"))).to_have_text("–")
    page.wait_for_selector("[data-panel=summary] [data-row-key='Unassigned']")
    total = page.locator("[data-panel=summary] [data-row-key=Total] [data-column=cash_delta]")
    expect(total).to_have_attribute("title", "Not known for 2 of its trades: this is the sum of the others.")

    change_records(board.store, board.state, "trades", [trade("A-THEIRS", book=BOOK)], source="test")
    wait_for_raw(page, "trades", "A-THEIRS", "market_value", 1234.0)
    page.wait_for_selector("[data-panel=trades] [data-row-key='A-THEIRS › AAPL']", state="detached")


def test_a_paused_panel_catches_up_with_what_came_and_went(page: Any, board: RunningBoard) -> None:
    before = raw(page, "summary", "Total", "trades") + 1
    change_records(board.store, board.state, "trades", [trade("A-OLD", book=BOOK)], source="test")
    page.wait_for_selector(TRADES.format("A-OLD", "market_value"))
    wait_for_raw(page, "summary", "Total", "trades", before)  # each panel is told by itself
    page.locator("[data-panel=trades] [data-mode=paused]").click()
    change = [trade("A-LATE", book=BOOK), {"trade_id": "A-OLD", "trade_status": "Terminated"}]
    change_records(board.store, board.state, "trades", [change[0]], source="test")
    wait_for_raw(page, "summary", "Total", "trades", before + 1)
    change_records(board.store, board.state, "trades", [change[1]], source="test")
    wait_for_raw(page, "summary", "Total", "trades", before)
    expect(page.locator("[data-row-key='A-LATE']")).to_have_count(0)
    expect(page.locator("[data-row-key='A-OLD']")).to_have_count(1)
    page.locator("[data-panel=trades] [data-mode=live]").click()
    page.wait_for_selector(TRADES.format("A-LATE", "market_value"))
    expect(page.locator("[data-row-key='A-OLD']")).to_have_count(0)


def test_a_later_date_of_reported_values_can_be_looked_at(page: Any, board: RunningBoard) -> None:
    apply_incoming(
        board.store, board.state, Incoming(sensitivities=[reported("J1", "AAPL", JULY, -3.0)]), source="desk"
    )
    page.goto(f"{board.address}/?as_of={JULY}&ticker=AAPL", wait_until="commit")
    page.wait_for_selector(f"[data-panel=trades][data-as-of='{JULY}'] [data-row-key='J1 › AAPL']")
    page.evaluate("window.opened = performance.now()")
    wait_for_raw(page, "summary", "Total", "market_value", -3.0)
    wait_for_raw(page, "summary", "Total", "trades", 1.0)
    page.wait_for_selector("[data-status=state]:text('Later day')")
    pill = page.locator("[data-status=not_included]")
    pill.wait_for()
    pill.click()
    page.wait_for_selector(f"text=trades could not be valued as of {JULY}")
    page.evaluate("window.opened = performance.now()")


def test_what_was_set_aside_is_counted_and_listed(page: Any, board: RunningBoard) -> None:
    with changing(board.store, "test") as (unit, _):  # else every board is loaded anew, and the count waits for that
        letters = [
            DeadLetter(
                "deltaboard", "trades", 2, offset, None, b"{", "trades", "ticket", "Strike", "-31.4", "must be above 0"
            )
            for offset in (41, 42, 43)
        ]
        write_dead_letters(unit, letters)
        note_loaded_file(
            unit, LoadedFileRow("drop/bad.csv", "x", "trades", REFUSED, 1, 1, "line 3, Strike: not a number")
        )
    pill = page.locator("[data-status=dead_letters]:text('3 messages set aside')")
    pill.click()
    page.wait_for_selector("text=Messages set aside")
    page.wait_for_selector("text=python -m ingestion dead-letters retry")
    page.wait_for_selector("text=Files refused")
    page.evaluate("window.opened = performance.now()")
