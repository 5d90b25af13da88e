"""Tagging as people meet it: several of them at once on one server, each in a browser of their own."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from services.access.permissions import NotAllowed, Role, User
from services.tagging.define_statuses import define_status
from services.tagging.tag_effect import tag_effect
from services.tagging.tag_trades import tag_trades
from services.tagging.trade_selection import NamedTrades
from storage.book.trade_statuses import DefinedStatus
from storage.core.schema import trades
from storage.people.audit import read_audit, verify_audit
from tests.board.running import READY, Open, RunningBoard, board, opened, raw, take_option, wait_for_raw
from tests.fixtures.applying import change_records
from tests.fixtures.small_book import trade

__all__ = ["board", "opened"]

pytestmark = pytest.mark.browser

MIA = User("Mia", frozenset({Role.MANAGER}))


def book_of(board: RunningBoard, book: str, count: int) -> list[str]:
    """Trades in a book of their own, priced; returns their ids."""
    ids = [f"{book}-{number:04}" for number in range(count)]
    change_records(board.store, board.state, "trades", [trade(each, book=book) for each in ids], source="test")
    return ids


def statuses_of(board: RunningBoard, book: str) -> set[str]:
    with board.store.read() as connection:
        return set(connection.execute(select(trades.c.trade_status).where(trades.c.book == book)).scalars())


def choose_reason(page: Any, reason: str) -> None:
    page.locator("[data-testid=stForm]").get_by_label("Reason").fill(reason)
    take_option(page, reason)


def select_all(page: Any, count: int) -> None:
    page.get_by_role("button", name=f"Select all {count}").click()
    page.wait_for_selector(f"text=all {count} selected")


def test_a_manager_terminates_500_trades_and_the_others_see_the_totals_move(opened: Open, board: RunningBoard) -> None:
    book_of(board, "SOLD", 500)
    viewer = opened("/?person=Vera")
    viewer.wait_for_selector(READY, timeout=60_000)
    viewer.evaluate("() => { window.notReloaded = true; }")
    before, value = raw(viewer, "summary", "Total", "trades"), raw(viewer, "summary", "Total", "market_value")
    assert value == pytest.approx(board.total("market_value"), rel=1e-9)

    manager = opened("/trades?person=Max&trade_book=SOLD")
    select_all(manager, 500)
    choose_reason(manager, "the book is sold")
    expect(manager.get_by_role("dialog")).to_have_count(0)
    manager.get_by_role("button", name="Set status of 500 trades").click()
    asked = manager.get_by_role("dialog")
    expect(asked).to_contain_text("500 trades leave the totals of the board.")
    asked.get_by_role("button", name="Cancel").click()
    expect(asked).to_have_count(0)
    assert statuses_of(board, "SOLD") == {"Live"}, "nothing is set before it is confirmed"
    manager.get_by_role("button", name="Set status of 500 trades").click()
    with board.store.read() as connection:
        seen = dict.fromkeys((f"SOLD-{number:04}" for number in range(500)), "Live")
        leaves = tag_effect(connection, NamedTrades(seen), "Terminated").sums["USD"][0]
    expect(asked).to_contain_text(f"Market value {leaves:,.0f} USD".replace("-", "\u2212"))
    search = manager.get_by_label("Search").first
    place = search.bounding_box()
    asked.get_by_role("button", name="Set 500 trades").click()
    manager.wait_for_selector("text=500 trades set to Terminated. Audit entries 1 to 500.")
    assert search.bounding_box() == place, "what is said moves nothing"

    wait_for_raw(viewer, "summary", "Total", "trades", before - 500)
    after = raw(viewer, "summary", "Total", "market_value")
    assert after == pytest.approx(board.total("market_value"), rel=1e-9)
    assert abs(after - value) > 1
    assert viewer.evaluate("() => window.notReloaded"), "the page was not loaded again"
    shown_again = opened("/?person=Vera&status=Terminated&book=SOLD")
    shown_again.wait_for_selector(READY)
    wait_for_raw(shown_again, "summary", "Total", "trades", 500)

    manager.get_by_role("button", name="Undo 500 trades").click()
    manager.wait_for_selector("text=Undone: 500 trades restored to their previous status.")
    wait_for_raw(viewer, "summary", "Total", "trades", before)
    wait_for_raw(viewer, "summary", "Total", "market_value", value)
    with board.store.read() as connection:
        assert verify_audit(connection) is None
        newest = read_audit(connection, limit=1)[0]
    assert (newest.audit_id, newest.entry.action, newest.entry.user_name) == (1000, "undo status", "Max")


def test_who_may_not_tag_sees_the_trades_and_why(opened: Open, board: RunningBoard) -> None:
    book_of(board, "SEEN", 3)
    page = opened("/trades?person=Vera&trade_book=SEEN")
    page.wait_for_selector("text=Changing trade status requires the Manager role")
    select_all(page, 3)
    expect(page.get_by_role("button", name="Set status of 3 trades")).to_be_disabled()
    expect(page.get_by_role("combobox", name="New status")).to_be_disabled()

    vera = User("Vera", frozenset({Role.VIEWER}))
    with pytest.raises(NotAllowed):
        tag_trades(board.store, board.state, vera, {"SEEN-0000": "Live"}, "Terminated", "because")
    assert statuses_of(board, "SEEN") == {"Live"}
    audit = opened("/audit?by=Vera&did=refused")
    audit.wait_for_selector("text=1 entry")
    with board.store.read() as connection:
        newest = read_audit(connection, limit=1)[0].entry
    assert (newest.user_name, newest.action, newest.note) == ("Vera", "refused", "set 1 trade to Terminated")


def test_the_second_of_two_managers_is_told_and_decides(opened: Open, board: RunningBoard) -> None:
    ids = book_of(board, "BOTH", 4)
    page = opened("/trades?person=Max&trade_book=BOTH")
    select_all(page, 4)
    disputed = DefinedStatus("Disputed", is_priced=True, is_shown=True, meaning="")
    define_status(board.store, User("Ada", frozenset({Role.ADMIN})), disputed)
    tag_trades(board.store, board.state, MIA, {ids[0]: "Live"}, "Disputed", "they claim it")
    page.wait_for_selector("text=Trades have changed since this was read")
    choose_reason(page, "sold")
    page.get_by_role("button", name="Set status of 4 trades").click()
    page.wait_for_selector("text=1 trade changed since you looked: nothing was set.")
    told = re.compile(rf"{ids[0]} is Disputed since .* UTC, set by Mia: they claim it")
    expect(page.locator(".st-key-conflict")).to_contain_text(told)
    page.get_by_role("button", name="Set the other 3, leave theirs").click()
    page.wait_for_selector("text=3 trades set to Terminated.")
    with board.store.read() as connection:
        query = select(trades.c.trade_status).where(trades.c.book == "BOTH").order_by(trades.c.trade_id)
        assert list(connection.execute(query).scalars()) == ["Disputed", "Terminated", "Terminated", "Terminated"]

    shown = opened("/?book=BOTH")
    shown.wait_for_selector(READY)
    wait_for_raw(shown, "summary", "Total", "trades", 1)  # a status that is shown is in the default view


def test_a_status_that_is_defined_later_stays_on_boards_that_are_open(opened: Open, board: RunningBoard) -> None:
    ids = book_of(board, "LATER", 2)
    page = opened("/?book=LATER")
    page.wait_for_selector(READY, timeout=60_000)
    wait_for_raw(page, "summary", "Total", "trades", 2)
    status = DefinedStatus("Watched", is_priced=True, is_shown=True, meaning="")
    define_status(board.store, User("Ada", frozenset({Role.ADMIN})), status)
    tag_trades(board.store, board.state, MIA, {ids[0]: "Live"}, "Watched", "keep an eye on it")
    page.wait_for_selector("text=/Status: .*Watched/")
    wait_for_raw(page, "summary", "Total", "trades", 2)
    assert "status=" not in page.url


def test_trades_past_maturity_are_proposed_and_never_tagged_by_themselves(opened: Open, board: RunningBoard) -> None:
    page = opened("/trades?person=Max&trade_book=EQ_FLOW_EU")
    page.wait_for_selector("text=/\\d+ trades are past maturity as of/")
    said = re.search(r"(\d+) trades are past maturity", page.locator(".st-key-proposal").inner_text())
    assert said
    page.get_by_role("button", name="Select them").click()
    page.wait_for_selector(f"text=all {said[1]} selected")
    page.wait_for_url("**past_maturity=**")
    with board.store.read() as connection:
        expired = select(trades.c.trade_status).where(trades.c.maturity < board.day)
        assert "Live" in set(connection.execute(expired).scalars())
    choose_reason(page, "Matured")
    page.get_by_role("button", name=f"Set status of {said[1]} trades").click()
    page.wait_for_selector(f"text={said[1]} trades set to Terminated.")
    page.wait_for_selector("text=No trade matches the filters.")
    expect(page.locator(".st-key-proposal")).to_have_count(0)


def test_an_admin_grants_a_role_and_it_holds_at_once(opened: Open, board: RunningBoard) -> None:
    book_of(board, "GRANT", 2)
    viewer = opened("/trades?person=Ana&trade_book=GRANT")
    viewer.wait_for_selector("text=Changing trade status requires the Manager role")
    admin = opened("/people?person=Ada")
    form = admin.locator("[data-testid=stForm]").first
    form.get_by_label("Person").fill("Ana")
    take_option(admin, "Ana")
    form.get_by_label("Reason").fill("stands in")
    form.get_by_role("button", name="Grant").click()
    admin.wait_for_selector("text=Ana is manager now.")
    viewer.reload()
    select_all(viewer, 2)
    choose_reason(viewer, "sold")
    viewer.get_by_role("button", name="Set status of 2 trades").click()
    viewer.wait_for_selector("text=2 trades set to Terminated.")


def test_the_audit_is_filtered_downloaded_and_verified(opened: Open, board: RunningBoard, tmp_path: Path) -> None:
    ids = book_of(board, "FORMULA", 1)
    tag_trades(board.store, board.state, MIA, {ids[0]: "Live"}, "Terminated", "=cmd|' /C calc'!A0", "-1+A1")
    page = opened("/audit?find_entry=FORMULA")
    page.wait_for_selector("text=1 entry")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    download.value.save_as(tmp_path / "audit.csv")
    lines = (tmp_path / "audit.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    assert "'=cmd|" in lines[1]
    assert ",'-1+A1," in lines[1]
    page.get_by_role("button", name="Verify the chain").click()
    page.wait_for_selector("text=/Chain verified: [\\d,]+ entr(y|ies), none missing or altered/")
    page.goto(f"{board.address}/audit?find_entry=nothing+has+this")
    page.wait_for_selector("text=No entry matches the filters.")


def test_filters_come_back_with_the_page(opened: Open, board: RunningBoard) -> None:
    book_of(board, "KEPT", 2)
    page = opened("/trades?person=Max&trade_book=KEPT")
    page.wait_for_selector("text=2 match")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Audit").click()
    page.wait_for_selector("text=Verify the chain")
    page.wait_for_selector("[data-testid=stSidebar] >> text=manager. Demo")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Trades").click()
    page.wait_for_selector("text=2 match")
    page.wait_for_selector("[data-testid=stSidebar] >> text=manager. Demo")
