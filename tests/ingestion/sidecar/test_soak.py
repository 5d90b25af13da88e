"""A soak: for as long as ``--soak-minutes`` says a sidecar plays a replay again and again, and a board follows.

Every round leaves the same, the board is what a fresh one is, and neither memory nor open files grow with the rounds.
"""

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from live.boards.board import Board, load_board
from live.serving.hub import Hub
from services.access.permissions import OPERATOR
from services.writes.control_feed import restart_feed
from storage.connection.settings import ROOT
from storage.core.database import Store
from storage.feeds.feeds import REPLAY, read_feed
from tests.fixtures.databases import wait_for
from tests.fixtures.store_contents import contents
from tests.fixtures.ticks import demo_part
from tests.live.board_contents import contents as shown
from tests.live.changes import hub_of

WARM_UP_ROUNDS = 3
"""After these, whatever is kept for good is there."""
MORE_MEMORY, MORE_FILES = 1.25, 4

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(0),  # it lasts as long as is asked for
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="memory and files are read from /proc"),
]


def megabytes(process_id: int) -> float:
    lines = Path(f"/proc/{process_id}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def open_files(process_id: int) -> int:
    return len(os.listdir(f"/proc/{process_id}/fd"))  # noqa: PTH208


def values(board: Board) -> dict[str, Any]:
    """What a board shows but for the points of the day: of many quotes in a batch the change log has the last."""
    return {name: value for name, value in shown(board).items() if name != "market"}


def has_ended(store: Store, rounds: int, rows: int) -> bool:
    """Whether the replay has been played to its end so many times."""
    with store.read() as connection:
        feed = read_feed(connection, REPLAY)
    return feed is not None and feed.cursor.get("row") == rows and feed.cursor.get("restarts", 0) == rounds - 1


def follows_to_the_end(hub: Hub, store: Store, rounds: int, rows: int) -> bool:
    hub.follow()
    return has_ended(store, rounds, rows)


def test_round_after_round_is_the_same(small_store: Store, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    ticks = demo_part(tmp_path / "ticks.csv", days=3, every=5)
    rows = len(ticks.read_text(encoding="utf-8").splitlines()) - 1
    ends = time.monotonic() + 60 * request.config.getoption("--soak-minutes") / 2  # each database has half of it
    command = [sys.executable, "-m", "ingestion", "replay", str(ticks), "--speed", "max"]
    url = small_store.url.render_as_string(hide_password=False)
    log = (tmp_path / "log").open("w")
    environment = {**os.environ, "DATABASE_URL": url}
    with log, hub_of(small_store) as hub, subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log) as sidecar:
        try:
            rounds, first = 0, contents(small_store)
            now = at_first = (0.0, 0)
            while rounds <= WARM_UP_ROUNDS or time.monotonic() < ends:
                rounds += 1
                wait_for(partial(follows_to_the_end, hub, small_store, rounds, rows), 600, f"the end of round {rounds}")
                found = contents(small_store)
                first = first if rounds > 1 else found
                assert found == first, f"round {rounds} left something else"
                hub.follow()
                with small_store.read() as connection:
                    assert hub.latest is not None
                    fresh = load_board(connection, hub.latest, small_store.revisions(connection))
                board = hub.boards.get(hub.latest)
                assert board is not None
                assert values(board) == values(fresh), f"after round {rounds}"
                both = (sidecar.pid, os.getpid())
                now = (sum(map(megabytes, both)), sum(map(open_files, both)))
                at_first = now if rounds == WARM_UP_ROUNDS else at_first
                restart_feed(small_store, OPERATOR, REPLAY)
        finally:
            sidecar.terminate()
        assert sidecar.wait(120) == 0
    assert rounds > WARM_UP_ROUNDS
    assert now[0] <= at_first[0] * MORE_MEMORY, f"memory: {at_first[0]:.0f} MB, after {rounds} rounds {now[0]:.0f}"
    assert now[1] <= at_first[1] + MORE_FILES, f"open files: {at_first[1]}, after {rounds} rounds {now[1]}"
