"""The fast tier has what needs no server, browser or process; which that is is read from the tests themselves."""

import subprocess
import sys
from pathlib import Path

import pytest

from storage.core.database import Store
from tests import tiers
from tests.ingestion import commands


def pure() -> None:
    assert [Path(name) for name in ("a", "b")]


def names_a_starter() -> None:
    subprocess.run([])


def calls_what_names_one() -> None:
    [names_a_starter() for _ in range(0)]


class Starts:
    def __enter__(self) -> None:
        names_a_starter()

    def __exit__(self, *_: object) -> None: ...


def enters_one() -> None:
    with Starts():
        pass


def by_its_module() -> None:
    commands.run()


@pytest.mark.parametrize(
    ("function", "starts"),
    [(pure, False), (names_a_starter, True), (calls_what_names_one, True), (enters_one, True), (by_its_module, False)],
)
def test_what_a_test_starts_is_read_from_its_code(function: object, starts: bool) -> None:
    assert tiers._starts_something(function) == starts


def test_each_database_in_turn(store: Store, request: pytest.FixtureRequest) -> None:
    """SQLite is a file; PostgreSQL is a server."""
    assert tiers.is_fast(request.node) == (store.dialect == "sqlite")


def test_what_asks_for_a_server_is_not_fast() -> None:
    """Collected by another pytest, as the tier does it."""
    asked = ["tests/ingestion/kafka/test_kafka_group.py", "tests/board/test_address.py", "tests/storage/test_bulk.py"]
    command = [sys.executable, "-m", "pytest", "--tier", "fast", "--collect-only", "-q", "-n", "0", *asked]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert "test_bulk.py" in said
    assert "test_kafka_group.py" not in said
    assert "test_address.py" not in said
    assert "postgresql" not in said


def test_a_process_in_the_fast_tier_is_refused() -> None:
    refused = [("subprocess.Popen", (sys.executable, [sys.executable, "-c", ""])), ("os.fork", ())]
    for event, arguments in refused:
        tiers._refuse_processes(event, arguments)  # not while another tier runs
    before, tiers._in_fast = tiers._in_fast, True
    try:
        for event, arguments in refused:
            with pytest.raises(AssertionError, match="the mark `processes`"):
                tiers._refuse_processes(event, arguments)
        tiers._refuse_processes("subprocess.Popen", ("git", ["git", "ls-files"]))
    finally:
        tiers._in_fast = before
