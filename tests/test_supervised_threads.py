"""Each supervised thread and task is made to fail: it says so, goes on, and says that it has recovered."""

import ast
import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

import ingestion.kafka.dead_letter_topic
import live.serving.boards
import live.serving.connection_guard
import live.serving.store_watch
import ui.identity.revoked_sessions
from ingestion.kafka.dead_letter_topic import DeadLetterTopic
from ingestion.sidecar.pricer_builder import PricerBuilder
from ingestion.sidecar.slow_worker import SlowWorker
from ingestion.watch.round import WatchRound
from live.serving.connection_guard import Connections
from live.serving.hub import Hub
from services.pricing.pricing_state import PricingState
from services.workers.worker_process import WorkerProcess, WorkFailed
from storage.connection.settings import Settings, settings
from storage.connection.supervision import TASKS, SupervisedThread, TaskState, task_healths
from storage.core.database import Store
from storage.core.store_probe import StoreProbe
from storage.feeds.background_tasks import TaskReports
from tests.fixtures.applying import apply_quotes
from tests.fixtures.databases import wait_for
from tests.fixtures.small_book import MONDAY, TUESDAY, quote
from tests.ingestion.watching import Watching
from tests.live.serving.test_connection_guard import guarded
from tests.live.serving.test_routes import Server
from tests.test_architecture import CODE, place, sources_of, tree_of
from ui.identity.revoked_sessions import RevokedSessions

BROKEN = "something that nobody foresaw"


class Breaks:
    """Stands in for a function: raises until it is fixed, then does what the function does."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.is_mended = False
        self.times = 0

    def __call__(self, *given: Any, **named: Any) -> Any:
        if self.is_mended:
            return self._function(*given, **named)
        self.times += 1
        raise AttributeError(BROKEN)

    def __get__(self, owner: Any, _kind: Any = None) -> Any:
        return self if owner is None else partial(self, owner)


class Bench:
    """What a case has to work with."""

    def __init__(self, store: Store, patch: pytest.MonkeyPatch, folder: Path, stack: ExitStack) -> None:
        self.store, self.patch, self.folder, self.stack = store, patch, folder, stack
        self.state = PricingState()

    def breaks(self, owner: Any, name: str) -> Breaks:
        broken = Breaks(getattr(owner, name))
        self.patch.setattr(owner, name, broken)
        return broken

    def opened(self) -> Store:
        store = Store(self.store.url.render_as_string(hide_password=False))
        self.stack.callback(store.close)
        return store

    def hub(self) -> Hub:
        hub = Hub(self.opened(), settings())
        loop = asyncio.new_event_loop()
        loop.close()  # nobody waits there
        hub.start(loop)
        self.stack.callback(hub.stop)
        return hub


def board_updates(bench: Bench) -> Breaks:
    broken = bench.breaks(Hub, "follow")
    bench.hub()
    return broken


def task_reports(bench: Bench) -> Breaks:
    broken = bench.breaks(TaskReports, "report_if_due")
    bench.hub()
    return broken


def store_probe(bench: Bench) -> Breaks:
    broken = bench.breaks(StoreProbe, "look")
    bench.hub()
    return broken


def store_check(bench: Bench) -> Breaks:
    broken = bench.breaks(live.serving.store_watch, "damage_in")
    bench.patch.setattr(live.serving.store_watch, "_TABLE_SECONDS", 0.0)
    bench.hub()
    return broken


def page_warm_up(bench: Bench) -> Breaks:
    broken = Breaks(lambda _sign_of_life: SupervisedThread("page warm-up", lambda _: None))
    SupervisedThread("page warm-up", broken).start()
    return broken


def sign_outs(bench: Bench) -> Breaks:
    broken = bench.breaks(ui.identity.revoked_sessions, "note_signed_out")
    RevokedSessions().end(bench.store, "a" * 64, "Vera")
    return broken


def watched_files(bench: Bench) -> Breaks:
    broken = bench.breaks(WatchRound, "turn")
    bench.stack.enter_context(Watching(bench.opened(), bench.folder))
    return broken


def price_preparation(bench: Bench) -> Breaks:
    """The thread is given underlyings until one is prepared."""
    broken = Breaks(lambda: SimpleNamespace(key=(MONDAY, "AAPL")))
    preparation = SimpleNamespace(key=(MONDAY, "AAPL"), run=broken)
    bench.patch.setattr(ingestion.sidecar.pricer_builder, "price_deferred_pricers", lambda *_, **__: None)
    state: Any = SimpleNamespace(
        preparation=lambda *_: preparation, is_over_build_budget=lambda *_: True, take=lambda _: None
    )
    preparing = PricerBuilder(bench.store, state, SimpleNamespace(feed="f"))  # type: ignore[arg-type]
    preparing.leave([(MONDAY, "AAPL")])
    bench.stack.callback(preparing.close)
    _turn_until_recovered(bench, preparing.turn)
    return broken


def slow_engines(bench: Bench) -> Breaks:
    broken = Breaks(list)
    beside = SlowWorker()
    bench.stack.callback(beside.close)
    work: Any = SimpleNamespace(prepared=SimpleNamespace(ticker="AAPL", as_of_date=MONDAY))

    def turn() -> None:
        beside._running = (work, SimpleNamespace(done=lambda: True, result=broken))  # type: ignore[assignment]
        beside.finished()

    _turn_until_recovered(bench, turn)
    return broken


def dead_letter_topic(bench: Bench) -> Breaks:
    bench.patch.setattr(
        ingestion.kafka.dead_letter_topic, "open_client", lambda *_: SimpleNamespace(close=lambda **_: None)
    )
    broken = bench.breaks(DeadLetterTopic, "_unsent")
    row: Any = SimpleNamespace(feed="kafka", cursor={"letters_since": datetime.now(UTC).isoformat()})
    topic = DeadLetterTopic(bench.store, row, "127.0.0.1:1", "g", "t", {})
    bench.stack.callback(topic.close)
    return broken


def sqlite_checkpoint(bench: Bench) -> Breaks:
    store = Store(f"sqlite:///{bench.folder / 'of the checkpoint.sqlite'}")
    bench.stack.callback(store.close)
    store.migrate()
    broken = Breaks(store.engine.raw_connection)
    bench.patch.setattr(store._checkpoints, "_engine", SimpleNamespace(raw_connection=broken))

    def commit() -> None:
        with store.bookkeeping():
            pass

    _turn_until_recovered(bench, commit)
    return broken


def worker_process(bench: Bench) -> Breaks:
    """The listener cannot take what the process says."""
    broken = bench.breaks(WorkerProcess, "_take")
    beside = WorkerProcess("tests.fixtures.faulty_worker", settings(), failed="failed", died="died")
    bench.stack.callback(beside.close)

    def ask() -> None:
        with pytest.raises(WorkFailed):
            beside.submit("nothing of that name").result()

    _turn_until_recovered(bench, ask)
    return broken


def _turn_until_recovered(bench: Bench, turn: Callable[[], Any]) -> None:
    """Do in the test's thread what the process does again and again."""
    bench.turn = turn  # type: ignore[attr-defined]


