"""Signing in, in a real browser, at a certified provider: what is seen before, with which roles, and when it ends."""

import json
import re
import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from live.components.panels import asset_address
from storage.people.audit import read_audit
from tests.board.running import RunningBoard
from tests.sign_in.serving import BRIEF, CARD, TOKEN, board, grant, visitor, wait_for_board, wait_on

__all__ = ["board", "visitor"]

pytestmark = pytest.mark.browser
PANELS = "[data-panel]"


def opened(board: RunningBoard, cookies: str = "") -> ClientConnection:
    """A live connection as a browser with these cookies would open it."""
    host = board.address.removeprefix("http://")
    headers = {"Cookie": cookies} if cookies else {}
    origin: Any = board.address
    address = f"ws://{host}/live/nodes"
    return connect(address, origin=origin, additional_headers=headers, max_size=None, open_timeout=60)


def close_of(connection: ClientConnection, seconds: float = 60) -> str:
    """How the server closes a connection: its code and words. Fails when it does not, within some seconds."""
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            connection.recv(timeout=max(end - time.monotonic(), 0.01))
    except ConnectionClosed as closed:
        return str(closed)
    except TimeoutError:
        pass
    pytest.fail(f"still open after {seconds:g} s")


def told(board: RunningBoard, name: str) -> list[tuple[str, str]]:
    """What the audit says of somebody's signing in, the oldest first: action and reason."""
    with board.store.read() as connection:
        entries = [stored.entry for stored in read_audit(connection)]
    found = [(e.action, e.reason) for e in entries if e.subject_kind == "sign-in" and e.user_name == name]
    return found[::-1]


@pytest.mark.parametrize("path", ["/", "/trades", "/people", "/?person=Ada"])
def test_nobody_sees_anything_before_signing_in(visitor: Any, path: str) -> None:
    page = visitor().open(path)
    page.locator(CARD).get_by_role("button", name="Sign in").wait_for()
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    expect(page.locator(PANELS)).to_have_count(0)
    assert set(page.get_by_role("link").all_inner_texts()) <= {"Skip to main content"}, "not even the names of pages"
    expect(page.get_by_text("Demo identity")).to_have_count(0)


def test_signed_in_one_is_oneself_with_the_roles_of_the_claim(visitor: Any, board: RunningBoard) -> None:
    somebody = visitor()
    page = somebody.sign_in("max")
    wait_for_board(page)
    expect(page.locator(".st-key-identity")).to_have_text(re.compile(r"^\s*max@desk\.example"))
    expect(page.locator(".st-key-identity").get_by_text("manager", exact=True)).to_have_count(1)
    expect(page.get_by_text("Demo identity")).to_have_count(0)
    second = somebody.another_tab()
    wait_for_board(second)
    second.get_by_role("link", name="People").click()
    second.get_by_text("Granting roles and defining statuses requires").wait_for()
    assert told(board, "max@desk.example") == [("signed in", "")], "once, whatever is opened and clicked"


def test_signing_out_ends_every_tab_and_every_copy_of_the_cookie(visitor: Any, board: RunningBoard) -> None:
    somebody = visitor()
    somebody.sign_in("vera")
    second = somebody.another_tab()
    wait_for_board(second)
    cookies = somebody.cookies
    with opened(board, cookies) as connection:
        assert connection.recv(timeout=60)
        page = somebody.sign_out()
        page.locator(CARD).get_by_role("button", name="Sign in").wait_for()
        expect(page.locator(PANELS)).to_have_count(0)
        assert "4401" in close_of(connection)
    second.locator(CARD).wait_for()  # the other tab is taken to the sign-in, without a click
    expect(second.locator(PANELS)).to_have_count(0)
    with opened(board, cookies) as connection:
        assert "Your sign-in has ended" in close_of(connection)
    assert [action for action, _ in told(board, "vera@desk.example")] == ["signed in", "signed out"]


def test_who_has_no_role_is_told_so_until_an_admin_grants_one(visitor: Any, board: RunningBoard) -> None:
    somebody, admin = visitor(), visitor()
    page = somebody.sign_in("kim")
    card = page.locator(CARD)
    card.get_by_text("You have no role here yet").wait_for()
    card.get_by_text("Admins here: ada@desk.example").wait_for()
    expect(card).to_contain_text("kim@desk.example")
    expect(card).to_contain_text("An admin can grant you one")
    with opened(board, somebody.cookies) as connection:
        assert "You have no role" in close_of(connection)
    grant(admin.sign_in("ada"), "kim@desk.example", "viewer")
    page.reload()
    wait_for_board(page)
    assert told(board, "kim@desk.example") == [("refused", "signed in, and has no role"), ("signed in", "")]


