"""Explore as people use it: a pivot that ticks, its rules, its trades, its files, its links and its saved views."""

import csv
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from playwright.sync_api import expect

from live.tables.explore_columns import MATURITY, NUMBER_COLUMNS, ROW, TEXT_COLUMNS
from tests.board.running import RunningBoard, board
from tests.fixtures.databases import wait_for

__all__ = ["board"]

pytestmark = pytest.mark.browser
LONG = 60_000
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
READY = "[data-panel=explore][data-state=ready] .db-pivot[data-arranged] perspective-viewer-datagrid"
VIEWER = "document.querySelector('.db-viewer')"
GRID = ".db-pivot perspective-viewer-datagrid"
DELTA = "Delta, shares"


def opened(chromium: Any, board: RunningBoard, person: str = "Vera", query: str = "", address: str = "") -> Any:
    page = chromium.new_page(viewport={"width": 1500, "height": 1000})
    page.set_default_timeout(LONG)
    page.goto(address or f"{board.address}/explore?person={person}{query}")
    page.wait_for_selector(READY, timeout=LONG)
    page.wait_for_selector(IDLE, timeout=LONG)
    return page


def arrange(page: Any, **config: Any) -> None:
    """Arrange the pivot, as somebody does who drags its columns."""
    page.evaluate(f"config => {VIEWER}.restore(config)", config)


def configured(page: Any) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(f"{VIEWER}.save()")
    return found


def columns(page: Any) -> dict[str, list[Any]]:
    """What the pivot shows, column by column; the first row is the total. It may be arranged anew meanwhile."""
    found: dict[str, list[Any]] = page.evaluate(
        f"""async () => {{
            for (;;) {{
                const view = await {VIEWER}.getView();
                const shown = await view.to_columns().catch((error) => `${{error}}`);
                if (!/View not found/.test(shown)) return shown;
            }}
        }}"""
    )
    return found


def until(page: Any, what: Any, words: str) -> None:
    wait_for(lambda: what() or page.wait_for_timeout(100), LONG / 1000, words)


def test_the_total_is_the_store_s_and_moves_with_a_tick(chromium: Any, board: RunningBoard) -> None:
    board.roll()
    page = opened(chromium, board)
    until(page, lambda: columns(page)["Cash delta"][0] == pytest.approx(board.total("cash_delta")), "the total")
    before = columns(page)["Cash delta"][0]
    board.tick(("AAPL", 80.0), ("MSFT", 170.0))
    until(page, lambda: columns(page)["Cash delta"][0] == pytest.approx(board.total("cash_delta")), "the tick")
    paused = columns(page)["Cash delta"][0]
    assert paused != before
    page.get_by_role("button", name="Pause", exact=True).click()
    other = opened(chromium, board)  # one who has not paused sees the next tick
    board.tick(("AAPL", 60.0))
    until(other, lambda: columns(other)["Cash delta"][0] == pytest.approx(board.total("cash_delta")), "another's tick")
    assert columns(page)["Cash delta"][0] == paused
    other.close()
    page.get_by_role("button", name="Live", exact=True).click()
    until(page, lambda: columns(page)["Cash delta"][0] == pytest.approx(board.total("cash_delta")), "what was missed")
    page.close()


def test_what_may_not_be_summed_is_not(chromium: Any, board: RunningBoard) -> None:
    page = opened(chromium, board)
    rules = page.locator(".db-rules")
    arrange(page, group_by=["Underlying"], columns=["Market value", DELTA, "Spot"])
    rules.get_by_text(f"{DELTA} adds up within one underlying alone").wait_for(timeout=LONG)
    wanted = {"Market value": "sum", DELTA: "unique", "Spot": "unique"}
    until(page, lambda: configured(page)["aggregates"] == wanted, "the rules")
    arrange(page, aggregates={"Spot": "sum or zero", "Market value": "sum or zero"})
    until(page, lambda: configured(page)["aggregates"]["Spot"] == "unique", "a sum that was chosen by hand")
    until(page, lambda: configured(page)["aggregates"]["Market value"] == "sum", "no zero for what is not known")
    until(page, lambda: columns(page)["Spot"][0] is None, "what is not known over all underlyings")

    arrange(page, group_rollup_mode="flat", aggregates={DELTA: "sum"}, columns=[DELTA])
    until(page, rules.is_hidden, "no note where there is no total")
    until(page, lambda: configured(page)["aggregates"][DELTA] == "sum", "a sum where there is no total")

    computed = {"ratio": '"Market value" / "Spot"', "both": '"Cash delta" + 2 * "Market value"'}
    arrange(page, group_rollup_mode="rollup", expressions=computed, columns=list(computed))
    rules.get_by_text("ratio is no sum").wait_for(timeout=LONG)
    until(page, lambda: configured(page)["aggregates"] == {"ratio": "unique", "both": "sum"}, "what is computed")
    page.close()


