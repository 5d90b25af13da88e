"""The replay as a person steers it from the board: pause, resume, and start again when it is over."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.core.database import Store
from storage.people.audit import read_audit
from tests.board.running import READY, ROOT, RunningBoard, running_board, wait_for_revision
from tests.fixtures.databases import Templates, load_demo_book, wait_for
from tests.ingestion.running import feed_of

pytestmark = pytest.mark.browser
LONG = 60_000
PATIENT = {"DELTABOARD_SIDECAR_SILENCE_SECONDS": "120"}
"""A sidecar that a busy machine keeps from giving a sign of life is not gone."""
STEERED = ("restart feed", "set feed speed", "set feed speed", "resume feed", "pause feed")
"""What the test does, the last first."""
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"


@pytest.fixture
def board(templates: Templates, tmp_path: Path) -> Iterator[RunningBoard]:
    url = templates.copy("sqlite", "demo", load_demo_book, None)
    with running_board(url, tmp_path / "web.log", **PATIENT) as running:
        yield running


@pytest.fixture
def short_ticks(tmp_path: Path) -> Path:
    """The first three hours of the demo's ticks: three minutes, at the speed of the test."""
    lines = (ROOT / "data" / "stock_price_tick_data.csv").read_text().splitlines(keepends=True)
    path = tmp_path / "ticks.csv"
    path.write_text("".join(lines[:181]))
    return path


def wait_for_state(page: Any, words: str) -> None:
    page.wait_for_function(
        "(words) => document.querySelector('[data-status=state]')?.innerText === words", arg=words, timeout=LONG
    )


def press(page: Any, button: str) -> None:
    """Open the replay's menu on a page that has just loaded, and press one of its buttons."""
    page.reload()
    page.wait_for_selector(READY, timeout=LONG)
    page.wait_for_selector(IDLE, timeout=LONG)
    page.locator(".st-key-replay_popover button").first.click()
    page.locator(button).first.click()


def revision_of(store: Store) -> int:
    with store.read() as connection:
        return store.revisions(connection).revision


def test_the_replay_is_paused_resumed_and_started_again(
    chromium: Any, board: RunningBoard, short_ticks: Path, tmp_path: Path
) -> None:
    page = chromium.new_page(viewport={"width": 1600, "height": 1100})
    page.set_default_timeout(LONG)
    page.goto(f"{board.address}/?person=Max")
    environment = {**os.environ, "DATABASE_URL": str(board.store.url), **PATIENT}
    command = [sys.executable, "-m", "ingestion", "replay", str(short_ticks), "--speed", "60"]
    with (tmp_path / "sidecar.log").open("w") as log:
        sidecar = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            wait_for_state(page, "Live")
            press(page, ".st-key-replay_pause button")
            wait_for_state(page, "Paused")
            paused_at = feed_of(board.store).cursor
            wait_for_revision(page, "market", revision_of(board.store))
            quotes = page.locator("[data-panel=market] [data-column=quote]").all_inner_texts()
            for _ in range(3):  # it has looked whether to go on, and said that it lives
                seen = feed_of(board.store).seen_at
                wait_for(lambda seen=seen: feed_of(board.store).seen_at != seen, 60, "a sign of life")  # type: ignore[misc]
            assert feed_of(board.store).cursor == paused_at
            assert page.locator("[data-panel=market] [data-column=quote]").all_inner_texts() == quotes
            press(page, ".st-key-replay_pause button")
            wait_for_state(page, "Live")
            press(page, ".st-key-replay_speed button:has-text('max')")
            wait_for_state(page, "Replay over")
            press(page, ".st-key-replay_speed button:has-text('10×')")
            wait_for(lambda: feed_of(board.store).wanted_speed == 10.0, 60, "the speed")  # or a reload drops the click
            press(page, ".st-key-replay_restart button")
            page.locator(".st-key-replay_restart_confirm button").click()
            wait_for_state(page, "Live")
            with board.store.read() as connection:
                told = [(stored.entry.user_name, stored.entry.action) for stored in read_audit(connection)]
            assert told == [("Max", what) for what in STEERED]
        finally:
            sidecar.terminate()
            sidecar.wait(60)
    wait_for_state(page, "No feed")
    page.close()
