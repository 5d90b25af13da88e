"""A sidecar on a PostgreSQL server that fails in every way it can: it waits, goes on by itself, and loses nothing."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from ingestion.sidecar.replay import TickRow, read_ticks
from launch.components import find_postgresql
from services.access.permissions import OPERATOR
from services.writes.control_feed import set_feed_speed
from storage.connection.faults import Fault, StoreUnavailable
from storage.connection.store_limits import StoreLimits
from storage.core.database import Store
from storage.feeds.feeds import REPLAY, FeedState
from tests.fixtures.databases import PostgresServer, Templates, load_demo_book, wait_for
from tests.fixtures.store_contents import contents
from tests.fixtures.ticks import demo_part
from tests.ingestion.running import Running, play_to_the_end

SLOWLY, DATABASE = 1800.0, "board"
SOON = StoreLimits(connect_seconds=2, answer_seconds=0.5, lock_seconds=5)

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[TickRow]:
    return read_ticks(demo_part(tmp_path_factory.mktemp("ticks") / "ticks.csv", days=2, every=12))


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of its own. The sidecar is no superuser there."""
    programs = find_postgresql()
    assert programs is not None
    opened = PostgresServer(programs, settings="-c max_connections=12 -c superuser_reserved_connections=3")
    opened.execute("CREATE ROLE desk LOGIN", "CREATE DATABASE template_board OWNER desk")
    store = Store(_of_desk(opened.url("template_board")))
    store.migrate()
    load_demo_book(store)
    store.close()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def undisturbed(templates: Templates, rows: list[TickRow]) -> dict[str, str]:
    store = Store(templates.copy("sqlite", "demo", load_demo_book, None))
    play_to_the_end(store, rows)
    found = contents(store)
    store.close()
    return found


@contextmanager
def set_for_all(server: PostgresServer, setting: str, value: str) -> Iterator[None]:
    """A setting of the database, for every session from now on."""
    server.execute(f"ALTER DATABASE {DATABASE} SET {setting} = '{value}'")
    server.cut_off(DATABASE)
    try:
        yield
    finally:
        server.execute(f"ALTER DATABASE {DATABASE} RESET {setting}")
        server.cut_off(DATABASE)


@contextmanager
def stopped(server: PostgresServer) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


@contextmanager
def demoted(server: PostgresServer) -> Iterator[None]:
    server.be_standby(True)
    try:
        yield
    finally:
        server.be_standby(False)


@contextmanager
def crowded(server: PostgresServer) -> Iterator[None]:
    """Others have every connection; the server closes those that the sidecar had."""
    taken: list[psycopg.Connection[Any]] = []
    url = _of_desk(server.url("template_board")).replace("+psycopg", "")

    def all_taken() -> bool:
        server.cut_off(DATABASE)
        try:
            taken.append(psycopg.connect(url))
        except psycopg.OperationalError:
            return True
        return False

    wait_for(all_taken, 120, "all connections to be taken", pause=0.0)
    try:
        yield
    finally:
        for connection in taken:
            connection.close()


@contextmanager
def held(server: PostgresServer) -> Iterator[None]:
    """Somebody's transaction keeps the row that every writer needs, and the server lets nobody wait for long."""
    url = server.url(DATABASE).replace("+psycopg", "")
    with set_for_all(server, "lock_timeout", "100ms"), psycopg.connect(url) as holder:
        holder.execute("SET lock_timeout = 0")
        holder.execute("SELECT * FROM store_state FOR UPDATE")
        yield
        holder.rollback()


BROKEN: dict[str, tuple[Callable[[PostgresServer], AbstractContextManager[None]], Fault]] = {
    "stopped and started": (stopped, Fault.UNREACHABLE),
    "demoted to a standby": (demoted, Fault.READ_ONLY),
    "read-only by setting": (lambda s: set_for_all(s, "default_transaction_read_only", "on"), Fault.READ_ONLY),
    "frozen": (lambda s: s.frozen(), Fault.HUNG),
    "out of connections": (crowded, Fault.OVERLOADED),
    "idle in a transaction": (
        lambda s: set_for_all(s, "idle_in_transaction_session_timeout", "1ms"),
        Fault.UNREACHABLE,
    ),
    "a statement takes too long": (lambda s: set_for_all(s, "statement_timeout", "1ms"), Fault.HUNG),
    "locked": (held, Fault.LOCKED),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_sidecar_waits_and_goes_on_by_itself(
    server: PostgresServer, rows: list[TickRow], undisturbed: dict[str, str], broken: str
) -> None:
    break_it, fault = BROKEN[broken]
    store = Store(_of_desk(server.create(DATABASE, "template_board")), SOON)
    try:
        with capture_logs() as logs, Running(store, rows, speed=SLOWLY) as running:
            running.wait_for_row(2)
            with break_it(server):
                running.wait_for(lambda: _faults(logs).count(fault) >= 2, f"two attempts that meet {fault}")
            running.wait_for(lambda: _speed_set(store), "the store to take a wish")
            running.wait_for_state(FeedState.ENDED)
        assert contents(store) == undisturbed
    finally:
        store.close()
        server.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def test_a_damaged_database_is_not_waited_for(templates: Templates, rows: list[TickRow]) -> None:
    path = Path(templates.copy("sqlite", "demo", load_demo_book, None).removeprefix("sqlite:///"))
    store = Store(f"sqlite:///{path}")
    with Running(store, rows, speed=SLOWLY) as running:
        running.wait_for_row(2)
        with path.open("r+b") as file:
            size = path.stat().st_size
            for start in range(4096 * 2, size - 4096, 4096):
                file.seek(start)
                file.write(b"\xff" * 4096)
        with store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        fault = running.wait_for_fault()
    assert "damaged" in str(fault) or "malformed" in str(fault), fault
    store.close()


def _of_desk(url: str) -> str:
    return url.replace("postgres@", "desk@")


def _faults(logs: list[Any]) -> list[object]:
    return [entry.get("fault") for entry in list(logs)]


def _speed_set(store: Store) -> bool:
    try:
        set_feed_speed(store, OPERATOR, REPLAY, None)
    except StoreUnavailable:
        return False
    return True
