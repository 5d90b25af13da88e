"""The sidecar in the process of the tests: who may run it, how it is steered, and what it survives."""

import random
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select
from structlog.testing import capture_logs

from ingestion.sidecar.replay import TickRow, read_ticks
from ingestion.sidecar.runner import Sidecar
from ingestion.sidecar.sidecar_process import is_gone, this_host
from services.access.permissions import OPERATOR, User
from services.pricing.pricing_state import PricingState
from services.writes.control_feed import UnknownFeed, pause_feed, restart_feed, resume_feed, set_feed_speed
from storage.core.database import Store
from storage.core.known_at import holds
from storage.core.schema import quote_versions, store_state
from storage.feeds.feeds import REPLAY, FeedLost, FeedState, FeedTaken, Holder, claim_feed, leave_feed
from storage.market.quote_history import received_quotes
from tests.fixtures.applying import apply_quotes
from tests.fixtures.databases import PostgresServer, Templates, load_demo_book, wait_for
from tests.fixtures.small_book import MONDAY, load_small_book, quote
from tests.fixtures.store_contents import contents
from tests.fixtures.ticks import DEMO_TICKS, demo_part
from tests.ingestion.running import Running, feed_of, play_to_the_end, replay_sidecar, take_over
from tests.launch.real_processes import SLEEP, python

A_MINUTE_A_SECOND = 60.0
FRIDAY = date(2020, 3, 6)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[TickRow]:
    """Every fourth minute of two days."""
    return read_ticks(demo_part(tmp_path_factory.mktemp("ticks") / "ticks.csv", days=2, every=4))


@pytest.fixture(scope="module")
def many_rows() -> list[TickRow]:
    """Every minute of the fortnight: at a minute a thirtieth of a second nobody is at the end within two minutes."""
    return read_ticks(DEMO_TICKS)


def revision(store: Store) -> int:
    with store.read() as connection:
        return int(connection.execute(select(store_state.c.revision)).scalar_one())


def sidecar(store: Store, rows: list[TickRow], speed: float | None = None) -> Sidecar:
    return replay_sidecar(store, rows, speed=speed, once=True)