def test_from_a_cell_to_its_trades_and_from_there_to_one(chromium: Any, board: RunningBoard) -> None:
    page = opened(chromium, board)
    page.locator(GRID).first.locator("tr", has_text="EQ_FLOW_US").first.locator("td").first.click()
    drill = page.locator(".db-drill")
    drill.get_by_text("EQ_FLOW_US").first.wait_for(timeout=LONG)
    row = drill.locator("perspective-viewer-datagrid").get_by_text("T0").first
    row.wait_for(timeout=LONG)
    button = drill.get_by_role("button", name="Open T")
    until(page, lambda: row.click() or button.is_visible(), "the button of the trade")
    trade_id = button.inner_text().removeprefix("Open ")
    button.click()
    page.wait_for_url(f"**/trade?*{trade_id}*", timeout=LONG)
    page.get_by_text(trade_id).first.wait_for(timeout=LONG)
    page.close()


LATE_ANSWER = """() => {
  const detail = { row: {}, config: { filter: [['Region', '==', 'Americas']] } };
  document.querySelector('perspective-viewer').dispatchEvent(new CustomEvent('perspective-click', { detail }));
}"""
"""What the engine says of a click on a cell, some time after it."""


def test_the_trades_of_a_cell_go_with_the_pivot_that_they_belong_to(chromium: Any, board: RunningBoard) -> None:
    page = opened(chromium, board)
    drill = page.locator(".db-drill")

    def open_a_cell() -> None:
        cell = page.locator(GRID).first.locator("tr", has_text="Americas").first.locator("td").first
        until(page, lambda: drill.is_visible() or cell.click(), "the trades of a cell")

    open_a_cell()
    expect(drill).to_contain_text("Trades in")
    page.evaluate(LATE_ANSWER)
    expect(drill).to_be_visible()
    arrange(page, group_by=["Region"])
    expect(drill).to_be_hidden()
    page.evaluate(LATE_ANSWER)
    assert drill.is_hidden(), "an answer to a click in the arrangement of before"
    open_a_cell()
    arrange(page, sort=[["Market value", "desc"]])
    until(page, lambda: configured(page)["sort"] == [["Market value", "desc"]], "the sort")
    expect(drill).to_be_visible()

    def start_with_another() -> None:
        """Again where the run of the page that follows the sort draws the menu anew just then, and it closes."""
        item = page.get_by_role("menuitem").nth(1)
        if not item.is_visible():
            page.get_by_role("button", name="Start with").click()
        with suppress(PlaywrightTimeout):
            item.click(timeout=5_000)

    until(page, lambda: drill.is_hidden() or start_with_another(), "another pivot")
    page.close()


FOCUS = """() => {
  let focus = document.activeElement;
  while (focus.shadowRoot?.activeElement) focus = focus.shadowRoot.activeElement;
  const cell = focus.querySelector?.('.db-cursor');
  return cell ? cell.innerText : (focus.getAttribute('aria-label') ?? focus.innerText);
}"""


