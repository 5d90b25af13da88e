"""Whoever opens a link without being signed in comes to that very page after signing in, and nowhere else."""

from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from tests.board.running import RunningBoard
from tests.sign_in.serving import BRIEF, CARD, board, grant, visitor, wait_for_board
from ui.asgi.return_url import own_address

__all__ = ["board", "visitor"]

ORIGIN = "https://board.example"
LINK = "/trade?trade_id=T1&day=2020-03-09"


def address_of(page: Any) -> str:
    parts = urlsplit(page.url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


@pytest.mark.browser
@pytest.mark.parametrize(
    "link", [LINK, "/explore?book=EQ_VOL_HED&status=Live&status=Terminated", "/not-included", "/?as_of=2020-03-09"]
)
def test_signing_in_leads_to_the_address_that_was_asked_for(visitor: Any, link: str) -> None:
    somebody = visitor()
    somebody.open(link)
    page = somebody.sign_in("vera")
    page.locator(".st-key-identity").get_by_text("vera@desk.example").wait_for()
    expect(page).to_have_url(somebody.address + link)
    if link == LINK:
        page.get_by_text("Trade T1").first.wait_for()
    assert not [name for name in somebody.cookie_names if name.startswith("deltaboard_asked")], "forgotten when used"


@pytest.mark.browser
def test_each_tab_comes_to_its_own_page(visitor: Any) -> None:
    somebody = visitor()
    first, second = somebody.open(LINK), somebody.another_tab("/explore?book=EQ_VOL_HED")
    for page in (first, second):  # both are under way before either is back
        page.locator(CARD).get_by_role("button", name="Sign in").click()
        page.locator("input[name=login]").wait_for()
    for page, link in ((second, "/explore?book=EQ_VOL_HED"), (first, LINK)):
        somebody.give_name("vera", page)
        expect(page).to_have_url(somebody.address + link)


@pytest.mark.browser
def test_a_sign_in_that_has_ended_leads_back_to_the_same_filters(visitor: Any) -> None:
    somebody = visitor()
    asked = "/trades?find=M1&underlying=MSFT"
    somebody.open(asked)
    for name in BRIEF:
        page = somebody.sign_in(name)
        page.locator(CARD).or_(page.get_by_text("1 match")).first.wait_for()
        if page.get_by_text("1 match").is_visible():
            break
    expect(page).to_have_url(somebody.address + asked)
    page.locator(CARD).get_by_text("Your sign-in has ended").wait_for(timeout=240_000)
    expect(page).to_have_url(somebody.address + asked)  # what was looked at stays in the address
    somebody.sign_in("less brief").locator(".st-key-identity").get_by_text("brief@desk.example").wait_for()
    page.get_by_text("1 match").wait_for()
    expect(page).to_have_url(somebody.address + asked)


@pytest.mark.browser
def test_who_is_granted_a_role_later_is_still_at_the_page(visitor: Any) -> None:
    somebody, admin = visitor(), visitor()
    somebody.open(LINK)
    page = somebody.sign_in("kim")
    page.locator(CARD).get_by_text("You have no role here yet").wait_for()
    expect(page).to_have_url(somebody.address + LINK)
    grant(admin.sign_in("ada"), "kim@desk.example", "viewer")
    page.reload()
    page.get_by_text("Trade T1").first.wait_for()
    expect(page).to_have_url(somebody.address + LINK)


@pytest.mark.browser
def test_who_turns_back_at_the_provider_is_at_the_page_again(visitor: Any) -> None:
    somebody = visitor()
    page = somebody.open(LINK)
    page.locator(CARD).get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Cancel").click()
    page.locator(CARD).get_by_role("button", name="Sign in").wait_for()
    expect(page).to_have_url(somebody.address + LINK)


@pytest.mark.browser
def test_after_signing_out_one_is_at_the_first_page(visitor: Any) -> None:
    somebody = visitor()
    somebody.open(LINK)
    somebody.sign_in("vera")
    page = somebody.sign_out()
    page.locator(CARD).get_by_role("button", name="Sign in").wait_for()
    expect(page).to_have_url(f"{somebody.address}/")
    wait_for_board(somebody.sign_in("vera"))


def login_path(page: Any) -> str:
    """The address that the button on the page leads to: it has a sign of the server's, so nobody makes it up."""
    with page.expect_request("**/auth/login?*") as request:
        page.locator(CARD).get_by_role("button", name="Sign in").click()
    return address_of(request.value)


@pytest.mark.browser
def test_a_strangers_page_leads_nowhere(visitor: Any, board: RunningBoard) -> None:
    """A link to the way in, whatever it says of where it stands; and cookies that somebody made up."""
    path = login_path(visitor().open(LINK))
    hostile = ["https://evil.example/trade", f"{board.address}@evil.example/trade", f"{board.address}//evil.example"]
    hostile += [f"{board.address}/auth/logout", f"{board.address}/media/x", "javascript:alert(1)", "", "/trade"]
    for referer in hostile:
        with httpx.Client(base_url=board.address, timeout=60) as client:
            answer = client.get(path, headers={"referer": referer})
            assert answer.status_code == 302
            assert not [name for name in client.cookies if name.startswith("deltaboard_asked")], referer
    for said in (
        "https://evil.example/trade",
        "//evil.example/trade",
        "/\\evil.example",
        "/auth/logout",
        "/trade\r\nX: y",
    ):
        with httpx.Client(base_url=board.address, timeout=60) as client:
            way = client.get(path, headers={"referer": f"{board.address}{LINK}"}).headers["location"]
            state = parse_qs(urlsplit(way).query)["state"][0]
            value = urlsafe_b64encode(said.encode()).decode()
            client.cookies.set(f"deltaboard_asked_{state}", value, domain="127.0.0.1", path="/oauth2callback")
            cookies = {f"deltaboard_asked_{state}": value}
            asked = f"{board.address}/oauth2callback?error=access_denied&state={state}"
            back = httpx.get(asked, cookies=cookies, timeout=60)
            assert (back.status_code, back.headers["location"]) == (302, "/"), said


@pytest.mark.parametrize(
    ("address", "leads_to"),
    [
        ("/", "/"),
        ("/trade?trade_id=T1&next=//evil.example", "/trade?trade_id=T1&next=//evil.example"),
        ("/explore?view=12#part", "/explore?view=12"),
        ("/explore?book=" + "B" * 4000, "/explore"),
        ("", None),
        ("explore", None),
        ("//evil.example", None),
        ("//evil.example/trade", None),
        ("///trade", "/trade"),
        ("/\\evil.example", None),
        ("/\t/evil.example/trade", None),
        ("/trade\r\nSet-Cookie: a=b", None),
        ("/trade?a=\u2028", None),
        ("https://evil.example/trade", None),
        ("javascript:alert(1)", None),
        ("https:/trade", None),
        ("http://[/trade", None),
        ("/../trade", None),
        ("/trade/", None),
        ("/auth/logout", None),
        ("/oauth2callback?state=x", None),
        ("/media/a.html", None),
        ("/deltaboard/assets/panels/panel.js", None),
        ("/api/docs", None),
    ],
)
def test_an_address_leads_to_a_page_of_ours_or_nowhere(address: str, leads_to: str | None) -> None:
    assert own_address(address) == leads_to


@pytest.mark.parametrize(
    ("address", "leads_to"),
    [
        (f"{ORIGIN}/trade?trade_id=T1", "/trade?trade_id=T1"),
        (f"{ORIGIN}/", "/"),
        (f"{ORIGIN}", None),
        ("/trade", None),
        ("//board.example/trade", None),
        ("http://board.example/trade", None),
        ("https://board.example:8443/trade", None),
        ("https://board.example.evil.example/trade", None),
        ("https://board.example@evil.example/trade", None),
        ("https://evil.example/https://board.example/trade", None),
    ],
)
def test_who_asks_comes_from_this_very_server(address: str, leads_to: str | None) -> None:
    assert own_address(address, ORIGIN) == leads_to
