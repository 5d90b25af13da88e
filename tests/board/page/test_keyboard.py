"""Start, popovers and dialogs without a mouse: the keyboard is always somewhere, and it is seen where."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from services.access.permissions import Role, User
from services.views.saved_views import ViewContent, save_view
from services.views.start_page import Widget, start_page_of
from tests.board.axe import IDLE
from tests.board.running import READY, Open, RunningBoard, board, opened
from tests.fixtures.applying import change_records
from tests.fixtures.small_book import trade

__all__ = ["board", "opened"]

pytestmark = pytest.mark.browser

MAX = User("Max", frozenset({Role.MANAGER}))
PIVOT = "[data-panel=explore][data-state=ready]"
FOCUS = """() => {
  const focus = document.activeElement;
  const name = focus.getAttribute('aria-label') ?? focus.innerText;
  return name.trim().split('\\n').at(-1).trim();
}"""
RING = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map((value) => (value / 255) ** 2.2);
  const light = ([red, green, blue]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  const style = getComputedStyle(document.activeElement);
  const page = getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor;
  const [low, high] = [light(rgb(style.outlineColor)), light(rgb(page))].sort((a, b) => a - b);
  return [style.outlineStyle, parseFloat(style.outlineWidth), (high + 0.05) / (low + 0.05)];
}"""


def focus_is(page: Any, *names: str) -> None:
    """Wait until the control with one of these names has the focus, on a page that is at rest."""
    page.wait_for_selector(IDLE)
    try:
        page.wait_for_function(f"(names) => names.includes(({FOCUS})())", arg=list(names), timeout=60_000)
    except Exception:
        pytest.fail(f"the focus is on '{page.evaluate(FOCUS)}', not on {' or '.join(names)}")


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def go_on_to(page: Any, key: str, *names: str) -> None:
    """Press a key until the control with one of these names has the focus: what the page answers may make it usable."""
    came_to: list[str] = []
    end = time.monotonic() + 60
    while time.monotonic() < end:
        press(page, key)
        came_to.append(page.evaluate(FOCUS))
        if came_to[-1] in names:
            return
    pytest.fail(f"{key} does not come to {' or '.join(names)}, but to {came_to[-60:]}")


def tab_to(page: Any, name: str) -> None:
    go_on_to(page, "Tab", name)


def test_a_start_page_is_made_by_keyboard_alone(opened: Open, board: RunningBoard) -> None:
    ids = {
        name: save_view(board.store, MAX, name, ViewContent({"group_by": [name]})).view_id for name in ("Book", "Desk")
    }
    page = opened("/start?person=Max")
    page.get_by_role("button", name="Add views").focus()
    press(page, "Enter")
    page.get_by_role("button", name="Save start page").wait_for()
    focus_is(page, "Saved view", "Cancel")  # the latter where Streamlit made it of the button that was pressed
    for name in ids:
        if page.evaluate(FOCUS) != "Saved view":
            go_on_to(page, "Shift+Tab", "Saved view")
        page.keyboard.type(name)
        page.get_by_role("option", name=name, exact=True).wait_for()
        press(page, "Enter")
        page.wait_for_selector(f"[data-testid=stSelectbox] input[value={name}]")
        tab_to(page, "Add")
        press(page, "Enter")
        page.wait_for_selector(f"[class*=st-key-start_row] >> text={name}")
        focus_is(page, "Add")
    tab_to(page, "Down")
    press(page, "Enter")
    page.wait_for_selector("text=2. Book")
    focus_is(page, "Up")  # it is the last now, and cannot go down
    press(page, "Enter")
    page.wait_for_selector("text=1. Book")
    focus_is(page, "Down")
    press(page, "Enter")
    page.wait_for_selector("text=2. Book")
    focus_is(page, "Up")
    for group in (("Live", "Every", "Paused"), ("Half", "Full")):  # each is entered at its last or where it was left
        go_on_to(page, "Shift+Tab", *group)
        while (place := group.index(page.evaluate(FOCUS))) != 1:
            press(page, "ArrowRight" if place < 1 else "ArrowLeft")
        press(page, " ")
        focus_is(page, group[1])
        page.wait_for_selector(f"[data-testid=stButtonGroup] [aria-checked=true] >> text={group[1]}")
    tab_to(page, "Seconds")
    press(page, "ArrowUp", "Tab")
    focus_is(page, "Height, pixels")
    press(page, "ArrowUp", "Enter")
    focus_is(page, "Height, pixels")
    tab_to(page, "Save start page")
    press(page, "Enter")
    focus_is(page, "Edit")
    assert [placed.widget for placed in start_page_of(board.store, MAX)] == [
        Widget(ids["Desk"]),
        Widget(ids["Book"], "full", "periodic", 6.0, 450),
    ]
    press(page, "Enter")
    focus_is(page, "Saved view")
    tab_to(page, "Take away")
    press(page, "Enter")
    page.wait_for_selector("text=2. Book", state="detached")
    focus_is(page, "Take away")
    tab_to(page, "Cancel")
    press(page, "Enter")
    focus_is(page, "Edit")