def test_the_pivot_is_worked_by_keyboard_alone(chromium: Any, board: RunningBoard) -> None:
    page = opened(chromium, board)
    page.get_by_role("button", name="Pause", exact=True).focus()

    def press(*keys: str, until_focus: str) -> None:
        for key in keys:
            page.keyboard.press(key)
        until(page, lambda: str(page.evaluate(FOCUS)).startswith(until_focus), f"the focus on {until_focus}")

    press("Tab", until_focus="Pivot: arrows to walk")
    press("ArrowDown", "ArrowDown", until_focus="Americas")
    rows = len(columns(page)["Trades"])
    press("ArrowLeft", until_focus="Americas")
    until(page, lambda: len(columns(page)["Trades"]) < rows, "the closed branch")
    closed = len(columns(page)["Trades"])
    page.locator(f"{GRID} .db-cursor.psp-tree-label-expand").wait_for(state="attached")  # it is drawn, too
    press("Enter", until_focus="Americas")
    until(page, lambda: len(columns(page)["Trades"]) > closed, "the open branch")
    press("Control+End", "End", until_focus=f"{int(columns(page)['Without a value'][-1])}")
    press("Control+Home", "ArrowUp", "Home", until_focus="Market value")
    press("Enter", until_focus="Market value")
    until(page, lambda: configured(page)["sort"] == [["Market value", "desc"]], "the sort")

    drill = page.locator(".db-drill")
    press("ArrowDown", "ArrowDown", "Enter", until_focus="Trades of the cell: arrows to walk")
    press("ArrowDown", until_focus="T0")
    trade_id = str(page.evaluate(FOCUS))
    press("Enter", until_focus=f"Open {trade_id}")
    press("Escape", until_focus=f"{columns(page)['Market value'][1]:,.0f}")
    expect(drill).to_be_hidden()

    page.get_by_role("button", name="Edit", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("perspective-viewer[settings]")
    page.locator("input.column-empty-input").first.wait_for()
    for _ in range(40):  # no key holds Tab fast in the side where the pivot is arranged
        page.keyboard.press("Tab")
        if page.evaluate(f"{FOCUS_INPUT}()"):
            break
    page.keyboard.type("Sector")
    page.locator("perspective-dropdown .selected", has_text="Sector").wait_for()
    page.keyboard.press("Enter")
    until(page, lambda: "Sector" in configured(page)["group_by"], "the row that was typed")
    press("Escape", until_focus="Edit")
    expect(page.locator("perspective-viewer[settings]")).to_have_count(0)
    page.close()


def test_keys_in_the_pivot_are_not_lost_however_fast_they_come(chromium: Any, board: RunningBoard) -> None:
    page = opened(chromium, board)
    page.get_by_role("button", name="Pause", exact=True).focus()
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 6})
    focus_on = "(words) => new RegExp(words).test((" + FOCUS + ")())"
    for key in ("Tab", "ArrowDown", "ArrowDown", "ArrowRight", "Enter", "ArrowDown", "Enter"):
        page.keyboard.press(key)  # a cell, its list of trades, the first of them
    page.wait_for_function(focus_on, arg="^Open T")
    for key in ("Escape", "ArrowLeft", "Enter", "ArrowDown"):  # the branch is closed, and what is below it comes next
        page.keyboard.press(key)
    page.wait_for_function(focus_on, arg="^Asia Pacific")
    page.close()


HOLD = """() => {
  const released = new Promise((resolve) => { window.release = resolve; });
  const grids = customElements.get('perspective-viewer-datagrid').prototype;
  const { draw } = grids;
  grids.draw = async function (view) {
    if (this.closest('.db-drill')) await released;
    return draw.call(this, view);
  };
  const grid = document.querySelector('perspective-viewer-datagrid').shadowRoot.querySelector('regular-table');
  const { scrollToCell } = grid;
  grid.scrollToCell = async (...place) => {
    await scrollToCell.apply(grid, place);
    await new Promise(() => {});
  };
}"""
"""The list of the trades behind a cell comes when the test lets it, and no scroll ever says that it has ended."""


