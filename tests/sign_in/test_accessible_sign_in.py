"""The pages before the board pass axe too, light and dark, wide and narrow, and are worked with the keyboard."""

from pathlib import Path
from typing import Any

import pytest

from tests.board.axe import IDLE, look, told
from tests.board.running import running_board
from tests.fixtures.databases import Templates
from tests.sign_in.serving import CARD, Visitor, board, visitor

__all__ = ["board", "visitor"]

pytestmark = pytest.mark.browser
ENDS_WITHIN_MS = 90_000


def passes_axe(page: Any, name: str, words: str, *, timeout: float = 60_000) -> None:
    page.locator(CARD).get_by_text(words).first.wait_for(timeout=timeout)
    page.wait_for_selector(IDLE)
    faults: dict[str, list[str]] = {}
    look(page, name, faults)
    assert not faults, told(faults)


def test_the_first_page_passes_axe_and_is_worked_by_keyboard(visitor: Any) -> None:
    page = visitor().open()
    passes_axe(page, "sign in", "It shows nothing before you sign in")
    page.reload()
    page.locator(CARD).get_by_role("button", name="Sign in").wait_for()
    page.wait_for_selector(IDLE)
    for _ in range(5):
        page.keyboard.press("Tab")
        if page.evaluate("(at => at.tagName === 'BUTTON' && at.innerText.includes('Sign in'))(document.activeElement)"):
            break
    page.keyboard.press("Enter")
    page.locator("input[name=login]").wait_for()


@pytest.mark.parametrize(
    ("name", "words"),
    [("lee", "You have no role here yet"), ("mallory", "has not verified that ada@desk.example is your address")],
)
def test_who_is_not_let_in_gets_a_page_that_passes_axe(visitor: Any, name: str, words: str) -> None:
    passes_axe(visitor().sign_in(name), name, words)


def test_the_page_of_an_ended_sign_in_passes_axe(visitor: Any) -> None:
    page = visitor().sign_in("brief")
    passes_axe(page, "ended", "Your sign-in has ended", timeout=ENDS_WITHIN_MS)


def test_the_page_of_a_wrong_set_up_passes_axe(chromium: Any, templates: Templates, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.toml"
    secrets.write_text('[auth]\nredirect_uri = "http://127.0.0.1/oauth2callback"\n')
    url = templates.copy("sqlite", "empty", lambda _: None, None)
    with running_board(url, tmp_path / "web.log", secrets=secrets) as wrong:
        somebody = Visitor(chromium, wrong)
        try:
            passes_axe(somebody.open(), "set-up", "The sign-in is not set up right")
        finally:
            somebody.close()
