"""Saved views and start pages as people meet them: several at once on one server, each in a browser of their own."""

from typing import Any

import pytest
from playwright.sync_api import expect

from services.access.permissions import Role, User
from services.tagging.define_statuses import define_status
from services.views.saved_views import ViewContent, open_view, save_view, share_view, update_view, view_content
from services.views.start_page import Widget, save_start_page, start_page_of
from storage.book.trade_statuses import DefinedStatus
from storage.people.saved_views import views_for
from tests.board.running import Open, RunningBoard, board, opened

__all__ = ["board", "opened"]

pytestmark = pytest.mark.browser

VERA, MAX = User("Vera", frozenset({Role.VIEWER})), User("Max", frozenset({Role.MANAGER}))
ANA, ADA = User("Ana", frozenset({Role.ANALYST})), User("Ada", frozenset({Role.ADMIN}))
BY_BOOK = ViewContent({"group_by": ["Book"], "columns": ["Market value"]})
BY_SECTOR = ViewContent({"group_by": ["Sector"], "columns": ["Cash delta"]})
PIVOT = "[data-panel=explore][data-state=ready]"
REVISION = "(panel) => Number(panel.dataset.revision)"


def view_of(board: RunningBoard, user: User, name: str, content: ViewContent, *, shared: bool = False) -> str:
    view_id = save_view(board.store, user, name, content).view_id
    return share_view(board.store, user, view_id, shared).view_id


def choose_from_menu(page: Any, what: str) -> None:
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name=what).click()


def choose_view(page: Any, label: str, name: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=name, exact=True).click()


def show_terminated_too(page: Any) -> None:
    """Change what is shown: another filter."""
    page.get_by_role("button", name="Status: Live").click()
    page.get_by_role("button", name="Terminated", exact=True).click()
    page.wait_for_selector("text=Status: all")
    page.keyboard.press("Escape")


