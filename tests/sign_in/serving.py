"""An identity provider and a board that people sign in to there; and what a browser does to sign in."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import TimeoutError

from launch.components import is_ci
from launch.messages import Refusal
from launch.script_checks import find_node
from launch.sign_in_provider import FOLDER, PROVIDER
from services.pricing.pricing_state import PricingState
from storage.core.database import Store
from tests.board.running import READY, RunningBoard, running_board, take_option
from tests.fixtures.applying import apply_quotes
from tests.fixtures.databases import Templates, free_port, wait_for
from tests.fixtures.small_book import load_small_book, quote

TOKEN = "a token of the tests"
SETTINGS = {
    "DELTABOARD_ADMINS": "ada@desk.example",
    "DELTABOARD_ROLES_CLAIM": "realm_access.roles",
    "DELTABOARD_ROLES_OF": "board-viewers=viewer; desk-heads=manager",
    "DELTABOARD_API_TOKEN": TOKEN,
}
BRIEF = {"brief": 25, "less brief": 100}
"""Accounts of one person whose sign-in ends while one looks, and after how many seconds: where a machine is too slow to
show anything before the first has ended, the second is there."""
ACCOUNTS: dict[str, Any] = {
    "ada": {"claims": {"email": "ada@desk.example"}},
    "vera": {"claims": {"email": "vera@desk.example", "realm_access": {"roles": ["board-viewers", "offline_access"]}}},
    "max": {"claims": {"email": "max@desk.example", "realm_access": {"roles": ["desk-heads"]}}},
    "kim": {"claims": {"email": "kim@desk.example"}},
    "lee": {"claims": {"email": "lee@desk.example"}},
    "mallory": {"claims": {"email": "ada@desk.example", "email_verified": False}},
}
ACCOUNTS |= {
    name: {"seconds": seconds, "claims": {**ACCOUNTS["vera"]["claims"], "email": "brief@desk.example"}}
    for name, seconds in BRIEF.items()
}
"""Who can sign in at the provider, with any password: seconds that the identity token holds, and its claims."""
CARD = ".st-key-sign_in_page"


@contextmanager
def running_provider(port: int, client: str, folder: Path) -> Iterator[str]:
    """The provider, for one client at this address, until the block ends; its own address."""
    node = find_node()
    try:
        packages = PROVIDER.fetch() if node else None
    except Refusal as refusal:
        packages, node = None, None
        reason = str(refusal)
    else:
        reason = "no Node that is new enough"
    if packages is None:
        message = f"The identity provider is missing: THE TESTS OF THE SIGN-IN DID NOT RUN ({reason})"
        if is_ci():
            pytest.fail(message)
        pytest.skip(message)
    accounts = folder / "accounts.json"
    accounts.write_text(json.dumps(ACCOUNTS))
    log_path = folder / "provider.log"
    with log_path.open("w") as log:
        command = [str(node), "server.js", str(packages), str(port), client, str(accounts)]
        process = subprocess.Popen(command, cwd=FOLDER, stdout=log, stderr=log)
        try:
            wait_for(lambda: "listening" in log_path.read_text() or process.poll() is not None, 60, "the provider")
            assert process.poll() is None, log_path.read_text()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


def secrets_for(provider: str) -> str:
    """What secrets.toml says of a board that people sign in to at this provider."""
    return f"""
