"""The store: migrations, revisions, what a crash leaves, and what several writers may not do to each other."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select

from storage.change_log import changing, prune, read_since
from storage.database import Store, StoreUnreadable
from storage.schema import changes, metadata


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