class TestControl:
    def test_a_paused_sidecar_stands_still_and_says_so_until_it_resumes(
        self, small_store: Store, many_rows: list[TickRow]
    ) -> None:
        with Running(small_store, many_rows, speed=30 * A_MINUTE_A_SECOND) as running:
            running.wait_for_row(2)
            pause_feed(small_store, OPERATOR, REPLAY)
            running.wait_for_state(FeedState.PAUSED)
            stood, at = running.row, revision(small_store)
            running.wait_for_signs_of_life(2)
            assert (running.row, revision(small_store)) == (stood, at)
            resume_feed(small_store, OPERATOR, REPLAY)
            running.wait_for_row(stood + 2)
            assert feed_of(small_store).wanted_state == FeedState.PLAYING

    def test_a_new_speed_reaches_a_running_sidecar(self, small_store: Store, rows: list[TickRow]) -> None:
        with Running(small_store, rows, speed=0.001) as running:
            running.wait_for_row(1)
            set_feed_speed(small_store, OPERATOR, REPLAY, None)
            running.wait_for_state(FeedState.ENDED)
            assert feed_of(small_store).speed is None

    def test_a_restart_brings_the_store_back_to_an_equal_run(self, small_store: Store, rows: list[TickRow]) -> None:
        with Running(small_store, rows) as running:
            running.wait_for_state(FeedState.ENDED)
            once = contents(small_store)
            restart_feed(small_store, OPERATOR, REPLAY)
            wait_for(lambda: feed_of(small_store).cursor.get("restarts") == 1, 60, "the restart")
            running.wait_for_row(len(rows))
            assert contents(small_store) == once

    def test_a_restart_in_the_middle_of_a_pause_plays(self, small_store: Store, many_rows: list[TickRow]) -> None:
        with Running(small_store, many_rows, speed=30 * A_MINUTE_A_SECOND) as running:
            running.wait_for_row(3)
            pause_feed(small_store, OPERATOR, REPLAY)
            running.wait_for_state(FeedState.PAUSED)
            restart_feed(small_store, OPERATOR, REPLAY)
            wait_for(lambda: feed_of(small_store).cursor.get("restarts") == 1, 60, "the restart")
            running.wait_for_state(FeedState.PLAYING)
            running.wait_for_row(2)

    def test_a_wish_made_while_nothing_ran_is_obeyed_later(self, small_store: Store, rows: list[TickRow]) -> None:
        play_to_the_end(small_store, rows)
        once, late = contents(small_store), feed_of(small_store).late_quotes
        restart_feed(small_store, OPERATOR, REPLAY)
        play_to_the_end(small_store, rows)
        assert feed_of(small_store).cursor["restarts"] == 1
        assert contents(small_store) == once
        assert feed_of(small_store).late_quotes == late, "the second time everything is new again"

    def test_a_restart_takes_off_the_replay_and_nothing_else(
        self, store: Store, state: PricingState, rows: list[TickRow]
    ) -> None:
        load_small_book(store, state)
        apply_quotes(store, state, [quote("AAPL", 72.0, day=FRIDAY), quote("MSFT", 161.0, day=FRIDAY)], source="test")
        friday = contents(store, before=MONDAY)
        apply_quotes(store, state, [quote("OXY", 12.0)], source="test")
        play_to_the_end(store, rows[:30])
        restart_feed(store, OPERATOR, REPLAY)
        play_to_the_end(store, rows[:1])
        assert contents(store, before=MONDAY) == friday
        with store.read() as connection:
            left = connection.execute(
                select(quote_versions.c.instrument).where(quote_versions.c.as_of_date == MONDAY, holds(quote_versions))
            )
            instruments = list(left.scalars())
        assert "OXY" in instruments, "it came from elsewhere"
        assert len(instruments) == 1 + len(rows[0].quotes)

    def test_a_sidecar_forgets_quotes_as_the_setting_says(
        self, small_store: Store, rows: list[TickRow], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def kept(day: date) -> list[str]:
            with small_store.read() as connection:
                return sorted(each.instrument for each in received_quotes(connection, day))

        play_to_the_end(small_store, rows)
        first, last = rows[0].as_of_date, rows[-1].as_of_date
        before, instruments = kept(last), sorted(set(kept(first)))
        assert len(kept(first)) > len(instruments)
        monkeypatch.setenv("DELTABOARD_QUOTE_DAYS", "0")
        play_to_the_end(small_store, rows)
        assert (kept(first), kept(last)) == (instruments, before)

    @pytest.mark.parametrize("control", [pause_feed, resume_feed, restart_feed])
    def test_a_feed_that_never_ran_cannot_be_steered(
        self, store: Store, control: Callable[[Store, User, str], None]
    ) -> None:
        with pytest.raises(UnknownFeed, match="knows no feed replay"):
            control(store, OPERATOR, REPLAY)

    def test_a_speed_must_be_above_zero(self, store: Store) -> None:
        with pytest.raises(ValueError, match="above 0"):
            set_feed_speed(store, OPERATOR, REPLAY, 0.0)


class TestOwner:
    def test_a_second_is_refused_while_the_first_is_alive(self, small_store: Store, rows: list[TickRow]) -> None:
        with Running(small_store, rows, speed=0.001), pytest.raises(FeedTaken, match="already runs replay"):
            sidecar(small_store, rows)

    def test_a_sidecar_that_ended_makes_room_at_once(self, small_store: Store, rows: list[TickRow]) -> None:
        play_to_the_end(small_store, rows)
        assert feed_of(small_store).state == FeedState.ENDED
        play_to_the_end(small_store, rows)
        with Running(small_store, rows):
            pass
        with Running(small_store, rows):
            pass

    def test_a_sidecar_that_ended_leaves_word(self, small_store: Store, rows: list[TickRow]) -> None:
        with Running(small_store, rows, speed=0.001) as running:
            running.wait_for_row(1)
        left = feed_of(small_store)
        assert (left.state, left.owner, left.lag_seconds) == (FeedState.STOPPED, None, None)
        assert left.detail == f"tick row 1 of {len(rows)}"
        assert not left.alive(datetime.now(UTC), 10.0)

    @pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="a process cannot be asked here")
    @pytest.mark.parametrize("reaped", [True, False])
    def test_who_starts_again_after_a_crash_on_this_machine_need_not_wait(
        self, small_store: Store, rows: list[TickRow], reaped: bool
    ) -> None:
        with subprocess.Popen(python(SLEEP), stdout=subprocess.PIPE) as process:
            self._claimed_by(small_store, process.pid, this_host())
            with pytest.raises(FeedTaken, match=f"process {process.pid} on "):
                sidecar(small_store, rows)
            process.kill()
            if reaped:
                process.wait()
            wait_for(lambda: is_gone(feed_of(small_store)), 60, "the death of the process")
            sidecar(small_store, rows)

    def test_a_sidecar_of_another_machine_is_waited_for(self, small_store: Store, rows: list[TickRow]) -> None:
        self._claimed_by(small_store, 999_999_999, "elsewhere 0123456789ab")
        with pytest.raises(FeedTaken, match=r"process 999999999 on elsewhere\) already runs"):
            sidecar(small_store, rows)
        self._claimed_by(small_store, 999_999_999, "elsewhere 0123456789ab", seconds_ago=11.0)
        sidecar(small_store, rows)

    def test_of_several_that_claim_at_once_one_wins(self, store: Store, rows: list[TickRow]) -> None:
        """The first time nobody knows the feed, then somebody has left it."""
        for _ in range(5):
            refused: list[FeedTaken] = []
            together = threading.Barrier(4)

            def claim(refused: list[FeedTaken] = refused, together: threading.Barrier = together) -> None:
                together.wait()
                try:
                    sidecar(store, rows)
                except FeedTaken as taken:
                    refused.append(taken)

            threads = [threading.Thread(target=claim) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(refused) == 3
            with store.bookkeeping() as connection:
                winner = Holder(REPLAY, feed_of(store).owner or "")
                leave_feed(connection, winner, datetime.now(UTC), FeedState.STOPPED, "")

    def test_one_that_was_fenced_off_writes_nothing(self, small_store: Store, rows: list[TickRow]) -> None:
        fenced = sidecar(small_store, rows)
        take_over(small_store)
        before = contents(small_store, with_revision=True)
        with pytest.raises(FeedLost):
            fenced.run(threading.Event())
        assert contents(small_store, with_revision=True) == before
        assert feed_of(small_store).owner == "another", "nor does it give away what is not its own"

    def test_one_that_is_fenced_off_while_it_plays_stops(self, small_store: Store, many_rows: list[TickRow]) -> None:
        with Running(small_store, many_rows, speed=30 * A_MINUTE_A_SECOND) as running:
            running.wait_for_row(2)
            take_over(small_store)
            before, at = contents(small_store, with_revision=True), feed_of(small_store)
            assert isinstance(running.wait_for_fault(), FeedLost)
        assert contents(small_store, with_revision=True) == before
        assert feed_of(small_store) == at

    def test_one_that_leaves_late_takes_nothing_from_its_successor(
        self, small_store: Store, rows: list[TickRow]
    ) -> None:
        sidecar(small_store, rows)
        first = Holder(REPLAY, feed_of(small_store).owner or "")
        take_over(small_store)
        at = feed_of(small_store)
        with small_store.bookkeeping() as connection:
            leave_feed(connection, first, datetime.now(UTC), FeedState.STOPPED, "")
        assert feed_of(small_store) == at

    @staticmethod
    def _claimed_by(store: Store, process_id: int, host: str, seconds_ago: float = 0.0) -> None:
        at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        with store.bookkeeping() as connection:
            claim_feed(connection, REPLAY, "it", process_id, at, 10.0, None, host=host, is_gone=lambda _: True)


@pytest.fixture(scope="module")
def undisturbed(postgresql: PostgresServer, templates: Templates, rows: list[TickRow]) -> dict[str, str]:
    """What a run leaves in a database that is always there."""
    store = Store(templates.copy("postgresql", "demo", load_demo_book, postgresql))
    play_to_the_end(store, rows)
    found = contents(store)
    store.close()
    return found


def warnings(logs: Sequence[Mapping[str, object]]) -> int:
    return sum(entry["log_level"] == "warning" for entry in logs)


@pytest.mark.postgres
class TestDatabaseAway:
    @pytest.fixture
    def board(self, postgresql: PostgresServer, templates: Templates) -> Iterator[Store]:
        opened = Store(templates.copy("postgresql", "demo", load_demo_book, postgresql))
        yield opened
        opened.close()

    def test_a_sidecar_waits_for_its_database_and_loses_nothing(
        self, board: Store, undisturbed: dict[str, str], postgresql: PostgresServer, rows: list[TickRow]
    ) -> None:
        with capture_logs() as logs, Running(board, rows, speed=60 * A_MINUTE_A_SECOND) as running:
            running.wait_for_row(10)
            postgresql.stop()
            try:
                wait_for(lambda: warnings(logs) >= 2, 120, "two attempts")
            finally:
                postgresql.start()
            set_feed_speed(board, OPERATOR, REPLAY, None)
            running.wait_for_state(FeedState.ENDED)
        waits = [entry["again_in_seconds"] for entry in logs if entry["log_level"] == "warning"]
        assert waits[:2] == [0.2, 0.5], "it backs off"
        assert contents(board) == undisturbed

    def test_connections_that_are_cut_at_any_moment_cost_nothing(
        self, board: Store, undisturbed: dict[str, str], postgresql: PostgresServer, rows: list[TickRow]
    ) -> None:
        chance = random.Random(3)
        killer = create_engine(postgresql.url("postgres"), isolation_level="AUTOCOMMIT")
        query = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            f"WHERE datname = '{board.url.database}' AND state <> 'idle'"
        )
        with (
            capture_logs() as logs,
            Running(board, rows, speed=30 * A_MINUTE_A_SECOND) as running,
            killer.connect() as connection,
        ):

            def a_cut_was_felt(told: int) -> bool:
                """A transaction may end in the very moment between its choice and its cut: then nothing was cut."""
                connection.exec_driver_sql(query)
                return warnings(logs) > told

            for row in range(0, 60, 10):
                running.wait_for_row(row)
                threading.Event().wait(chance.uniform(0.0, 0.3))
                wait_for(partial(a_cut_was_felt, warnings(logs)), 120, "a transaction to cut")
            set_feed_speed(board, OPERATOR, REPLAY, None)
            running.wait_for_state(FeedState.ENDED)
        killer.dispose()
        assert contents(board) == undisturbed