[auth]
redirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"
cookie_secret = "a secret of the tests that is long enough"
client_id = "deltaboard"
client_secret = "a secret of the tests alone"
server_metadata_url = "{provider}/.well-known/openid-configuration"
client_kwargs = {{ scope = "openid email profile", prompt = "login" }}
"""


@pytest.fixture(scope="module")
def board(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBoard]:
    """One board with a sign-in for all tests of the module: each signs in as somebody else."""
    folder, port = tmp_path_factory.mktemp("sign_in"), free_port()
    with running_provider(free_port(), f"http://127.0.0.1:{port}", folder) as provider:
        (folder / "secrets.toml").write_text(secrets_for(provider))
        url = templates.copy("sqlite", "small", fill, None)
        secrets = folder / "secrets.toml"
        with running_board(url, folder / "web.log", port=port, secrets=secrets, **SETTINGS) as running:
            yield running


def fill(store: Store) -> None:
    state = PricingState()
    load_small_book(store, state)
    apply_quotes(store, state, [quote("AAPL", 68.0), quote("MSFT", 150.0)], source="test")


class Visitor:
    """Somebody at a browser of their own."""

    def __init__(self, browser: Any, board: RunningBoard, **options: Any) -> None:
        self._context = browser.new_context(**{"viewport": {"width": 1600, "height": 1000}, **options})
        self._board = board
        self._context.set_default_timeout(60_000)
        self.page = self._context.new_page()

    def open(self, path: str = "/") -> Any:
        self.page.goto(self._board.address + path)
        return self.page

    def another_tab(self, path: str = "/") -> Any:
        page = self._context.new_page()
        page.goto(self._board.address + path)
        return page

    def sign_in(self, name: str) -> Any:
        """Sign in from the page that is open, or from a fresh one, up to the page that Streamlit shows then."""
        if self.page.url == "about:blank":
            self.open()
        self.page.locator(CARD).get_by_role("button", name="Sign in").click()
        return self.give_name(name, self.page)

    def give_name(self, name: str, page: Any) -> Any:
        """On the page of the provider."""
        page.locator("input[name=login]").fill(name)
        page.locator("input[name=password]").fill("any")
        page.locator("button[type=submit]").click()
        page.wait_for_url(f"{self._board.address}/**")
        page.locator(f"{CARD}, .st-key-identity").first.wait_for()
        return page

    def sign_out(self) -> Any:
        """Sign out, here and at the provider."""
        self.page.get_by_role("button", name="Sign out").click()
        self.page.get_by_role("button", name="Yes, sign me out").click()
        self.page.wait_for_url(f"{self._board.address}/**")
        return self.page

    @property
    def address(self) -> str:
        """That of the board."""
        return self._board.address

    @property
    def cookie_names(self) -> list[str]:
        """Of all cookies that the browser has, for whatever path."""
        return [cookie["name"] for cookie in self._context.cookies()]

    @property
    def cookies(self) -> str:
        """What the browser would send with a request, as a header."""
        found = self._context.cookies(self._board.address)
        return "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in found)

    def close(self) -> None:
        self._context.close()


def wait_for_board(page: Any) -> None:
    """Wait until the board has its totals."""
    wait_on(page, page.locator(READY))


def wait_on(page: Any, wanted: Any, seconds: float = 60.0) -> None:
    """Wait until something is on a page; a failure says what the page showed instead."""
    try:
        wanted.wait_for(timeout=seconds * 1000.0)
    except TimeoutError as late:
        panels = page.locator(".db-panel").evaluate_all("nodes => nodes.map((node) => ({ ...node.dataset }))")
        late.add_note(f"{page.url} has the panels {panels} and says: {page.locator('body').inner_text()}")
        raise


def grant(page: Any, name: str, role: str) -> None:
    """As an admin, on the page People."""
    page.get_by_role("link", name="People").click()
    form = page.locator("[data-testid=stForm]").filter(has=page.get_by_role("button", name="Grant"))
    form.get_by_label("Person").fill(name)
    take_option(page, name)
    form.get_by_label("Role").click()
    page.get_by_role("option", name=role).click()
    form.get_by_label("Reason").fill("joins the desk")
    form.get_by_role("button", name="Grant").click()
    page.get_by_text(f"{name} is {role} now.").wait_for()


@pytest.fixture
def visitor(board: RunningBoard, chromium: Any) -> Iterator[Callable[[], Visitor]]:
    """Makes visitors, each with a browser of their own."""
    made: list[Visitor] = []

    def new() -> Visitor:
        made.append(Visitor(chromium, board))
        return made[-1]

    yield new
    for each in made:
        each.close()