def board_loader(bench: Bench) -> Breaks:
    apply_quotes(bench.store, bench.state, [quote("AAPL", 60.0, day=TUESDAY)], source="t")
    broken = bench.breaks(live.serving.boards, "load")
    bench.patch.setattr(live.serving.boards, "_AGAIN_SECONDS", 0.1)
    bench.hub().boards.watch(MONDAY)
    return broken


def connection_guard(bench: Bench) -> Breaks:
    broken = bench.breaks(Connections, "look")
    bench.patch.setattr(live.serving.connection_guard, "_LOOK_SECONDS", 0.05)
    bench.stack.enter_context(guarded(settings()))
    return broken


def live_messages(bench: Bench) -> Breaks:
    broken = bench.breaks(live.serving.boards, "message")
    server = Server(bench.store, settings())
    bench.stack.callback(server.close)
    wait_for(lambda: server.hub.latest is not None, 60, "the first look")

    def look() -> None:
        with server.open("/live/market") as connection, suppress(ConnectionClosed):
            while not isinstance(connection.recv(timeout=60), bytes):
                pass

    _turn_until_recovered(bench, look)
    return broken


CASES: dict[str, Callable[[Bench], Breaks]] = {
    "board updates": board_updates,
    "board loader": board_loader,
    "live messages": live_messages,
    "connection guard": connection_guard,
    "task reports": task_reports,
    "store probe": store_probe,
    "store check": store_check,
    "worker process": worker_process,
    "page warm-up": page_warm_up,
    "sign-outs": sign_outs,
    "watched files": watched_files,
    "price preparation": price_preparation,
    "slow engines": slow_engines,
    "dead-letter topic": dead_letter_topic,
    "SQLite checkpoint": sqlite_checkpoint,
}
ENDS_WITH_SUCCESS = {"page warm-up", "sign-outs"}
ASK_NO_STORE = {"worker process", "page warm-up", "slow engines", "connection guard"}
"""Which database there is makes no difference to them."""
OF_SQLITE = {"SQLite checkpoint", "store check"}
ON_POSTGRESQL = [name for name in TASKS if name not in ASK_NO_STORE | OF_SQLITE]