def test_one_shares_a_view_and_another_puts_it_on_their_start_page(opened: Open, board: RunningBoard) -> None:
    vera = opened("/explore?person=Vera")
    vera.wait_for_selector(PIVOT)
    vera.get_by_role("button", name="Save as").click()
    vera.get_by_role("textbox", name="Name").fill("Desks today")
    vera.get_by_text("Share with everyone").click()
    vera.get_by_role("button", name="Save", exact=True).click()
    vera.wait_for_selector("text=Yours, shared. As it was saved")
    with board.store.read() as connection:
        (shared,) = views_for(connection, "Max")
    vera.wait_for_url(f"**view={shared.view_id}*")
    assert view_content(open_view(board.store, MAX, shared.view_id).content).pivot["group_by"]

    maximilian = opened("/explore?person=Max")
    choose_view(maximilian, "View", "Desks today, of Vera")
    maximilian.wait_for_selector("text=Of Vera. As it was saved")
    maximilian.wait_for_url(f"**view={shared.view_id}*")
    expect(maximilian.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    maximilian.get_by_test_id("stSidebarNav").get_by_role("link", name="Start").click()
    maximilian.get_by_role("button", name="Add views").click()
    for number in (1, 2):
        choose_view(maximilian, "Saved view", "Desks today, of Vera")
        maximilian.get_by_role("button", name="Add", exact=True).click()
        maximilian.wait_for_selector(f"text={number}. Desks today, of Vera")
    maximilian.locator("[class*=st-key-start_row]").nth(1).get_by_role("radio", name="Paused").click()
    maximilian.get_by_role("button", name="Save start page").click()
    panels = maximilian.locator("[data-panel=explore]")
    panels.nth(1).wait_for()
    assert [(placed.widget.mode, placed.view and placed.view.name) for placed in start_page_of(board.store, MAX)] == [
        ("live", "Desks today"),
        ("paused", "Desks today"),
    ]
    maximilian.wait_for_selector(f"{PIVOT} >> nth=1")
    is_live_alone(board, panels.nth(0), panels.nth(1))
    panels.nth(1).get_by_role("button", name="Live").click()
    panels.nth(0).get_by_role("button", name="Pause").click()
    is_live_alone(board, panels.nth(1), panels.nth(0))

    maximilian.get_by_role("link", name="Desks today").first.click()
    maximilian.wait_for_url(f"**/explore?*view={shared.view_id}*")
    share_view(board.store, VERA, shared.view_id, False)
    maximilian.goto(f"{board.address}/start?person=Max")
    maximilian.wait_for_selector("text=The view that was here is deleted, or not shared with you any more.")
    expect(panels).to_have_count(0)


def is_live_alone(board: RunningBoard, live: Any, paused: Any) -> None:
    """A tick comes to the one panel, and not to the other."""
    stays = paused.evaluate(REVISION)
    revision = board.tick(("AAPL", 70.0 + board.seconds))
    page = live.page
    page.wait_for_function(
        "([panel, revision]) => Number(panel.dataset.revision) >= revision", arg=[live.element_handle(), revision]
    )
    assert paused.evaluate(REVISION) == stays < revision


def test_whoever_saves_over_anothers_change_is_told_and_decides(opened: Open, board: RunningBoard) -> None:
    view_id = view_of(board, VERA, "Disputed", BY_BOOK, shared=True)
    page = opened(f"/explore?person=Vera&view={view_id}")
    page.wait_for_selector("text=Yours, shared. As it was saved")
    update_view(board.store, ADA, view_id, BY_SECTOR, 1)
    show_terminated_too(page)
    page.wait_for_selector("text=Saved by somebody since you opened it")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_selector("text=/'Disputed' is not as you opened it, saved by Ada on .* UTC/")
    assert view_content(open_view(board.store, VERA, view_id).content) == BY_SECTOR
    page.get_by_role("button", name="Save mine over it").click()
    page.wait_for_selector("text=Yours, shared. As it was saved")
    saved = open_view(board.store, VERA, view_id)
    assert (saved.version, saved.content["statuses"]) == (3, ["Live", "Terminated"])
    assert saved.content["pivot"]["group_by"] == ["Book"]


def test_changes_are_not_lost_to_another_view_unasked(opened: Open, board: RunningBoard) -> None:
    first, other = view_of(board, ANA, "First", BY_BOOK), view_of(board, ANA, "Other", BY_SECTOR)
    page = opened(f"/explore?person=Ana&view={first}")
    page.wait_for_selector("text=Yours. As it was saved")
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    show_terminated_too(page)
    page.wait_for_selector("text=Yours. Changed since it was saved")
    choose_view(page, "View", "Other")
    page.wait_for_selector("text='First' has changes that are not saved.")
    page.get_by_role("button", name="Stay here").click()
    page.wait_for_selector("text='First' has changes", state="detached")
    page.wait_for_url(f"**view={first}*")
    choose_view(page, "View", "Other")
    page.get_by_role("button", name="Open the other without saving").click()
    page.wait_for_selector("text=Yours. As it was saved")
    page.wait_for_selector("text=Status: Live")
    page.wait_for_url(f"**view={other}*")
    assert open_view(board.store, ANA, first).version == 1


def test_saved_views_stand_beside_every_page(opened: Open, board: RunningBoard) -> None:
    mine, shared = view_of(board, MAX, "By book", BY_BOOK), view_of(board, ANA, "By sector", BY_SECTOR, shared=True)
    page = opened("/?person=Max")
    page.get_by_role("button", name="By book", exact=True).click()
    page.wait_for_selector("text=Yours. As it was saved")
    page.wait_for_url(f"**/explore?*view={mine}*")
    show_terminated_too(page)
    page.wait_for_selector("text=Yours. Changed since it was saved")
    page.get_by_role("button", name="By sector, of Ana").click()
    page.wait_for_selector("text='By book' has changes that are not saved.")
    page.get_by_role("button", name="Open the other without saving").click()
    page.wait_for_selector("text=Of Ana. As it was saved")
    page.wait_for_url(f"**view={shared}*")


def test_a_view_is_renamed_copied_linked_and_deleted(opened: Open, board: RunningBoard) -> None:
    name = "*Mine* ![x](http://127.0.0.1/none.png)"
    view_id = view_of(board, ANA, name, BY_BOOK)
    save_start_page(board.store, ANA, [Widget(view_id)])
    page = opened("/start?person=Ana")
    page.get_by_role("link", name="Mine").click()
    page.wait_for_selector("text=Yours. As it was saved")
    expect(page.locator("img[src*='none.png']")).to_have_count(0)
    choose_from_menu(page, "Rename")
    page.get_by_role("textbox", name="Name").fill("Renamed")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=It is called 'Renamed' now.")
    choose_from_menu(page, "Link")
    page.wait_for_selector("text=Only Ana can open it: share the view first.")
    define_status(board.store, ADA, DefinedStatus("Watched", is_priced=True, is_shown=True, meaning=""))
    page.wait_for_selector("text=/Status: .*Watched/")  # the page has run again, and the dialog is still there
    expect(page.get_by_test_id("stCode")).to_have_text(f"{board.address}/explore?view={view_id}")
    page.keyboard.press("Escape")
    choose_from_menu(page, "Copy to my views")
    page.wait_for_selector("text='Renamed' is copied to your views.")
    page.wait_for_url(lambda url: f"view={view_id}" not in url)
    choose_from_menu(page, "Delete")
    page.wait_for_selector("text=This deletes your view 'Renamed (copy)' for good.")
    page.get_by_role("button", name="Delete it").click()
    page.wait_for_selector("text='Renamed (copy)' is deleted.")
    page.wait_for_selector("text=Not saved")
    page.wait_for_url(lambda url: "view=" not in url)
    with board.store.read() as connection:
        assert "Renamed (copy)" not in {view.name for view in views_for(connection, "Ana")}