def test_who_loses_the_only_role_sees_nothing_more(visitor: Any, board: RunningBoard) -> None:
    somebody, admin = visitor(), visitor()
    somebody.sign_in("lee").locator(CARD).wait_for()
    people = admin.sign_in("ada")
    grant(people, "lee@desk.example", "viewer")
    somebody.page.reload()
    wait_for_board(somebody.page)
    with opened(board, somebody.cookies) as connection:
        assert connection.recv(timeout=60)
        take_back(people, "lee@desk.example, viewer")
        assert "You have no role" in close_of(connection)
    somebody.page.locator(CARD).get_by_text("You have no role here yet").wait_for()
    expect(somebody.page.locator(PANELS)).to_have_count(0)


def test_a_role_that_is_granted_holds_from_the_next_click(visitor: Any, board: RunningBoard) -> None:
    somebody, admin = visitor(), visitor()
    page = somebody.sign_in("max")
    page.get_by_role("link", name="Upload").click()
    page.get_by_text("Uploading files requires").first.wait_for()
    grant(admin.sign_in("ada"), "max@desk.example", "analyst")
    page.get_by_role("link", name="Trades").click()
    page.get_by_role("link", name="Upload").click()
    page.locator(".st-key-identity").get_by_text("analyst, manager").wait_for()
    page.get_by_text("Uploading files requires").first.wait_for(state="detached")


def test_a_sign_in_whose_time_is_over_is_told_and_can_be_renewed(visitor: Any, board: RunningBoard) -> None:
    somebody = visitor()
    for name, seconds in BRIEF.items():
        page = somebody.sign_in(name)
        with opened(board, somebody.cookies) as connection:
            try:
                assert connection.recv(timeout=60)
            except ConnectionClosed:
                continue  # it had ended before it was used
            without_panels = somebody.another_tab("/audit")
            assert "Your sign-in has ended" in close_of(connection, seconds + 60)
            break
    else:
        pytest.fail("every sign-in had ended before it was used")
    for tab in (page, without_panels):
        # A look at the end may be lost with a connection; the next one is made within a minute.
        wait_on(tab, tab.locator(CARD).get_by_text("Your sign-in has ended"), 120.0)
        expect(tab.locator(CARD)).to_contain_text("was signed in until")
        expect(tab.locator(PANELS)).to_have_count(0)
    somebody.sign_in("less brief").locator(".st-key-identity").get_by_text("brief@desk.example").wait_for()


def test_an_address_that_is_not_verified_is_nobodys(visitor: Any, board: RunningBoard) -> None:
    page = visitor().sign_in("mallory")
    page.locator(CARD).get_by_text("has not verified that ada@desk.example is your address").wait_for()
    expect(page.locator(PANELS)).to_have_count(0)
    assert [action for action, _ in told(board, "unknown")] == ["refused"]


def test_without_a_sign_in_requests_are_refused(board: RunningBoard) -> None:
    with opened(board) as connection:
        assert "You are not signed in" in close_of(connection)
    with httpx.Client(base_url=board.address, timeout=60) as client:
        for path in (asset_address("wire/feed.js"), "/api/docs", "/api/openapi.json", "/media/any.csv"):
            assert client.get(path).status_code == 401, path
        assert set(client.get("/deltaboard/health").json()) == {"live", "store", "feed"}
        assert client.post("/api/quotes", json=[]).status_code == 401
        carried = {"Authorization": f"Bearer {TOKEN}"}
        assert client.get("/api/openapi.json", headers=carried).status_code == 200
        answer = client.post("/api/quotes", content=json.dumps([]), headers=carried)
        assert answer.status_code != 401, "programs have the token"


def take_back(page: Any, held: str) -> None:
    form = page.locator("[data-testid=stForm]").filter(has=page.get_by_role("button", name="Take back"))
    form.get_by_label("Granted role").click()
    page.get_by_role("option", name=held).click()
    form.get_by_label("Reason").fill("left the desk")
    form.get_by_role("button", name="Take back").click()
    page.get_by_text("by a grant any more").wait_for()
