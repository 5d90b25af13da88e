"""The probe tells a store that is locked from one that is being written, and is in nobody's way."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import text

import storage.core.store_probe
from live.serving.store_watch import StoreWatch
from storage.connection.faults import Fault, StoreUnavailable
from storage.core.database import Store
from storage.core.store_probe import StoreProbe


class Writer:
    """Holds the writers' lock; commits a revision, and has the lock again before anybody else can take it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._transaction = ExitStack()
        self.hold()

    def hold(self) -> None:
        self._transaction.enter_context(self._store.write())

    def commit(self) -> None:
        self._transaction.close()


@pytest.fixture
def probe(store: Store) -> Iterator[StoreProbe]:
    opened = StoreProbe(store.url.render_as_string(hide_password=False))
    yield opened
    opened.close()


@pytest.fixture
def writer(store: Store) -> Iterator[Writer]:
    opened = Writer(store)
    yield opened
    opened.commit()


def after_each_try(probe: StoreProbe, patch: pytest.MonkeyPatch, work: Callable[[], object]) -> list[bool]:
    """Do something whenever the probe has tried to get the lock; returns whether it got it, each time."""
    taken: list[bool] = []
    real = probe._takes_lock

    def takes_lock() -> bool:
        taken.append(real())
        work()
        return taken[-1]

    patch.setattr(probe, "_takes_lock", takes_lock)
    return taken


def test_a_writer_that_commits_all_the_time_is_not_called_locked(
    probe: StoreProbe, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even when the time is over by the first commit."""
    monkeypatch.setattr(storage.core.store_probe, "_LOCKED_SECONDS", 0.0)

    def commit_and_hold() -> None:
        writer.commit()
        writer.hold()

    taken = after_each_try(probe, monkeypatch, commit_and_hold)
    for _ in range(3):
        probe.look()
    assert taken == [False] * 3, "it never had the lock"


def test_a_lock_that_is_held_without_a_commit_is(
    probe: StoreProbe, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.core.store_probe, "_LOCKED_SECONDS", 0.0)
    with pytest.raises(StoreUnavailable) as caught:
        probe.look()
    assert caught.value.fault == Fault.LOCKED
    writer.commit()
    probe.look()
    writer.hold()


def test_a_look_keeps_no_lock(store: Store, probe: StoreProbe) -> None:
    for _ in range(3):
        probe.look()
        with store.write():
            pass


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_look_writes_nothing_to_the_log_of_sqlite(store: Store, probe: StoreProbe) -> None:
    with store.write():
        pass
    log = Path(f"{store.url.database}-wal")
    before = log.read_bytes()
    for _ in range(3):
        probe.look()
    assert before
    assert log.read_bytes() == before


@pytest.mark.parametrize("store", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_the_sort_goes_through_the_disk_of_postgresql(store: Store) -> None:
    with store.read() as connection:
        connection.execute(text("SET LOCAL work_mem = '64kB'"))
        plan = connection.execute(text(f"EXPLAIN (ANALYZE) {storage.core.store_probe._SPILL}")).scalars().all()
    assert any("external merge  Disk" in line for line in plan)


@pytest.mark.parametrize(("silent_seconds", "fault"), [(0.0, None), (3.4, None), (3.6, Fault.HUNG)])
def test_hung_is_one_question_without_an_answer(store: Store, silent_seconds: float, fault: Fault | None) -> None:
    watch = StoreWatch(store, threading.Event())
    watch._probe = SimpleNamespace(silent_seconds=silent_seconds)  # type: ignore[assignment]
    assert watch.fault == fault


def test_a_long_look_of_many_answers_is_not_silent(
    probe: StoreProbe, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage.core.store_probe, "_LOCKED_SECONDS", 1.5)
    silent: list[float] = []
    taken = after_each_try(probe, monkeypatch, lambda: silent.append(probe.silent_seconds))
    with pytest.raises(StoreUnavailable):
        probe.look()
    assert len(taken) > 1
    assert set(silent) == {0.0}
