"""Sidecars that are started, killed by their own hand at a crash point, and looked at afterwards."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage.connection.settings import ROOT
from storage.core.database import Store
from tests.fixtures.databases import wait_for
from tests.ingestion.crash_points import CrashPoint, seen

IN_TRANSACTION = (CrashPoint.AFTER_ROWS, CrashPoint.BEFORE_OFFSET, CrashPoint.BEFORE_COMMIT)
IS_COMMITTED = (CrashPoint.AFTER_COMMIT, CrashPoint.BEFORE_KAFKA_OFFSET)
OF_EVERY_FEED = [point for point in CrashPoint if point is not CrashPoint.BEFORE_KAFKA_OFFSET]


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
        self._running: int | None = None

    def start(self, url: str, *arguments: str, crash: tuple[CrashPoint, int, Path] | None = None) -> int:
        """Start ``python -m ingestion`` with these arguments; returns its process id."""
        assert self._process.stdin is not None
        aimed = None if crash is None else [crash[0], crash[1], str(crash[2])]
        self._process.stdin.write(json.dumps([url, aimed, *arguments]) + "\n")
        self._process.stdin.flush()
        self._running = self._answer()
        return self._running

    def exit_code(self) -> int:
        """Wait for the end of what was started."""
        code = self._answer()
        self._running = None
        return code

    def close(self) -> None:
        """No command is left behind where a test failed while one ran."""
        if self._running is not None:
            with suppress(ProcessLookupError):  # it has ended, and nobody asked how
                os.kill(self._running, signal.SIGKILL)
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


def url_of(store: Store) -> str:
    return store.url.render_as_string(hide_password=False)


def wait_until(condition: Callable[[], object], what: str) -> None:
    """As ``wait_for``, but looking all the time."""
    wait_for(condition, 120, what, pause=0.0005)


def look(store: Store) -> dict[str, Any]:
    """What anybody sees of a store."""
    with store.read() as connection:
        return seen(connection)


@dataclass(frozen=True)
class Death:
    """A sidecar's death. words: what it said last; left: what the store had right after."""

    point: CrashPoint
    words: dict[str, Any]
    left: dict[str, Any]

    def check(self) -> None:
        """It died at its point and nowhere else: by what its transaction saw, which is rolled back."""
        assert self.words["point"] == self.point
        if self.point not in IN_TRANSACTION:
            assert "seen" not in self.words
            return
        then, now = self.words["seen"], self.left
        assert then["rows"] > now["rows"], "the rows were written, and are gone"
        assert self.words["priced"] == (self.point is not CrashPoint.AFTER_ROWS)
        moved = self.point is CrashPoint.BEFORE_COMMIT
        assert (then["positions"] != now["positions"]) == moved
        assert then["logged"] == now["logged"] + moved


def crash_at(commands: Commands, store: Store, point: CrashPoint, passage: int, folder: Path, *arguments: str) -> Death:
    """Run a command until it kills itself at a point of its batch number ``passage``."""
    last_words = folder / "last_words.json"
    last_words.unlink(missing_ok=True)
    commands.start(url_of(store), *arguments, crash=(point, passage, last_words))
    assert commands.exit_code() == -signal.SIGKILL, f"{point} of batch {passage} was never reached"
    return Death(point, json.loads(last_words.read_text(encoding="utf-8")), look(store))
