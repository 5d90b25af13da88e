"""``kill -9`` at any moment: whatever is killed and started again leaves what an undisturbed run leaves."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from ingestion.replay import read_ticks
from services.control_feed import restart_feed, set_feed_speed
from services.permissions import OPERATOR
from storage.database import Store
from storage.feeds import REPLAY, FeedState
from storage.settings import ROOT
from tests.databases import Templates, load_demo_book, wait_for
from tests.ingestion.running import feed_of, play_to_the_end
from tests.store_contents import contents
from tests.ticks import demo_part

KILLS = {"sqlite": 14, "postgresql": 5}
DAYS, EVERY = 2, 3
NO_QUOTE_EVER_ENDS = (
    "CREATE TRIGGER never_ends BEFORE INSERT ON quotes BEGIN SELECT (WITH RECURSIVE numbers(n) AS "
    "(SELECT 1 UNION ALL SELECT n + 1 FROM numbers) SELECT count(*) FROM numbers); END"
)
"""Whoever writes a quote to SQLite is at it until it is killed."""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is neither fork nor kill -9")


class Commands:
    """Runs commands one after the other; see ``forking``."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.ingestion.forking"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def start(self, url: str, *arguments: str) -> int:
        """Start ``python -m ingestion`` with these arguments; returns its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([url, *arguments]) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def exit_code(self) -> int:
        """Wait for the end of what was started."""
        return self._answer()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands]:
    running = Commands()
    yield running
    running.close()


@pytest.fixture(scope="module")
def ticks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_part(tmp_path_factory.mktemp("ticks") / "ticks.csv", days=DAYS, every=EVERY)


@pytest.fixture(scope="module")
def undisturbed(templates: Templates, ticks: Path) -> dict[str, str]:
    """What one whole run leaves, on whichever database."""
    store = Store(templates.copy("sqlite", "demo", load_demo_book, None))
    play_to_the_end(store, read_ticks(ticks))
    found = contents(store)
    store.close()
    return found


def url_of(store: Store) -> str:
    return store.url.render_as_string(hide_password=False)


def place_of(store: Store) -> tuple[int, int]:
    """How often the replay was started again, and how far it is; 0 when it has not begun."""
    try:
        cursor = feed_of(store).cursor
    except AssertionError:
        return 0, 0
    return int(cursor.get("restarts", 0)), int(cursor.get("row", 0))


def row_of(store: Store) -> int:
    return place_of(store)[1]


def test_a_sidecar_killed_at_random_leaves_what_an_undisturbed_run_leaves(
    commands: Commands, demo_store: Store, ticks: Path, undisturbed: dict[str, str]
) -> None:
    """Some are killed soon after their start, the others a moment after they have come some way.

    A sidecar may be at the end before it is killed; then the replay begins again, until enough were killed in the
    middle. None ends by itself.
    """
    chance, store = random.Random(20200309), demo_store
    kills, last = KILLS[store.dialect], len(ticks.read_text().splitlines()) - 1
    middle: set[int] = set()
    attempt = restarts = 0
    while attempt < kills or len(middle) <= kills // 4:
        sidecar = commands.start(url_of(store), "replay", str(ticks), "--speed", "max")
        some_way = (restarts, last * (attempt % kills) // (kills + 1)) if attempt % 3 else (0, 0)
        wait_until(lambda way=some_way: place_of(store) >= way, f"the place {some_way}")  # type: ignore[misc]
        time.sleep(chance.uniform(0.0, 0.03 if attempt % 3 else 0.25))
        os.kill(sidecar, signal.SIGKILL)
        assert commands.exit_code() == -signal.SIGKILL
        attempt += 1
        row = row_of(store)
        if 0 < row < last:
            middle.add(row)
        if place_of(store) == (restarts, last):
            restart_feed(store, OPERATOR, REPLAY)
            restarts += 1
    commands.start(url_of(store), "replay", str(ticks), "--speed", "max", "--once")
    assert commands.exit_code() == 0, "the next one is let in at once"
    assert feed_of(store).state == FeedState.ENDED
    assert contents(store) == undisturbed


def wait_until(condition: Callable[[], object], what: str) -> None:
    """As ``wait_for``, but looking all the time."""
    wait_for(condition, 120, what, pause=0.0005)


def test_the_command_itself_killed_and_started_again(
    sqlite_demo_url: str, ticks: Path, undisturbed: dict[str, str]
) -> None:
    store = Store(sqlite_demo_url)
    command = [sys.executable, "-m", "ingestion", "replay", str(ticks)]
    environment = {**os.environ, "DATABASE_URL": url_of(store)}
    with subprocess.Popen([*command, "--speed", "600"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as first:
        wait_for(lambda: row_of(store) > 3, 120, "the first ticks")
        first.kill()
    assert row_of(store) < len(ticks.read_text().splitlines()) - 1
    with subprocess.Popen(
        [*command, "--speed", "0.001"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
    ) as second:
        wait_for(lambda: feed_of(store).process_id == second.pid, 120, "the second to be let in")
        set_feed_speed(store, OPERATOR, REPLAY, None)
        wait_for(lambda: feed_of(store).state == FeedState.ENDED, 120, "the end of the replay")
        second.terminate()
        assert second.wait(120) == 0
    assert contents(store) == undisturbed
    store.close()


def test_a_demo_whose_loading_was_cut_short_is_loaded_again(commands: Commands, templates: Templates) -> None:
    """It is killed once when it has trades and no quotes: such a store must not count as filled."""
    url = templates.copy("sqlite", "empty", lambda _: None, None)
    whole = Store(templates.copy("sqlite", "demo", load_demo_book, None))
    store = Store(url)
    with store.bookkeeping() as connection:
        connection.execute(text(NO_QUOTE_EVER_ENDS))
    demo = commands.start(url, "demo")
    wait_until(lambda: _revision(store) == 4, "the trades")
    os.kill(demo, signal.SIGKILL)
    assert commands.exit_code() == -signal.SIGKILL
    assert contents(store) != contents(whole)
    with store.bookkeeping() as connection:
        connection.execute(text("DROP TRIGGER never_ends"))
    commands.start(url, "demo")
    assert commands.exit_code() == 0
    assert contents(store) == contents(whole)
    store.close()
    whole.close()


def _revision(store: Store) -> int:
    with store.read() as connection:
        return store.revisions(connection).revision
