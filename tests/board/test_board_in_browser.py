"""The board as a person meets it: a real web server, a real browser, ticks that are applied while one looks."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from storage.core.schema import sensitivities
from tests.board.running import READY, RunningBoard, board, raw, wait_for_raw, wait_for_revision
from tests.fixtures.applying import change_records

__all__ = ["board"]

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium: Any, board: RunningBoard) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 1600, "height": 1300}, locale="en-US")
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    day = board.roll()
    opened.goto(board.address)
    opened.wait_for_selector(READY)
    opened.wait_for_selector(f"[data-panel=market][data-as-of='{day}']")
    opened.wait_for_selector(f"[data-panel=summary][data-as-of='{day}']")
    yield opened
    context.close()
    assert faults == []


def test_a_tick_moves_cells_and_the_total_is_the_sum_of_its_leaves(page: Any, board: RunningBoard) -> None:
    cell = "[data-panel=market] [data-row-key=AAPL] [data-column=quote]"
    revision = board.tick(("AAPL", 71.25))
    expect(page.locator(cell)).to_have_text("71.25")
    wait_for_revision(page, "summary", revision)
    for measure in ("market_value", "cash_delta", "vega_1pt", "theta_1d"):
        total = raw(page, "summary", "Total", measure)
        assert total == pytest.approx(board.total(measure), rel=1e-9), measure
        regions = ("Americas", "EMEA", "Asia Pacific")
        assert total == pytest.approx(sum(raw(page, "summary", r, measure) for r in regions), rel=1e-9), measure


def test_a_ticker_is_selected_and_its_trades_and_day_are_shown(page: Any, board: RunningBoard) -> None:
    for price in (70.0, 71.0, 69.5):
        board.tick(("AAPL", price))
    page.locator("[data-panel=market] [data-row-key=AAPL]").click()
    page.wait_for_function(
        """() => {
            const rows = [...document.querySelectorAll('[data-panel=trades] [data-row-key] [data-column=contract]')];
            return rows.length > 3 && rows.every((row) => row.textContent.startsWith('AAPL '));
        }"""
    )
    page.wait_for_function("() => location.search.includes('ticker=AAPL')")
    page.wait_for_selector(".st-key-day >> text=/AAPL · Quote 69.50/")
    page.wait_for_selector(".st-key-day >> text=/AAPL · Day P&L/")


def test_the_address_brings_the_same_view_back(page: Any, chromium: Any) -> None:
    page.locator("[data-panel=summary] [data-row-key='Americas › Equity derivatives › Vol hedging']").click()
    page.wait_for_function("() => location.search.includes('path=')")
    other = chromium.new_page()
    other.set_default_timeout(60_000)
    other.goto(page.url)
    other.wait_for_selector("[data-panel=trades] >> text=/Americas › Equity derivatives › Vol hedging/")
    other.close()


def test_an_earlier_day_stays_as_it_was_while_the_latest_ticks(page: Any, board: RunningBoard) -> None:
    earlier = board.day
    board.roll()
    page.goto(f"{board.address}/?as_of={earlier}")
    page.wait_for_selector(f"[data-panel=summary][data-as-of='{earlier}'][data-state=ready]")
    before = raw(page, "summary", "Total", "market_value")
    assert before == pytest.approx(board.total("market_value", earlier), rel=1e-9)
    wait_for_revision(page, "summary", board.tick(("AAPL", 50.0)))
    assert raw(page, "summary", "Total", "market_value") == before
    page.wait_for_selector("[data-status=state]:text-is('Earlier day')")  # once the server has the next day's board


def test_terminated_trades_leave_the_board_and_come_back_by_the_filter(page: Any, board: RunningBoard) -> None:
    wait_for_revision(page, "summary", board.tick(("MSFT", 150.0)))
    before = raw(page, "summary", "Total", "trades")
    with board.store.read() as connection:
        query = select(sensitivities.c.trade_id).where(sensitivities.c.as_of_date == board.day).limit(5)
        gone = list(connection.execute(query).scalars())
    records = [{"trade_id": t, "trade_status": "Terminated"} for t in gone]
    change_records(board.store, board.state, "trades", records, source="test")
    wait_for_raw(page, "summary", "Total", "trades", before - 5)
    page.goto(f"{board.address}/?status=Terminated")
    page.wait_for_selector(READY)
    assert raw(page, "summary", "Total", "trades") >= 5


def test_what_is_not_included_is_listed_a_click_away(page: Any, board: RunningBoard) -> None:
    expect(page.locator("[data-status=as_of]")).to_contain_text(str(board.day))  # the status is of this day, too
    pill = page.locator("[data-status=not_included]")
    expect(pill).to_have_text(re.compile(r"\d+ of [\d,]+ trades not included"))
    missing = re.match(r"(\d+)", pill.inner_text())
    assert missing
    pill.click()
    page.wait_for_selector(f"text={missing[1]} trades could not be valued as of {board.day}")


def test_a_widget_pauses_alone_and_catches_up(page: Any, board: RunningBoard) -> None:
    wait_for_revision(page, "summary", board.tick(("AAPL", 70.0)))
    page.locator("[data-panel=summary] [data-mode=paused]").click()
    frozen = raw(page, "summary", "Total", "market_value")
    revision = board.tick(("AAPL", 40.0))
    wait_for_revision(page, "market", revision)
    assert raw(page, "summary", "Total", "market_value") == frozen
    expect(page.locator("[data-panel=summary] .db-note")).to_have_text(re.compile(r"paused since \d\d:\d\d:\d\d"))
    page.locator("[data-panel=summary] [data-mode=live]").click()
    wait_for_revision(page, "summary", revision)
    assert raw(page, "summary", "Total", "market_value") == pytest.approx(board.total("market_value"), rel=1e-9)


def test_nothing_is_asked_of_the_internet(chromium: Any, board: RunningBoard) -> None:
    asked: list[str] = []
    page = chromium.new_page()
    page.set_default_timeout(60_000)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(board.address)
    page.wait_for_selector(READY)
    page.wait_for_selector(".st-key-day [data-testid=stVegaLiteChart] svg")  # the last that it asks for
    page.close()
    outside = [url for url in asked if not url.startswith((board.address, "data:", "blob:"))]
    assert outside == []


def test_opening_many_tabs_and_leaving_frees_them(chromium: Any, board: RunningBoard) -> None:
    pages = []
    for _ in range(3):
        page = chromium.new_page()
        page.set_default_timeout(60_000)
        page.goto(board.address)
        page.wait_for_selector(READY)
        pages.append(page)
    totals = {raw(page, "summary", "Total", "market_value") for page in pages}
    assert len(totals) == 1
    assert not np.isnan(totals.pop())
    for page in pages:
        page.close()
