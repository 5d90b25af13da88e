"""The store: migrations, revisions, what a crash leaves, and what several writers may not do to each other."""

import threading
from datetime import UTC, date, datetime
from pathlib import Path

import alembic.command
import alembic.config
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from engine.measures import MEASURE_NAMES
from storage.connection.settings import ROOT
from storage.core.change_log import changing, prune, read_since
from storage.core.database import Store, StoreRevisions, StoreUnreadable
from storage.core.desk_schema import metadata
from storage.core.schema import changes, sensitivities, store_state
from tests.fixtures.databases import DATABASES, PostgresServer
from tests.fixtures.store_contents import contents


def test_the_migrations_make_the_schema_of_the_code(store: Store) -> None:
    with store.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrating_again_changes_nothing(small_store: Store) -> None:
    with small_store.read() as connection:
        before = small_store.revisions(connection)
    small_store.migrate()
    with small_store.read() as connection:
        assert small_store.revisions(connection) == before


def test_revisions_have_no_gaps_and_follow_commits(store: Store) -> None:
    seen: list[int] = []

    def write() -> None:
        for _ in range(10):
            with changing(store, "test") as (unit, _):
                seen.append(unit.revision)  # inside the transaction: the order of holding the row

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == list(range(1, 41))
    with store.read() as connection:
        assert list(connection.execute(select(changes.c.revision).order_by(changes.c.revision)).scalars()) == seen


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with changing(store, "test"):
            raise RuntimeError("killed here")

    with pytest.raises(RuntimeError, match="killed here"):
        fail()
    with store.read() as connection:
        assert store.revisions(connection).revision == 0
        assert connection.execute(select(changes)).all() == []


def test_a_long_reader_sees_one_moment_and_stops_no_writer(store: Store) -> None:
    with store.read() as reader:
        before = store.revisions(reader)
        with changing(store, "test"):
            pass
        assert store.revisions(reader) == before
    with store.read() as reader:
        assert store.revisions(reader).revision == before.revision + 1


def test_the_log_forgets_the_oldest_and_says_so(store: Store) -> None:
    for _ in range(6):
        with changing(store, "test") as (unit, _):
            pass
    with store.bookkeeping() as connection:
        assert prune(connection, unit.now, minutes=1e-9, megabytes=1.0) == 5
    with store.read() as connection:
        assert read_since(connection, 2) is None, "a follower that is too far behind must be told"
        entries = read_since(connection, 5)
        assert entries is not None
        assert [entry.revision for entry in entries] == [6]
        assert read_since(connection, 6) == []


def test_a_store_that_cannot_be_read_gives_one_line(tmp_path: object) -> None:
    path = f"{tmp_path}/broken.sqlite"
    with open(path, "w") as file:  # noqa: PTH123
        file.write("this is no database, but long enough to look like one" * 100)
    with pytest.raises(StoreUnreadable) as failure:
        Store(f"sqlite:///{path}").migrate()
    assert "\n" not in str(failure.value)
    assert "broken.sqlite" in str(failure.value)


def test_other_databases_are_refused() -> None:
    with pytest.raises(StoreUnreadable, match="SQLite or PostgreSQL"):
        Store("mysql+pymysql://localhost/x")


@pytest.mark.parametrize("dialect", DATABASES)
def test_a_filled_store_of_the_first_schema_is_carried_over(
    dialect: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Nothing is lost on the way to the newest schema, and what the old one could not hold goes in."""
    server: PostgresServer | None = request.getfixturevalue("postgresql") if dialect == "postgresql" else None
    store = Store(server.create("of_the_first_schema") if server else f"sqlite:///{tmp_path / 'old.sqlite'}")
    config = alembic.config.Config()
    config.set_main_option("script_location", str(ROOT / "storage" / "migrations"))
    measures = dict.fromkeys(MEASURE_NAMES, 1.25)
    row = {"as_of_date": date(2020, 3, 9), "risk_factor": "AAPL", "observed_at": datetime(2020, 3, 9, 15, tzinfo=UTC)}
    said = {"spot": 68.5, "priced_by": "Spot", "parameters_source": "default", "source": "engine", "revision": 4}
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "0001")
        connection.execute(update(store_state).values(revision=4))
        connection.execute(insert(sensitivities), [{**row, **measures, **said, "trade_id": f"T{i}"} for i in range(9)])
    with pytest.raises(IntegrityError), store.engine.begin() as connection:
        connection.execute(update(sensitivities).values(vega_1pt=None))
    before = contents(store, [sensitivities], with_revision=True)
    assert before["sensitivities"].startswith("9 rows")
    store.migrate()
    assert contents(store, [sensitivities], with_revision=True) == before
    with store.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert store.revisions(connection) == StoreRevisions(4, 0, 0, 0)
    with store.engine.begin() as connection:
        connection.execute(update(sensitivities).values(vega_1pt=None))
    store.close()