@pytest.fixture
def bench(small_store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(small_store, monkeypatch, tmp_path, stack)


def states_of(name: str) -> list[tuple[TaskState, str]]:
    return [(health.state, health.reason) for health in task_healths() if health.task.name == name]


@pytest.mark.parametrize(
    ("name", "store"),
    [
        *((name, "sqlite") for name in TASKS),
        *(pytest.param(name, "postgresql", marks=pytest.mark.postgres) for name in ON_POSTGRESQL),
    ],
    indirect=["store"],
)
def test_it_fails_says_so_and_recovers(name: str, bench: Bench) -> None:
    broken = CASES[name](bench)
    turn = getattr(bench, "turn", lambda: None)

    def is_failing() -> bool:
        turn()
        return (TaskState.FAILING, f"AttributeError: {BROKEN}") in states_of(name)

    def has_recovered() -> bool:
        turn()
        states = states_of(name)
        return (not states and name in ENDS_WITH_SUCCESS) or states == [(TaskState.RUNNING, "")]

    wait_for(is_failing, 60, f"{name} to say that it fails")
    wait_for(lambda: turn() or broken.times > 1, 60, f"{name} to try again")
    broken.is_mended = True
    wait_for(has_recovered, 120, f"{name} to recover")


PLAIN_THREADS = {
    "storage/connection/supervision.py": "starts the supervised ones",
    "launch/end_with_parent.py": "standard library only, and ends with what it watches",
    "ingestion/sidecar/slow_worker.py": "a worker looks whether its sidecar lives, and its pool's work is supervised",
    "ingestion/standard_input.py": "what it raises ends the command",
    "ingestion/kafka/connection.py": "what it raises is the consumer's outcome",
    "ingestion/sidecar/pricer_builder.py": "a pool whose work is supervised",
    "api/appender.py": "what its work raises is the answer of the request",
    "live/serving/routes.py": "ends with its websocket",
    "live/serving/connection_guard.py": "looks again whatever a look raises, and says so",
    "live/serving/boards.py": "what its pool raises is the viewer's who waits for the message",
}
STARTS_A_THREAD = {"Thread", "Timer", "ThreadPoolExecutor", "ProcessPoolExecutor", "create_task", "ensure_future"}


def test_no_thread_is_started_otherwise() -> None:
    found = [
        place(path, node.lineno)
        for room in CODE
        for path in sources_of(room)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in STARTS_A_THREAD
    ]
    files = {where.rpartition(":")[0] for where in found}
    assert files - set(PLAIN_THREADS) == set(), found
    assert set(PLAIN_THREADS) - files == set(), "named here, and starts none"


def test_every_job_of_a_worker_process_ends() -> None:
    beside = WorkerProcess("tests.fixtures.faulty_worker", Settings(), failed="It did not work.", died="It ended.")
    try:
        for what in (
            "raises",
            "raises_local",
            "answers_what_cannot_be_unpacked",
            "answers_what_cannot_be_packed",
            "says_nonsense",
            "no_such_job",
            "dies",
            "babbles",
        ):
            job = beside.submit(what)
            assert job.finished.wait(120), what
            with pytest.raises(WorkFailed):
                job.result()
            after = beside.submit("works")
            assert after.finished.wait(120), f"the job after {what}"
            if what not in ("dies", "babbles"):  # then the next may be sent to the one that is ending
                assert after.result() == "done", what
    finally:
        beside.close()


def test_the_sign_of_life_is_in_health(bench: Bench) -> None:
    hub = bench.hub()
    wait_for(lambda: hub.status(MONDAY)["loaded"], 60, "the board")
    broken = bench.breaks(Hub, "follow")
    apply_quotes(bench.store, bench.state, [quote("AAPL", 71.0, 5)], source="t")
    wait_for(lambda: [fault["task"] for fault in hub.status(MONDAY)["faults"]] == ["board updates"], 60, "the fault")
    assert hub.status(MONDAY)["faults"][0]["needed_live"]
    broken.is_mended = True
    wait_for(lambda: not hub.status(MONDAY)["faults"], 60, "the recovery")