def test_a_popover_is_walked_right_behind_its_button(opened: Open) -> None:
    page = opened("/?person=Max")
    page.wait_for_selector(READY)
    page.wait_for_selector(IDLE)
    body = page.get_by_test_id("stPopoverBody")
    page.get_by_role("button", name="Replay").focus()
    press(page, "Shift+Tab", "Enter")
    body.get_by_text("Books").first.wait_for()
    press(page, "Tab")
    focus_is(page, "Books")
    press(page, "Shift+Tab")
    focus_is(page, "All books", "expand_less")
    press(page, "Tab", "Tab")
    body.wait_for(state="detached")
    page.wait_for_function("() => document.activeElement.innerText.includes('Replay')")  # and on from its button


def rename(page: Any) -> None:
    page.keyboard.type(" anew")
    press(page, "Enter")
    page.wait_for_selector("text=It is called 'Mine anew' now.")


@pytest.mark.parametrize(("what", "leave"), [("Delete", None), ("Rename", rename)])
def test_after_a_dialog_the_keyboard_is_where_it_was(
    opened: Open, board: RunningBoard, what: str, leave: Callable[[Any], None] | None
) -> None:
    view_id = save_view(board.store, MAX, "Mine" if leave else "Kept", ViewContent({"group_by": ["Book"]})).view_id
    page = opened(f"/explore?person=Max&view={view_id}")
    page.wait_for_selector(PIVOT)
    page.wait_for_selector("text=Yours. As it was saved")
    page.get_by_role("button", name="More").focus()
    press(page, "Enter")
    page.get_by_role("menuitem", name=what).wait_for()
    page.wait_for_function("() => document.activeElement.closest('[role=menu]')")
    go_on_to(page, "ArrowDown", what)
    press(page, "Enter")
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    page.wait_for_selector(IDLE)
    page.wait_for_function("() => document.activeElement.closest('[role=dialog]')")
    press(page, "Tab", "Tab")
    assert dialog.evaluate("(dialog) => dialog.contains(document.activeElement)")
    if leave is None:
        press(page, "Escape")
    else:
        press(page, "End")
        leave(page)
    dialog.wait_for(state="detached")
    page.wait_for_function("() => document.activeElement.innerText.includes('More')")


def test_trades_are_tagged_and_given_back_by_keyboard_alone(opened: Open, board: RunningBoard) -> None:
    sold = [trade(f"KEYS-{number}", book="KEYS") for number in range(3)]
    change_records(board.store, board.state, "trades", sold, source="test")
    page = opened("/trades?person=Max&trade_book=KEYS")
    page.get_by_role("button", name="Select all 3").wait_for()
    page.wait_for_selector(IDLE)
    page.get_by_role("textbox", name="Search").focus()
    tab_to(page, "Select all 3")
    press(page, "Enter")
    page.wait_for_selector("text=all 3 selected")
    page.wait_for_selector(IDLE)
    tab_to(page, "Reason")
    page.keyboard.type("Sold")
    page.get_by_role("option", name="Sold or closed out").wait_for()
    press(page, "Enter")
    tab_to(page, "Set status of 3 trades")
    press(page, "Enter")
    page.wait_for_selector("text=3 trades set to Terminated.")
    page.wait_for_selector(IDLE)
    tab_to(page, "Undo 3 trades")
    press(page, "Enter")
    page.wait_for_selector("text=Undone: 3 trades restored to their previous status.")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_where_the_keyboard_is_stands_out(opened: Open, scheme: str) -> None:
    page = opened("/people?person=Ada")
    page.emulate_media(color_scheme=scheme)
    page.get_by_role("button", name="Define").wait_for()
    page.wait_for_selector(IDLE)
    press(page, "Tab", "Tab", "Tab")
    for control in (page.get_by_role("link", name="Explore"), page.get_by_role("button", name="Define")):
        control.focus()
        style, width, contrast = page.evaluate(RING)
        assert (style, width) == ("solid", 2)
        assert contrast >= 3, contrast
