"""Supervised threads: they outlive what goes wrong in them, say so, and recover."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError

from ingestion.sidecar.status_text import status_text
from live.serving.task_faults import task_fault_messages
from storage.connection.supervision import (
    TASKS,
    Supervised,
    SupervisedThread,
    TaskHealth,
    TaskState,
    frames_of,
    reason_of,
    supervised,
    task_healths,
)
from storage.core.database import Store
from storage.feeds.background_tasks import TaskReports, read_reported, write_reported
from storage.read_models.read_models import read_status


def health_of(name: str) -> TaskHealth | None:
    return next((health for health in task_healths() if health.task.name == name), None)


def failing(name: str, reason: str = "ValueError: torn") -> TaskHealth:
    now = datetime.now(UTC)
    return TaskHealth(TASKS[name], TaskState.FAILING, reason, now, now)


@pytest.mark.parametrize("fault", [ValueError("torn"), KeyError("x"), MemoryError(), RuntimeError("a\nb")])
def test_a_thread_outlives_whatever_it_raises(fault: Exception) -> None:
    stop, worked = threading.Event(), threading.Event()
    seen: list[TaskHealth | None] = []

    def work(sign_of_life: Supervised) -> None:
        seen.append(health_of("sign-outs"))
        if len(seen) == 1:
            raise fault
        sign_of_life.beat()
        worked.set()
        stop.wait()

    thread = SupervisedThread("sign-outs", work, stop)
    thread.start()
    assert worked.wait(60)
    assert seen[1] is not None
    assert (seen[1].state, seen[1].reason) == (TaskState.FAILING, reason_of(fault))
    now = health_of("sign-outs")
    assert now is not None
    assert (now.state, now.reason) == (TaskState.RUNNING, "")
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
    assert health_of("sign-outs") is None, "a thread that ended as it should is not listed"


def test_what_is_logged_of_a_fault_has_no_values() -> None:
    secret = "S3cret"
    with pytest.raises(OperationalError) as caught:
        raise OperationalError(f"SELECT '{secret}'", {"token": secret}, ValueError("the server is gone"))
    assert reason_of(caught.value) == "ValueError: the server is gone"
    assert secret not in frames_of(caught.value)
    assert "test_supervision.py" in frames_of(caught.value)


def test_a_task_that_gives_no_sign_of_life_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = supervised("board updates")
    try:
        entry.beat()
        assert entry.health().state == TaskState.RUNNING
        monkeypatch.setattr(entry, "_beaten", entry._beaten - 3600)
        assert entry.health().state == TaskState.SILENT
    finally:
        entry.leave()


def test_every_process_tells_the_store_how_its_threads_are(store: Store) -> None:
    now = datetime.now(UTC)
    with store.bookkeeping() as connection:
        write_reported(connection, "sidecar kafka", [failing("price preparation")], now)
        write_reported(connection, "long gone", [failing("watched files")], now - timedelta(hours=2))
    reports = TaskReports(store, "web server")
    entry = supervised("page warm-up")
    try:
        assert reports.report_if_due()
        with store.read() as connection:
            told = read_reported(connection, datetime.now(UTC))
            text = status_text(read_status(connection), now, 10.0)
    finally:
        entry.leave()
    states = {(task.process, task.task): task.state for task in told}
    assert {process for process, _ in states} == {"sidecar kafka", reports.process}
    assert states["sidecar kafka", "price preparation"] == "failing"
    assert states[reports.process, "page warm-up"] == "running"
    assert "threads of sidecar kafka" in text
    assert f"ValueError: torn. {TASKS['price preparation'].fault}" in text
    reports.leave()
    with store.read() as connection:
        assert [task.process for task in read_reported(connection, datetime.now(UTC))] == ["sidecar kafka"]


def test_what_the_live_board_needs_is_said_first(store: Store) -> None:
    now = datetime.now(UTC)
    with store.bookkeeping() as connection:
        write_reported(connection, "sidecar kafka", [failing("price preparation")], now)
        write_reported(connection, "here", [failing("watched files")], now)
    with store.read() as connection:
        reported = read_reported(connection, now)
    said = task_fault_messages([failing("sign-outs")], reported, "here")
    assert [(fault["process"], fault["task"], fault["needed_live"]) for fault in said] == [
        ("sidecar kafka", "price preparation", True),
        ("this web server", "sign-outs", False),
    ]


def test_every_task_says_what_does_not_work() -> None:
    for name, task in TASKS.items():
        assert task.name == name
        assert task.fault.endswith("."), name
