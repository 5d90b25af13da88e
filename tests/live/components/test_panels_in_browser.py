"""The live panels in a real Chromium: what a trader sees while the server says something."""

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from live.components.panels import MEASURE_TEXTS
from live.tables import wire
from tests.live.board_server import BoardServer, Connection, server, wait_until
from tests.live.tree_on_wire import Leaf, selected, tree_delta, tree_snapshot

__all__ = ["server"]

pytestmark = pytest.mark.browser

DAY = "2020-03-12"
MORNING, NOON = f"{DAY}T08:00:00Z", f"{DAY}T12:00:00Z"
"""What the browser's clock says where a test must not depend on the time that passes."""
TABLE_OF = {"summary": "nodes", "figures": "nodes", "status": "market"}
"""Panel -> the table that it shows, where that is called otherwise."""
BOARD = "loaded-once"
TICKERS = ["AAPL", "JPM", "MSFT"]
QUOTES = [66.54, 79.90, 133.02]
MEASURES = ["market_value", "cash_delta", "cash_gamma_1pct", "vega_1pt", "theta_1d", "rho_1bp"]
# What shows for a moment is noted when it is painted: whoever looks later may be too late. Of pulses, the first of a
# cell and a way: where it stands, how many animations fade it, its background. Of newcomers, the keys of their rows.
WATCH = """() => {
  window.pulses = {};
  window.newcomers = [];
  const look = () => {
    for (const row of document.querySelectorAll('.db-new')) {
      if (!window.newcomers.includes(row.dataset.rowKey)) window.newcomers.push(row.dataset.rowKey);
    }
    for (const cell of document.querySelectorAll('.db-cell[data-moved]')) {
      const way = cell.dataset.moved;
      const name = `${cell.closest('[data-row-key]').dataset.rowKey} ${cell.dataset.column} ${way}`;
      const layer = cell.closest('.db-panel').querySelector('.db-pulses');
      const spot = layer?.querySelector(`.db-pulse[data-way=${way}]`);
      if (!spot || window.pulses[name]) continue;
      const { x, y, width } = spot.getBoundingClientRect();
      const background = getComputedStyle(spot).backgroundColor;
      window.pulses[name] = { animations: layer.getAnimations().length, x, y, width, background };
    }
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
}"""
HIERARCHY = [
    ("Americas", "Equity derivatives", "Vol hedging", "EQ_VOL_HED"),
    ("Americas", "Equity derivatives", "Structuring", "EQ_STRUCT"),
    ("EMEA", "Equity derivatives", "Flow", "EQ_FLOW"),
]


def header(kind: str, table: str, revision: int, **more: Any) -> dict[str, Any]:
    seconds = f"{revision % 60:02d}"
    moment = f"{DAY}T14:32:{seconds}Z"
    return {
        "kind": kind,
        "table": table,
        "board": BOARD,
        "revision": revision,
        "as_of_date": DAY,
        "observed_at": moment,
        **more,
    }


def market_snapshot(revision: int = 100, quotes: list[float] = QUOTES) -> bytes:
    text = {"ticker": TICKERS, "name": ["Apple", "JPMorgan", "Microsoft"], "sector": ["IT", "Banks", "IT"]}
    day = {"MSFT": [[1584019920000 + 60000 * i, 130.0 + i % 7] for i in range(300)]}
    columns = {"quote": np.array(quotes), "previous_close": np.array([69.87, 87.63, np.nan])}
    return wire.encode(header("snapshot", "market", revision, text=text, day=day), columns)


def market_delta(revision: int, row: int, quote: float) -> bytes:
    columns = {"row": np.array([float(row)]), "quote": np.array([quote]), "observed_ms": np.array([1584038000000.0])}
    return wire.encode(header("delta", "market", revision), columns)