def test_keys_wait_for_what_a_key_asked_for_and_not_for_ever(chromium: Any, board: RunningBoard) -> None:
    page = opened(chromium, board)
    page.evaluate(HOLD)
    page.get_by_role("button", name="Pause", exact=True).focus()
    page.keyboard.press("Tab")
    page.set_viewport_size({"width": 600, "height": 1000})  # the last column is out of sight
    for key in ("ArrowDown", "End", "Home", "ArrowDown"):
        page.keyboard.press(key)
    focus_on = f"(words) => new RegExp(words).test(({FOCUS})())"
    page.wait_for_function(focus_on, arg="^Americas")
    for key in ("ArrowRight", "Enter", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    page.locator(".db-drill perspective-viewer").wait_for(state="attached")
    page.mouse.move(5, 5)
    assert not str(page.evaluate(FOCUS)).startswith(("Trades", "T0", "Open")), "the list is still on its way"
    page.evaluate("release()")
    page.wait_for_function(focus_on, arg="^Open T")
    page.close()


def test_a_chart_tells_at_the_pointer_also_while_it_ticks(chromium: Any, board: RunningBoard) -> None:
    board.roll()
    page = opened(chromium, board)
    arrange(page, plugin="Y Bar", group_by=["Region"], columns=["Trades"])
    chart = page.locator("perspective-viewer-charts-y-bar .webgl-canvas")
    chart.wait_for()
    box = chart.bounding_box()
    across, low = box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.85
    beside = {"x": across + 5, "y": low - 45, "width": 150, "height": 100}
    page.mouse.move(10, 10)
    page.wait_for_timeout(1500)  # it has been drawn
    plain = page.screenshot(clip=beside)
    page.mouse.move(across - 3, low)
    page.mouse.move(across, low)
    until(page, lambda: page.screenshot(clip=beside) != plain, "what is told at the pointer")
    for price in (71.0, 72.0, 73.0):
        board.tick(("AAPL", price))
        page.wait_for_timeout(1200)  # the update would have taken it away
        until(page, lambda: page.screenshot(clip=beside) != plain, "it again, after a tick")
    page.close()


def test_the_tab_and_the_head_say_what_is_open_on_one_line_of_controls(chromium: Any, board: RunningBoard) -> None:
    page = opened(chromium, board, "Max")
    page.wait_for_function("() => document.title === 'Explore · Deltaboard'")
    height = page.locator(".st-key-explore_bar").bounding_box()["height"]
    page.get_by_role("button", name="Start with").click()
    page.get_by_role("menuitem", name="Vega by expiry").click()
    page.get_by_role("heading", name="Vega by expiry").wait_for()
    page.wait_for_function("() => document.title === 'Vega by expiry · Explore · Deltaboard'")
    page.get_by_role("button", name="Save as").click()
    page.get_by_label("Name", exact=True).fill("A view with quite a long name")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    page.wait_for_function("() => document.title === 'A view with quite a long name · Explore · Deltaboard'")
    page.get_by_role("button", name="More").wait_for()
    for width in (1500, 1400, 1280):
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_function(
            "(height) => document.querySelector('.st-key-explore_bar').clientHeight <= height", arg=height
        )
    page.close()


FOCUS_INPUT = """(() => {
  let focus = document.activeElement;
  while (focus.shadowRoot?.activeElement) focus = focus.shadowRoot.activeElement;
  return focus.matches('input.column-empty-input');
})"""


def test_what_is_shown_is_downloaded(chromium: Any, board: RunningBoard, tmp_path: Path) -> None:
    page = opened(chromium, board)
    arrange(page, group_by=["Desk"], columns=["Market value", "Trades"])
    until(page, lambda: list(columns(page))[-1] == "Trades", "the pivot")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    download.value.save_as(tmp_path / "shown.csv")
    rows = list(csv.DictReader((tmp_path / "shown.csv").read_text().splitlines()))
    assert (download.value.suggested_filename, list(rows[0])) == ("Explore.csv", ["Desk", "Market value", "Trades"])
    assert sum(float(row["Trades"]) for row in rows[1:]) == float(rows[0]["Trades"])
    assert sum(float(row["Market value"]) for row in rows[1:]) == pytest.approx(float(rows[0]["Market value"]))
    page.close()


def test_the_address_opens_the_same_and_a_saved_view_is_shared(chromium: Any, board: RunningBoard) -> None:
    page = opened(chromium, board, "Max")
    arrange(page, group_by=["Sector"], columns=["Vega 1 pt"], filter=[["Option type", "==", "put"]])
    page.wait_for_url("**pivot=**", timeout=LONG)
    other = opened(chromium, board, address=page.url)
    until(other, lambda: configured(other)["group_by"] == ["Sector"], "the arrangement of the address")
    shown = configured(other)
    assert (shown["columns"], shown["filter"]) == (["Vega 1 pt"], [["Option type", "==", "put"]])
    total = pytest.approx(columns(page)["Vega 1 pt"][0])
    until(other, lambda: columns(other)["Vega 1 pt"][0] == total, "the same total")

    page.get_by_role("button", name="Save as").click()
    page.get_by_label("Name").fill("Puts by sector")
    page.get_by_text("Share with everyone").click()
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    page.wait_for_url("**view=**", timeout=LONG)
    page.wait_for_selector(IDLE, timeout=LONG)
    viewer = opened(chromium, board, "Vera", query=f"&view={page.url.split('view=')[1].split('&')[0]}")
    until(viewer, lambda: configured(viewer)["group_by"] == ["Sector"], "the arrangement of the view")
    viewer.get_by_role("heading", name="Puts by sector").wait_for(timeout=LONG)
    for each in (page, other, viewer):
        each.close()


def test_an_answer_to_what_one_has_arranged_anew_since_undoes_nothing(chromium: Any, board: RunningBoard) -> None:
    page = chromium.new_page(viewport={"width": 1500, "height": 1000})
    page.set_default_timeout(LONG)
    held: list[bytes] = []
    servers: list[Any] = []
    holds = False

    def between(socket: Any) -> None:
        servers.append(socket.connect_to_server())
        socket.on_message(lambda message: held.append(message) if holds else servers[0].send(message))

    page.route_web_socket("**/_stcore/stream", between)
    page.goto(f"{board.address}/explore?person=Vera")
    page.wait_for_selector(READY)
    page.wait_for_selector(IDLE)
    holds = True
    for rows in ("Currency", "Sector"):
        arrange(page, group_by=[rows])
        until(page, lambda rows=rows: any(rows.encode() in message for message in held), f"what is told of {rows}")
    while b"Sector" not in held[0]:
        servers[0].send(held.pop(0))
    page.wait_for_url("**pivot=**")
    page.wait_for_selector(IDLE)
    page.wait_for_timeout(500)  # by then it would be undone
    assert configured(page)["group_by"] == ["Sector"]
    first, holds = page.url, False
    for message in held:
        servers[0].send(message)
    page.wait_for_url(lambda url: url != first)
    page.wait_for_selector(IDLE)
    assert configured(page)["group_by"] == ["Sector"]
    page.close()


def test_an_address_that_was_cut_off_says_so(chromium: Any, board: RunningBoard) -> None:
    page = opened(chromium, board, query="&pivot=eNq1kz9Pw")
    page.get_by_text("it may have been cut off").wait_for(timeout=LONG)
    until(page, lambda: configured(page)["group_by"][0] == "Region", "the standard arrangement")
    page.close()
    page = opened(chromium, board, query="&view=none-such")
    page.get_by_text("There is no such view").wait_for(timeout=LONG)
    page.close()


OFFERED = """() => [...document.querySelector('.db-viewer').shadowRoot.querySelectorAll('#sub-columns .column_name')]
  .filter((name) => name.checkVisibility()).map((name) => name.textContent)"""
LISTED = """() => [...document.querySelectorAll('perspective-dropdown')].flatMap((list) =>
  [...list.shadowRoot.querySelectorAll('span > span')].map((name) => name.textContent))"""


def test_the_key_of_the_rows_is_offered_nowhere(chromium: Any, board: RunningBoard) -> None:
    page = opened(chromium, board)
    page.set_viewport_size({"width": 1500, "height": 2400})
    whole = {"a whole number": 'integer("Spot")'}  # one that somebody computed is offered
    labels = {*(column.label for column in NUMBER_COLUMNS), *TEXT_COLUMNS.values(), MATURITY}
    arrange(page, columns=["Trades"], group_by=["Trade"], expressions=whole, settings=True)
    until(page, lambda: set(page.evaluate(OFFERED)) == {*labels, *whole} - {"Trades"}, "what is offered")
    assert {"Book", "Spot"} < set(page.evaluate(OFFERED))

    page.evaluate(f"{VIEWER}.reset(true)")
    until(page, lambda: "Book" in configured(page)["columns"], "all columns")
    until(page, lambda: ROW not in configured(page)["columns"], "all but the key")
    assert set(configured(page)["columns"]) == labels

    page.locator(".db-viewer input").first.press_sequentially("ro")
    until(page, lambda: "Product" in page.evaluate(LISTED), "what has these letters")
    assert set(page.evaluate(LISTED)) <= labels
    page.close()
