"""``kill -9`` at each point of a batch: whatever dies and is started again leaves what an undisturbed run leaves."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from ingestion.sidecar.replay import read_ticks
from services.access.permissions import OPERATOR
from services.pricing.pricing_state import PricingState
from services.writes.control_feed import set_feed_speed
from storage.connection.settings import ROOT
from storage.core.database import Store
from storage.feeds.feeds import REPLAY, FeedState, read_feed
from tests.fixtures.databases import DATABASES, Templates, load_demo_book, server_of, wait_for
from tests.fixtures.small_book import load_small_book
from tests.fixtures.store_contents import contents
from tests.fixtures.ticks import demo_part
from tests.ingestion.crash_points import CrashPoint
from tests.ingestion.crashing import (
    IS_COMMITTED,
    OF_EVERY_FEED,
    Commands,
    commands,
    crash_at,
    url_of,
    wait_until,
)
from tests.ingestion.running import feed_of, play_to_the_end

__all__ = ["commands"]

RANDOM_KILLS = {"sqlite": 2, "postgresql": 1}
DAYS, EVERY = 2, 3
ROWS_A_BATCH, PASSAGE = 30, 3
NO_QUOTE_EVER_ENDS = (
    "CREATE TRIGGER never_ends BEFORE INSERT ON quotes BEGIN SELECT (WITH RECURSIVE numbers(n) AS "
    "(SELECT 1 UNION ALL SELECT n + 1 FROM numbers) SELECT count(*) FROM numbers); END"
)
"""Whoever writes a quote to SQLite is at it until it is killed."""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is neither fork nor kill -9")


@pytest.fixture(scope="module")
def ticks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_part(tmp_path_factory.mktemp("ticks") / "ticks.csv", days=DAYS, every=EVERY)


def load_book(store: Store) -> None:
    load_small_book(store, PricingState())


@pytest.fixture(params=DATABASES)
def book_store(request: pytest.FixtureRequest, templates: Templates) -> Iterator[Store]:
    """A store with the small book, on each database in turn."""
    opened = Store(templates.copy(request.param, "small_book", load_book, server_of(request)))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def undisturbed(templates: Templates, ticks: Path) -> dict[str, str]:
    """What one whole run leaves, on whichever database."""
    store = Store(templates.copy("sqlite", "small_book", load_book, None))
    play_to_the_end(store, read_ticks(ticks))
    found = contents(store)
    store.close()
    return found


def row_of(store: Store) -> int:
    """How far the replay is; 0 when it has not begun."""
    with store.read() as connection:
        feed = read_feed(connection, REPLAY)
    return int(feed.cursor.get("row", 0)) if feed is not None else 0


def last_row(ticks: Path) -> int:
    return len(ticks.read_text().splitlines()) - 1


@pytest.mark.parametrize("point", OF_EVERY_FEED)
def test_a_sidecar_that_dies_at_a_point_leaves_what_an_undisturbed_run_leaves(
    commands: Commands,
    book_store: Store,
    ticks: Path,
    undisturbed: dict[str, str],
    tmp_path: Path,
    point: CrashPoint,
) -> None:
    command = ["replay", str(ticks), "--speed", "max"]
    death = crash_at(commands, book_store, point, PASSAGE, tmp_path, *command)
    death.check()
    batches = PASSAGE if point in IS_COMMITTED else PASSAGE - 1
    assert 0 < row_of(book_store) == batches * ROWS_A_BATCH < last_row(ticks)
    commands.start(url_of(book_store), *command, "--once")
    assert commands.exit_code() == 0, "the next one is let in at once"
    assert feed_of(book_store).state == FeedState.ENDED
    assert contents(book_store) == undisturbed


def test_a_sidecar_killed_at_random_leaves_what_an_undisturbed_run_leaves(
    commands: Commands,
    book_store: Store,
    ticks: Path,
    undisturbed: dict[str, str],
    chance: random.Random,
    many: int,
) -> None:
    """One is killed soon after its start, the others a moment after they have come some way. None ends by itself."""
    kills = RANDOM_KILLS[book_store.dialect] * many
    for attempt in range(kills):
        sidecar = commands.start(url_of(book_store), "replay", str(ticks), "--speed", "max")
        some_way = last_row(ticks) * attempt // (kills + 1)
        wait_until(lambda way=some_way: row_of(book_store) >= way, f"row {some_way}")  # type: ignore[misc]
        time.sleep(chance.uniform(0.0, 0.03 if attempt else 0.25))
        os.kill(sidecar, signal.SIGKILL)
        assert commands.exit_code() == -signal.SIGKILL
    commands.start(url_of(book_store), "replay", str(ticks), "--speed", "max", "--once")
    assert commands.exit_code() == 0
    assert contents(book_store) == undisturbed


def test_the_command_itself_killed_and_started_again(
    templates: Templates, ticks: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    """Each is a process of its own from its first import on, and the second ends by a signal."""
    store = Store(templates.copy("sqlite", "small_book", load_book, None))
    environment = {**os.environ, "DATABASE_URL": url_of(store)}
    aimed = ["tests.ingestion.crash_points", CrashPoint.BEFORE_COMMIT, str(PASSAGE), str(tmp_path / "words"), "--"]
    command = [sys.executable, "-m", *aimed, "replay", str(ticks), "--speed", "max"]
    first = subprocess.run(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    assert first.returncode == -signal.SIGKILL
    assert row_of(store) == (PASSAGE - 1) * ROWS_A_BATCH
    command = [sys.executable, "-m", "ingestion", "replay", str(ticks), "--speed", "0.001"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as second:
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