def book(scale: float = 1.0, currencies: tuple[str, ...] = ("USD",) * 3) -> list[Leaf]:
    """A leaf for each book and ticker; the last one is of a terminated trade."""
    pnl = [-100.0, math.nan, 300, -400, 500, 0, 700, 800, 900]
    leaves: list[Leaf] = []
    for number, gained in enumerate(pnl):
        base = 1000.0 * scale * (number + 1)
        values = {name: base * (i + 1) * (-1 if name == "theta_1d" else 1) for i, name in enumerate(MEASURES)}
        changes = {f"change_{name}": 0.5 * value for name, value in values.items()}
        counts = {"trades": 11.0, "not_included": 0.0, "pnl_unknown": 11.0 if math.isnan(gained) else 0.0}
        path, status = (*HIERARCHY[number // 3], TICKERS[number % 3]), "Live" if number < 8 else "Terminated"
        leaves.append(
            Leaf(path, {**values, **changes, "actual_pnl": gained, **counts}, currencies[number // 3], status)
        )
    return leaves


def nodes_snapshot(revision: int = 100, leaves: list[Leaf] | None = None) -> bytes:
    return tree_snapshot(header("snapshot", "nodes", revision), book() if leaves is None else leaves)


def nodes_delta(revision: int, before: list[Leaf], after: list[Leaf]) -> bytes:
    return tree_delta(header("delta", "nodes", revision), before, after)


def selected_nodes(connection: Connection) -> bytes:
    """The first message to who asks for trades of some statuses and books."""
    query = connection.query
    return nodes_snapshot(100, selected(book(), query.getlist("status"), query.getlist("book")))


def moved(leaves: list[Leaf], **numbers: float) -> list[Leaf]:
    """The first leaf has other numbers."""
    return [leaves[0].where(**numbers), *leaves[1:]]


def newcomer(region: str, **more: float) -> Leaf:
    numbers = {"cash_delta": 7.0, "trades": 1.0, "not_included": 0.0, "pnl_unknown": 0.0, **more}
    return Leaf((region, "Equity derivatives", "Flow", "EQ_NEW", "AAPL"), numbers)


def trades_snapshot(count: int, revision: int = 100) -> bytes:
    number = np.arange(count)
    text = {
        "trade_id": [f"T{10001 + i}" for i in number],
        "book": wire.dictionary_encoded([HIERARCHY[i % 3][3] for i in number]),
        "underlying": wire.dictionary_encoded([TICKERS[i % 3] for i in number]),
        "contract": [f"{TICKERS[i % 3]} Jun 20 {50 + i % 90} call" for i in number],
        "exercise_style": wire.dictionary_encoded(["American" if i % 2 else "European" for i in number]),
        "trade_status": wire.dictionary_encoded(["Live"] * count),
        "priced_by": wire.dictionary_encoded(["Boundary" if i else "" for i in number]),
        "reason": wire.dictionary_encoded(["" if i else "No quote of AAPL" for i in number]),
    }
    value = np.where(number == 0, np.nan, number * 1.5)
    columns = {name: value.copy() for name in ("spot", "unit_price", *MEASURES[:5], "actual_pnl")}
    return wire.encode(header("snapshot", "trades", revision, text=text), {"quantity": number + 1.0, **columns})


def status(**changes: Any) -> dict[str, Any]:
    feed = {"name": "Replay", "state": "playing", "speed": 100, "lag_seconds": 0.2}
    return {
        "kind": "status",
        "revision": 48211,
        "as_of_date": DAY,
        "observed_at": f"{DAY}T14:32:07Z",
        "latest_as_of_date": DAY,
        "loaded": True,
        "feed": feed,
        "trades": 10000,
        "included": 9993,
        "not_included": {"expired": 3, "without parameters": 4},
        "store": "ok",
        **changes,
    }


@pytest.fixture
def page(chromium: Any, server: BoardServer) -> Iterator[Any]:
    server.reset()
    server.greeting["market"] = lambda _: [market_snapshot(), status()]
    server.greeting["nodes"] = lambda connection: [selected_nodes(connection), status()]
    server.greeting["trades"] = lambda _: [trades_snapshot(60)]
    context = chromium.new_context(viewport={"width": 1400, "height": 900}, locale="en-US")
    page = context.new_page()
    page.set_default_timeout(60_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server.url)
    page.wait_for_function("window.ready")
    page.evaluate(WATCH)
    yield page
    context.close()
    assert errors == []


def mount(page: Any, kind: str, **data: Any) -> None:
    page.evaluate("([key, data]) => mountPanel(key, data)", [kind, {"height": 300, "measures": MEASURE_TEXTS, **data}])


def cell(panel: str, row: str, column: str) -> str:
    return f"[data-panel={panel}] [data-row-key='{row}'] [data-column={column}]"


def shown(page: Any, selector: str, text: str) -> None:
    """Wait until something says this and nothing else."""
    expect(page.locator(selector)).to_have_text(text)


def said(page: Any, selector: str, name: str, value: str | re.Pattern[str]) -> None:
    """Wait until something has an attribute."""
    expect(page.locator(selector)).to_have_attribute(name, value)


def counted(page: Any, selector: str, count: int) -> None:
    """Wait until there are so many of something."""
    expect(page.locator(selector)).to_have_count(count)


def raw(page: Any, selector: str, value: float) -> None:
    """Wait until this is the number behind a cell."""
    condition = "([selector, value]) => Math.abs(document.querySelector(selector)?.dataset.raw - value) < 1e-6"
    page.wait_for_function(condition, arg=[selector, value])


def pulsed(page: Any, row: str, column: str, way: str) -> dict[str, Any]:
    """Wait until a cell has pulsed; how."""
    found: dict[str, Any] = page.wait_for_function("(name) => pulses[name]", arg=f"{row} {column} {way}").json_value()
    return found


ORDER = """(panel) => [...document.querySelectorAll(`[data-panel=${panel}] [data-row-key]`)]
  .sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((row) => row.dataset.rowKey)"""


def order(page: Any, panel: str) -> list[str]:
    """The rows as they stand now."""
    return list(page.evaluate(ORDER, panel))


def stand(page: Any, panel: str, *keys: str, first: int = 0) -> None:
    """Wait until these rows follow each other, from some row on."""
    condition = f"([panel, first, keys]) => ({ORDER})(panel).slice(first, first + keys.length).join() === keys.join()"
    page.wait_for_function(condition, arg=[panel, first, list(keys)])


def switch(page: Any, panel: str, mode: str) -> None:
    page.click(f"[data-panel={panel}] [data-mode={mode}]")


def test_a_cell_changes_and_pulses_and_nothing_moves(page: Any, server: BoardServer) -> None:
    mount(page, "market")
    quote = cell("market", "MSFT", "quote")
    shown(page, quote, "133.02")
    place = page.locator(quote).bounding_box()
    server.connected("market").send(market_delta(101, 2, 133.5))

    fading = pulsed(page, "MSFT", "quote", "up")
    assert fading["animations"] == 1
    assert (fading["x"], fading["y"], fading["width"]) == (place["x"], place["y"], place["width"])
    shown(page, quote, "133.50")
    raw(page, quote, 133.5)
    assert page.locator(quote).bounding_box() == place
    said(page, "[data-panel=market]", "data-revision", "101")
    counted(page, f"{quote}:not([data-moved])", 1)

    server.connected("market").send(market_delta(102, 2, 131.0))
    pulsed(page, "MSFT", "quote", "down")
    assert not [name for name in page.evaluate("Object.keys(pulses)") if "MSFT" not in name]


def test_with_reduced_motion_only_the_arrow_tells(page: Any, server: BoardServer) -> None:
    page.emulate_media(reduced_motion="reduce")
    mount(page, "market")
    quote = cell("market", "MSFT", "quote")
    shown(page, quote, "133.02")
    server.connected("market").send(market_delta(101, 2, 133.5))

    assert pulsed(page, "MSFT", "quote", "up")["background"] == "rgba(0, 0, 0, 0)"


def test_numbers_have_signs_thousands_and_a_dash_for_what_is_not_known(page: Any) -> None:
    mount(page, "market")
    mount(page, "trades")
    shown(page, cell("market", "JPM", "change"), "−7.73")
    shown(page, cell("market", "MSFT", "change"), "–")
    said(page, cell("market", "MSFT", "change"), "title", "No previous close is known.")
    said(page, cell("market", "MSFT", "change"), "data-raw", "NaN")

    shown(page, cell("trades", "T10001", "market_value"), "–")
    said(page, cell("trades", "T10001", "market_value"), "title", "No quote of AAPL")
    mount(page, "summary")
    page.wait_for_selector(cell("summary", "Total", "cash_delta"))
    page.click("[aria-label='Expand all']")
    shown(page, cell("summary", "Americas › Equity derivatives › Structuring › EQ_STRUCT › MSFT", "actual_pnl"), "0")


def test_the_tree_adds_up_and_says_what_it_leaves_out(page: Any) -> None:
    mount(page, "summary", height=700)
    total = cell("summary", "Total", "cash_delta")
    shown(page, total, "90,000")
    page.click("[aria-label='Expand all']")
    counted(page, "[data-panel=summary] [data-level='5']", 9)
    for name in [*MEASURES, "trades"]:
        leaves = page.eval_on_selector_all(
            f"[data-panel=summary] [data-level='5'] [data-column={name}]", "cells => cells.map((c) => +c.dataset.raw)"
        )
        raw(page, cell("summary", "Total", name), sum(leaves))

    pnl = cell("summary", "Total", "actual_pnl")
    raw(page, pnl, 2700)
    said(page, pnl, "title", re.compile("11 trades without a previous close"))
    counted(page, f"{pnl}.db-marked", 1)
    counted(page, cell("summary", "EMEA", "actual_pnl") + ":not([title])", 1)


def test_filters_are_asked_of_the_server_and_currencies_are_never_mixed(page: Any, server: BoardServer) -> None:
    mount(page, "summary", filters={"statuses": ["Live"], "books": ["EQ_FLOW"]})
    shown(page, cell("summary", "Total", "cash_delta"), "30,000")
    stand(page, "summary", "EMEA", first=1)
    query = server.connected("nodes").query
    assert (query.getlist("status"), query.getlist("book")) == (["Live"], ["EQ_FLOW"])
    mount(page, "summary", filters={"statuses": ["Tentative"], "books": []})
    page.wait_for_selector("[data-panel=summary] .db-message:text('No trades match status Tentative.')")

    mount(page, "summary", filters={"statuses": [], "books": []})
    server.connected("nodes", 3).send(nodes_snapshot(101, book(currencies=("USD", "USD", "EUR"))))
    shown(page, cell("summary", "Total", "cash_delta"), "\N{EN DASH}")
    page.wait_for_selector(cell("summary", "Total", "cash_delta") + "[title*='EUR and USD']")
    raw(page, cell("summary", "Americas", "cash_delta"), 42000)
    raw(page, cell("summary", "Total", "trades"), 99)


def test_numbers_under_another_filter_do_not_pulse_and_the_old_ones_are_dimmed(page: Any, server: BoardServer) -> None:
    panels = ("summary", "figures")
    totals = {"summary": cell("summary", "Total", "cash_delta"), "figures": "[data-figure=cash_delta] .db-card-value"}
    for panel in panels:
        mount(page, panel)
        shown(page, totals[panel], "90,000")
    server.greeting["nodes"] = lambda _: []
    for panel in panels:
        mount(page, panel, filters={"statuses": ["Live"], "books": ["EQ_FLOW"]})
        page.wait_for_selector(f"[data-panel={panel}].db-waiting")
    other = server.connected("nodes", 2)
    other.send(selected_nodes(other))
    for panel in panels:
        shown(page, totals[panel], "30,000")
        page.wait_for_selector(f"[data-panel={panel}]:not(.db-waiting)")
    page.evaluate(TWENTY_FRAMES)
    assert page.evaluate("pulses") == {}
    assert page.locator("[data-figure] .db-card-value[data-moved]").count() == 0
    assert page.evaluate("newcomers") == []


def test_a_paused_panel_is_frozen_and_catches_up_alone(page: Any, server: BoardServer) -> None:
    page.clock.set_fixed_time(MORNING)
    mount(page, "summary", height=700)
    mount(page, "figures", height=76)
    total = cell("summary", "Total", "cash_delta")
    figure = "[data-figure=cash_delta] [data-column=cash_delta]"
    shown(page, total, "90,000")
    switch(page, "summary", "paused")
    server.connected("nodes").send(nodes_delta(107, book(), moved(book(), cash_delta=3000.0)))

    shown(page, figure, "91,000")
    page.click("[aria-label='Expand all']")
    page.click("[data-panel=summary] button:text('Cash delta')")
    leaf = "Americas › Equity derivatives › Vol hedging › EQ_VOL_HED › AAPL"
    raw(page, cell("summary", leaf, "cash_delta"), 2000)
    raw(page, total, 90000)
    shown(page, "[data-panel=summary] .db-note", "paused since 14:32:40 UTC")
    said(page, "[data-panel=summary]", "data-revision", "100")
    assert len(server.to("nodes")) == 1

    switch(page, "summary", "live")
    shown(page, total, "91,000")
    shown(page, "[data-panel=summary] .db-note", "")


def test_a_panel_may_look_every_second(page: Any, server: BoardServer) -> None:
    mount(page, "summary", height=700)
    mount(page, "figures", height=76)
    total = cell("summary", "Total", "cash_delta")
    shown(page, total, "90,000")
    switch(page, "summary", "periodic")
    look_every(page, "summary", 60)
    server.connected("nodes").send(nodes_delta(101, book(), moved(book(), cash_delta=3000.0)))

    shown(page, "[data-figure=cash_delta] [data-column=cash_delta]", "91,000")
    shown(page, total, "90,000")
    look_every(page, "summary", 1)
    shown(page, total, "91,000")
    page.reload()
    page.wait_for_function("window.ready")
    mount(page, "summary")
    said(page, "[data-panel=summary] [data-mode=periodic]", "aria-pressed", "true")
    shown(page, "[data-panel=summary] [data-mode=periodic]", "1 s")


def look_every(page: Any, panel: str, seconds: int) -> None:
    """Choose how often a panel looks that looks every few seconds."""
    switch(page, panel, "periodic")
    page.click(f"[role=menuitemradio]:text-is('{seconds} s')")


def test_a_paused_trades_panel_closes_its_socket_and_resumes_where_it_was(page: Any, server: BoardServer) -> None:
    mount(page, "trades", filters={"statuses": ["Live"], "books": ["EQ_FLOW", "EQ_VOL_HED"]})
    shown(page, cell("trades", "T10003", "market_value"), "3")
    first = server.connected("trades")
    assert first.query.getlist("status") == ["Live"]
    assert first.query.getlist("book") == ["EQ_FLOW", "EQ_VOL_HED"]
    switch(page, "trades", "paused")
    wait_until(lambda: not first.is_open)
    page.wait_for_selector("[data-panel=trades] .db-note:text-is('paused since 14:32:40 UTC')")

    server.greeting["trades"] = lambda _: []
    switch(page, "trades", "periodic")
    second = server.connected("trades", 2)
    assert (second.query["since"], second.query["board"], second.query["pace"]) == ("100", BOARD, "5")
    second.send(wire.encode(header("delta", "trades", 105), {"row": np.array([2.0]), "market_value": np.array([7.0])}))
    shown(page, cell("trades", "T10003", "market_value"), "7")


def test_an_open_branch_stays_open_over_a_snapshot(page: Any, server: BoardServer) -> None:
    mount(page, "summary")
    desk = "Americas › Equity derivatives › Vol hedging"
    page.click(f"[data-panel=summary] [data-row-key='{desk}'] .db-twisty")
    page.wait_for_selector(f"[data-row-key='{desk} › EQ_VOL_HED']")
    before = order(page, "summary")
    server.connected("nodes").send(nodes_snapshot(101, book(scale=2.0)))

    shown(page, cell("summary", "Total", "cash_delta"), "180,000")
    stand(page, "summary", *before)
    said(page, f"[data-row-key='{desk}']", "aria-expanded", "true")
    assert page.evaluate("emitted") == []


def test_the_tree_is_walked_with_the_keyboard(page: Any) -> None:
    mount(page, "summary")
    page.wait_for_selector("[data-row-key='EMEA']")
    page.focus("[role=treegrid]")
    for key in ["ArrowDown", "ArrowDown", "ArrowLeft"]:
        page.keyboard.press(key)
    page.wait_for_selector("[data-row-key='Americas'][aria-expanded=false]")
    stand(page, "summary", "Total", "Americas", "EMEA")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-row-key='Americas › Equity derivatives'][aria-selected=true]")
    assert page.evaluate("emitted.at(-1).value.path") == ["Americas", "Equity derivatives"]


def test_a_sort_stays_put_over_a_tick(page: Any, server: BoardServer) -> None:
    mount(page, "market")
    page.click("[data-panel=market] button:text-is('Last')")
    stand(page, "market", "MSFT", "JPM", "AAPL")
    said(page, "[data-panel=market] [role=columnheader][aria-sort]", "aria-sort", "descending")
    server.connected("market").send(market_delta(101, 0, 500.0))
    shown(page, cell("market", "AAPL", "quote"), "500.00")
    stand(page, "market", "MSFT", "JPM", "AAPL")

    server.connected("market").send(market_snapshot(102, [500.0, 79.9, 133.02]))
    page.wait_for_selector("[data-panel=market][data-revision='102']")
    stand(page, "market", "AAPL", "MSFT", "JPM")
    page.click("[data-panel=market] button:text-is('Last')")
    stand(page, "market", "JPM", "MSFT", "AAPL")


def test_a_click_selects_everywhere_and_tells_python(page: Any, server: BoardServer) -> None:
    page.clock.install(time=MORNING)
    for kind in ["market", "summary", "trades"]:
        mount(page, kind)
        page.wait_for_selector(f"[data-panel={kind}][data-state=ready]")
    page.clock.pause_at(NOON)  # a click is unanswered for seconds at most
    page.click("[data-row-key='MSFT']")
    page.wait_for_selector("[data-row-key='MSFT'][aria-selected=true]")
    assert server.connected("trades", 2).query["ticker"] == "MSFT"
    page.click("[data-row-key='Americas › Equity derivatives'] [data-column=vega_1pt]")
    page.wait_for_selector("[data-row-key='Americas › Equity derivatives'][aria-selected=true]")
    counted(page, "[data-row-key='MSFT'][aria-selected=true]", 0)
    assert server.connected("trades", 3).query["path"] == "Americas\x1fEquity derivatives"
    wait_until(lambda: [connection.is_open for connection in server.to("trades")] == [False, False, True])

    emitted = page.evaluate("emitted")
    assert [(event["key"], event["name"]) for event in emitted] == [("market", "selection"), ("summary", "selection")]
    assert emitted[0]["value"]["ticker"] == "MSFT"
    assert emitted[1]["value"]["path"] == ["Americas", "Equity derivatives"]

    # Python answers with the first click late, then with the second; then it says something of its own.
    mount(page, "summary", selection={"ticker": "MSFT"})
    counted(page, "[data-row-key='MSFT'][aria-selected=true]", 0)
    mount(page, "summary", selection={"path": ["Americas", "Equity derivatives"]})
    mount(page, "summary", selection={"ticker": "JPM"})
    page.wait_for_selector("[data-row-key='JPM'][aria-selected=true]")
    assert len(page.evaluate("emitted")) == 2

    page.click("[data-row-key='JPM']")
    page.wait_for_selector("[data-row-key='JPM'][aria-selected=false]")
    cleared = page.evaluate("emitted.at(-1).value")
    assert "ticker" not in cleared
    assert "path" not in cleared


def test_a_dropped_socket_comes_back_from_its_own_revision(page: Any, server: BoardServer) -> None:
    mount(page, "market")
    shown(page, cell("market", "MSFT", "quote"), "133.02")
    server.connected("market").send(market_delta(117, 2, 134.0))
    shown(page, cell("market", "MSFT", "quote"), "134.00")
    server.greeting["market"] = lambda _: [market_delta(118, 2, 135.0)]
    server.connected("market").drop()

    again = server.connected("market", 2)
    assert (again.query["since"], again.query["board"]) == ("117", BOARD)
    shown(page, cell("market", "MSFT", "quote"), "135.00")

    # A delta for a row that is not there: the panel forgets what it has and asks for everything.
    server.greeting["market"] = lambda _: [market_snapshot(120)]
    again.send(market_delta(119, 99, 1.0))
    assert "since" not in server.connected("market", 3).query
    shown(page, cell("market", "MSFT", "quote"), "133.02")


def test_one_socket_serves_all_the_panels_and_closes_with_the_last(page: Any, server: BoardServer) -> None:
    for kind in ["figures", "summary"]:
        mount(page, kind)
    connection = server.connected("nodes")
    page.wait_for_selector("[data-row-key='Total']")
    page.evaluate("unmountPanel('summary')")
    connection.send(nodes_delta(101, book(), moved(book(), cash_delta=3000.0)))
    shown(page, "[data-figure=cash_delta] [data-column=cash_delta]", "91,000")
    assert connection.is_open
    page.evaluate("unmountPanel('figures')")
    wait_until(lambda: not connection.is_open)
    counted(page, "[data-panel]", 0)
    assert len(server.connections) == 1


def test_ten_thousand_trades_are_one_screen_of_rows(page: Any, server: BoardServer) -> None:
    server.greeting["trades"] = lambda _: [trades_snapshot(20_000)]
    mount(page, "trades")
    page.wait_for_selector("[data-row-key='T10002']")
    assert page.locator("[data-panel=trades] [data-row-key]").count() < 30
    expect(page.locator("[data-panel=trades] .db-subtitle")).to_contain_text("20,000 trades")
    page.evaluate("document.querySelector('[data-panel=trades] .db-scroll').scrollTop = 25 * 15000")
    page.wait_for_selector("[data-row-key='T25001']")
    page.click("[data-panel=trades] button:text-is('Cash delta')")
    page.evaluate("document.querySelector('[data-panel=trades] .db-scroll').scrollTop = 0")
    page.wait_for_selector("[data-row-key='T30000'][aria-rowindex='1']")

    page.fill("[data-panel=trades] input", "t30000")
    page.wait_for_function("document.querySelectorAll('[data-panel=trades] [data-row-key]').length === 1")
    expect(page.locator("[data-panel=trades] .db-subtitle")).to_contain_text("1 of 20,000 trades")
    page.fill("[data-panel=trades] input", "nothing like it")
    page.wait_for_selector(".db-message:text('No trades match “nothing like it”.')")


TWENTY_FRAMES = """() => new Promise((done) => {
  const next = (left) => requestAnimationFrame(() => (left ? next(left - 1) : done()));
  next(20);
})"""


def test_styles_that_come_late_or_never_do_no_harm(page: Any) -> None:
    page.route("**/board.css*", lambda route: route.abort())
    mount(page, "market")
    page.wait_for_selector("[data-panel=market] [data-row-key='MSFT']")
    page.evaluate(TWENTY_FRAMES)
    assert page.locator("[data-panel=market] .db-rows > .db-row").count() < 150


def test_the_figures_compare_with_the_close(page: Any) -> None:
    mount(page, "figures", height=76, filters={"statuses": ["Live"], "books": []})
    shown(page, "[data-figure=market_value] [data-column=market_value]", "36,000")
    shown(page, "[data-figure=market_value] .db-card-change", "+18.0 k\xa0since close")
    shown(page, "[data-figure=actual_pnl] .db-card-change", "without 11 trades")
    shown(page, "[data-figure=theta_1d] [data-column=theta_1d]", "−180,000")


def test_the_status_says_how_it_is(page: Any, server: BoardServer) -> None:
    page.clock.set_fixed_time(MORNING)
    mount(page, "status", height=28, not_included_url="/trades?included=no")
    state = "[data-panel=status] [data-status=state]"
    shown(page, state, "Live")
    shown(page, "[data-status=as_of]", "· as of 14:32:07 UTC, 2020-03-12")
    shown(page, "[data-status=lag]", "0.2 s behind the feed")
    shown(page, "[data-status=revision]", "revision 48,211")
    pill = "[data-status=not_included]"
    shown(page, pill, "7 of 10,000 trades not included")
    said(page, pill, "href", "/trades?included=no")
    said(page, pill, "title", re.compile("3 expired"))

    connection = server.connected("market")
    connection.send(status(feed={"name": "Replay", "state": "ended", "speed": 100, "lag_seconds": None}))
    shown(page, state, "Replay over")
    connection.send(status(store="unreachable"))
    shown(page, state, "Store unreachable")
    connection.send(status())
    shown(page, state, "Live")
    page.clock.set_fixed_time(NOON)
    shown(page, state, "Stale since 08:00:00 UTC")
    said(page, "[data-panel=status]", "data-tone", "warn")
    connection.send(status())
    shown(page, state, "Live")

    server.greeting["market"] = lambda _: []
    connection.drop()
    again = server.connected("market", 2)
    again.send(status())
    shown(page, state, "Live")
    again.drop(4403, "Viewers of another desk only")
    shown(page, state, "Viewers of another desk only")


def test_no_panel_waits_for_what_will_not_come(page: Any, server: BoardServer) -> None:
    page.clock.set_fixed_time(MORNING)
    empty = status(loaded=False, as_of_date=None, latest_as_of_date=None, observed_at=None, trades=0, not_included={})
    for table in ("market", "nodes", "trades"):
        server.greeting[table] = lambda _: [empty]
    for kind in ("status", "market", "summary", "trades", "figures"):
        mount(page, kind)
    words = "There are no quotes yet, so nothing has a value. Upload quotes, or start a feed."
    for kind in ("market", "summary", "trades"):
        page.wait_for_selector(f"[data-panel={kind}][data-state=empty]")
        shown(page, f"[data-panel={kind}] .db-message", words)
        expect(page.locator(f"[data-panel={kind}] .db-skeleton")).to_be_hidden()
    shown(page, "[data-panel=status] [data-status=state]", "No quotes yet")
    shown(page, "[data-figure=cash_delta] .db-card-value", "–")

    server.connected("trades").send(status(loaded=False, as_of_date="2031-02-03"))
    later = f"Nothing is known of 2031-02-03. The newest date is {DAY}: choose it at “As of”."
    shown(page, "[data-panel=trades] .db-message", later)
    server.connected("trades").send(status(loaded=False, store="unreachable"))
    shown(
        page,
        "[data-panel=trades] .db-message",
        "The database does not answer. The numbers come by themselves after that.",
    )
    said(page, "[data-panel=trades]", "data-state", "error")
    server.connected("trades").send(trades_snapshot(3))
    page.wait_for_selector("[data-panel=trades][data-state=ready] [data-row-key=T10003]")
    expect(page.locator("[data-panel=trades] .db-message")).to_be_hidden()


def test_every_panel_says_that_its_numbers_are_old(page: Any, server: BoardServer) -> None:
    for table, first in (("market", market_snapshot()), ("trades", trades_snapshot(3))):
        server.greeting[table] = lambda _, first=first: [first, status()]
    page.clock.set_fixed_time(MORNING)
    for kind in ("market", "trades", "summary"):
        mount(page, kind)
        page.wait_for_selector(f"[data-panel={kind}][data-state=ready]")
        shown(page, f"[data-panel={kind}] .db-note", "")
        server.connected(TABLE_OF.get(kind, kind)).send(status(store="unreachable"))
        shown(page, f"[data-panel={kind}] .db-note", "store unreachable")
        server.connected(TABLE_OF.get(kind, kind)).send(status())
        shown(page, f"[data-panel={kind}] .db-note", "")
    page.clock.set_fixed_time(NOON)
    for kind in ("market", "trades", "summary"):
        shown(page, f"[data-panel={kind}] .db-note", "stale since 08:00:00 UTC")


def test_the_board_follows_the_theme(page: Any) -> None:
    mount(page, "market")
    page.wait_for_selector("[data-panel=market][data-theme=dark]")
    page.evaluate("document.body.style.setProperty('--st-background-color', '#f4f5f7')")
    mount(page, "market")
    page.wait_for_selector("[data-panel=market][data-theme=light]")


TRADE_TEXT = ("trade_id", "book", "underlying", "contract", "exercise_style", "trade_status", "currency", "priced_by")


def trades_delta(
    revision: int, rows: list[dict[str, Any]], ticks: tuple[int, ...] = (), gone: tuple[int, ...] = ()
) -> bytes:
    """Rows with text, then rows of which a number changed, and the ids of those that left."""
    text = {name: wire.dictionary_encoded([row.get(name, "") for row in rows]) for name in TRADE_TEXT} if rows else {}
    ids = [*(row["id"] for row in rows), *ticks]
    columns = {
        "row": np.array(ids, float),
        "market_value": np.array([r.get("value", 5.0) for r in rows] + [9.0] * len(ticks)),
    }
    if rows:
        columns["quantity"] = np.array([row.get("quantity", 1.0) for row in rows] + [1.0] * len(ticks))
    more = {"gone": list(gone)} if gone else {}
    return wire.encode(header("delta", "trades", revision, text=text, text_rows=len(rows), **more), columns)


def new_trade(row: int, trade_id: str, **more: Any) -> dict[str, Any]:
    contract = "JPM Jun 20 60 call"
    return {"id": row, "trade_id": trade_id, "book": "EQ_FLOW", "underlying": "JPM", "contract": contract, **more}


def test_a_new_trade_appears_where_it_belongs_and_stands_out(page: Any, server: BoardServer) -> None:
    mount(page, "trades")
    shown(page, cell("trades", "T10003", "market_value"), "3")
    before = order(page, "trades")
    server.connected("trades").send(trades_delta(101, [new_trade(60, "T10002a")], ticks=(2,)))

    shown(page, cell("trades", "T10002a", "contract"), "JPM Jun 20 60 call")
    page.wait_for_function("newcomers.length")
    stand(page, "trades", *before[:2], "T10002a", before[2])
    shown(page, cell("trades", "T10003", "market_value"), "9")
    expect(page.locator("[data-panel=trades] .db-subtitle")).to_contain_text("61 trades")
    page.wait_for_selector("[data-row-key='T10002a']:not(.db-new)")
    assert page.evaluate("newcomers") == ["T10002a"]

    page.click("[data-panel=trades] button:text-is('Market value')")
    server.connected("trades").send(trades_delta(102, [new_trade(61, "NEW", value=85.2)]))
    page.wait_for_selector("[data-row-key='NEW']")
    stand(page, "trades", "T10060", "T10059", "T10058", "NEW")
    page.fill("[data-panel=trades] input", "new")
    page.wait_for_function("document.querySelectorAll('[data-panel=trades] [data-row-key]').length === 1")
    server.connected("trades").send(trades_delta(103, [new_trade(62, "T7"), new_trade(63, "NEWER")]))
    page.wait_for_selector("[data-row-key='NEWER']")
    stand(page, "trades", "NEW", "NEWER")
    counted(page, "[data-panel=trades] [data-row-key]", 2)


def test_a_trade_leaves_a_filtered_panel_and_comes_back(page: Any, server: BoardServer) -> None:
    mount(page, "trades", filters={"statuses": ["Live"], "books": []})
    shown(page, cell("trades", "T10003", "market_value"), "3")
    server.connected("trades").send(trades_delta(101, [], gone=(2, 999)))
    page.wait_for_selector("[data-row-key='T10003']", state="detached")
    expect(page.locator("[data-panel=trades] .db-subtitle")).to_contain_text("59 trades")

    server.connected("trades").send(trades_delta(102, [new_trade(2, "T10003", value=8.0)]))
    shown(page, cell("trades", "T10003", "market_value"), "8")
    stand(page, "trades", "T10003", first=2)
    assert len(server.to("trades")) == 1


def test_a_row_on_the_screen_stays_there_when_others_come_above_it(page: Any, server: BoardServer) -> None:
    server.greeting["trades"] = lambda _: [trades_snapshot(5000)]
    mount(page, "trades")
    page.wait_for_selector("[data-row-key='T10001']")
    page.evaluate("document.querySelector('[data-panel=trades] .db-scroll').scrollTop = 25 * 1000")
    row = "[data-panel=trades] [data-row-key='T11005']"
    page.wait_for_selector(row)
    place = page.locator(row).bounding_box()
    server.connected("trades").send(trades_delta(101, [new_trade(5000 + i, f"A{i}") for i in range(300)]))
    page.wait_for_selector("[data-panel=trades] .db-subtitle:has-text('5,300 trades')")
    assert page.locator(row).bounding_box() == place


def test_a_reported_row_of_a_known_trade_stands_beside_it(page: Any, server: BoardServer) -> None:
    mount(page, "trades")
    shown(page, cell("trades", "T10003", "market_value"), "3")
    reported = {
        "id": 60,
        "trade_id": "T10003",
        "underlying": "SPX",
        "contract": "SPX, reported",
        "priced_by": "risk file",
    }
    server.connected("trades").send(trades_delta(101, [{**reported, "quantity": math.nan, "value": math.nan}]))
    key = "T10003 › SPX"
    shown(page, cell("trades", key, "contract"), "SPX, reported")
    shown(page, cell("trades", key, "priced_by"), "risk file")
    shown(page, cell("trades", key, "market_value"), "–")
    stand(page, "trades", "T10003", key, first=2)


def test_a_paused_panel_is_not_touched_by_new_rows(page: Any, server: BoardServer) -> None:
    mount(page, "summary", height=700)
    mount(page, "figures", height=76)
    total = cell("summary", "Total", "cash_delta")
    shown(page, total, "90,000")
    switch(page, "summary", "paused")
    more = [*book(), newcomer("APAC")]
    server.connected("nodes").send(nodes_delta(107, book(), more))
    server.connected("nodes").send(nodes_delta(108, more, moved(more, cash_delta=3000.0)))
    shown(page, "[data-figure=cash_delta] [data-column=cash_delta]", "91,007")
    page.click("[aria-label='Expand all']")
    counted(page, "[data-panel=summary] [data-level='5']", 9)
    raw(page, total, 90000)
    counted(page, "[data-row-key='APAC']", 0)
    switch(page, "summary", "live")
    shown(page, total, "91,007")
    page.wait_for_selector("[data-row-key='APAC']")


def test_a_paused_panel_under_another_filter_is_paused_at_its_numbers(page: Any, server: BoardServer) -> None:
    mount(page, "figures", height=76)
    figure = "[data-figure=cash_delta] [data-column=cash_delta]"
    shown(page, figure, "90,000")
    switch(page, "figures", "paused")
    mount(page, "figures", height=76, filters={"statuses": [], "books": ["EQ_FLOW"]})
    shown(page, figure, "48,000")
    flow = book()[6:]
    server.connected("nodes", 2).send(nodes_delta(102, flow, moved(flow, cash_delta=0.0)))
    page.evaluate(TWENTY_FRAMES)
    shown(page, figure, "48,000")
    switch(page, "figures", "live")
    shown(page, figure, "34,000")


def test_the_tree_grows_and_shrinks_with_the_groups(page: Any, server: BoardServer) -> None:
    mount(page, "summary", height=700)
    mount(page, "figures", height=76)
    shown(page, cell("summary", "Total", "cash_delta"), "90,000")
    desk = "EMEA › Equity derivatives › Flow"
    page.click(f"[data-panel=summary] [data-row-key='{desk}'] .db-twisty")
    page.wait_for_selector(f"[data-row-key='{desk} › EQ_FLOW']")
    more = [*book(), newcomer("APAC")]
    server.connected("nodes").send(nodes_delta(101, book(), more))
    page.wait_for_function("newcomers.includes('APAC')")
    shown(page, cell("summary", "Total", "cash_delta"), "90,007")
    shown(page, "[data-figure=cash_delta] [data-column=cash_delta]", "90,007")
    counted(page, f"[data-row-key='{desk} › EQ_FLOW']", 1)  # what is open stays open
    stand(page, "summary", "APAC", first=1)

    server.connected("nodes").send(nodes_delta(102, more, [*book()[:6], newcomer("Moved")]))
    page.wait_for_selector("[data-row-key='Moved']")
    counted(page, "[data-row-key='APAC'], [data-row-key='EMEA']", 0)
    shown(page, cell("summary", "Total", "cash_delta"), "42,007")


def test_a_sum_says_for_how_many_trades_it_is_not_known(page: Any, server: BoardServer) -> None:
    mount(page, "summary", height=700)
    mount(page, "figures", height=76)
    shown(page, cell("summary", "Total", "vega_1pt"), "180,000")
    total = cell("summary", "Total", "vega_1pt")
    counted(page, f"{total}.db-marked", 0)
    lacking = newcomer("APAC", unknown_vega_1pt=2.0, vega_1pt=4.0, trades=5.0)
    server.connected("nodes").send(nodes_delta(101, book(), [*book(), lacking]))
    shown(page, total, "180,004")
    page.wait_for_selector(f"{total}.db-marked")
    said(page, total, "title", "Not known for 2 of its trades: this is the sum of the others.")
    counted(page, cell("summary", "EMEA", "vega_1pt") + ".db-marked", 0)
    page.locator("[data-figure=vega_1pt] .db-card-change").get_by_text("without 2 trades", exact=True).wait_for()


def test_an_underlying_that_is_quoted_for_the_first_time_appears(page: Any, server: BoardServer) -> None:
    mount(page, "market")
    shown(page, cell("market", "MSFT", "quote"), "133.02")
    text = {"ticker": ["KO"], "name": ["Coca-Cola"], "sector": ["Drinks"], "currency": ["USD"]}
    columns = {"row": np.array([3.0]), "quote": np.array([47.5]), "observed_ms": np.array([1584038000000.0])}
    server.connected("market").send(wire.encode(header("delta", "market", 101, text=text), columns))
    shown(page, cell("market", "KO", "quote"), "47.50")
    stand(page, "market", "AAPL", "JPM", "KO", "MSFT")


def test_the_status_links_to_what_was_set_aside_and_names_all_feeds(page: Any, server: BoardServer) -> None:
    page.clock.set_fixed_time(MORNING)
    feeds = [
        {"name": "kafka", "state": "playing", "speed": None, "lag_seconds": 3.0, "detail": "12 messages behind"},
        {"name": "replay", "state": "paused", "speed": 100, "lag_seconds": None, "detail": ""},
    ]
    mount(page, "status", height=28, not_included_url="/not-included")
    pill = "[data-status=dead_letters]"
    shown(page, "[data-panel=status] [data-status=state]", "Live")
    expect(page.locator(pill)).to_be_hidden()
    server.connected("market").send(status(dead_letters=3, feed=feeds[0], feeds=feeds))
    shown(page, pill, "3 messages set aside")
    expect(page.locator(pill)).to_be_visible()
    said(page, pill, "href", "/not-included")
    feeds_told = re.compile(r"kafka: playing, 3\.0 s behind \(12 messages behind\)\nreplay: paused")
    said(page, "[data-status=state]", "title", feeds_told)
    shown(page, "[data-status=lag]", "3.0 s behind the feed")


def test_a_date_after_the_last_quotes_says_so(page: Any, server: BoardServer) -> None:
    page.clock.set_fixed_time(MORNING)
    server.greeting["market"] = lambda _: [
        market_snapshot(),
        status(as_of_date="2020-07-09", observed_at=None, revision=200),
    ]
    mount(page, "status", height=28, as_of="2020-07-09")
    shown(page, "[data-panel=status] [data-status=state]", "Later day")
    shown(page, "[data-status=as_of]", "· as of 2020-07-09")
