"""The tutorial, walked through as a person would: each of its commands, in its order, and what the board shows then."""

import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from launch.board import is_live
from launch.components import is_ci
from launch.kafka_jars import find_java
from storage.core.database import Store
from storage.feeds.dead_letters import count_waiting
from storage.feeds.feeds import FeedState
from storage.feeds.partition_offsets import read_offsets
from tests.board.running import READY, ROOT
from tests.fixtures.databases import free_port, wait_for
from tests.ingestion.running import feed_of

pytestmark = [pytest.mark.browser, pytest.mark.kafka]
LONG = 60_000
ARTICLE_VALUE = 89.43425919208067


def commands_of_the_tutorial() -> list[str]:
    """The indented blocks, in their order."""
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    blocks = re.findall(r"(?:^(?: {4}.*)?\n)+", text, re.MULTILINE)
    return [textwrap.dedent(block).strip("\n") for block in blocks if block.strip()]


class Walk:
    """Runs the commands of the tutorial one after the other, on a store, ports and a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.kafka_port = free_port(), free_port()
        self.url = f"sqlite:///{folder / 'board.sqlite'}"
        self._left = commands_of_the_tutorial()
        self._running: list[subprocess.Popen[bytes]] = []
        self._environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": self.url,
            "DELTABOARD_KAFKA_BOOTSTRAP": f"127.0.0.1:{self.kafka_port}",
        }

    def next(self, beginning: str) -> str:
        """The next command as the tutorial has it; it must begin so. Ports and places are this walk's own."""
        command = self._left.pop(0)
        assert command.startswith(beginning), f"the tutorial goes on with {command}"
        return command.replace("127.0.0.1:9092", f"127.0.0.1:{self.kafka_port}")

    def run(self, beginning: str) -> str:
        """Run the next command to its end; what it says."""
        ended = subprocess.run(
            ["bash", "-ec", self.next(beginning)],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def keep(self, beginning: str, more: str = "") -> subprocess.Popen[bytes]:
        """Start the next command, the last of its block, and let it run; lines before it are run to their end."""
        *first, last = self.next(beginning).splitlines()
        for line in first:
            subprocess.run(["bash", "-ec", line], cwd=self.folder, env=self._environment, check=True)
        return self.start(f"exec {last} {more}")

    def start(self, command: str) -> subprocess.Popen[bytes]:
        number = len(self._running)
        with (self.folder / f"{number}.log").open("wb") as log:
            process = subprocess.Popen(
                ["bash", "-ec", command], cwd=self.folder, env=self._environment, stdout=log, stderr=log
            )
        self._running.append(process)
        return process

    def start_the_board(self) -> None:
        """What ./run does after it has made its environment, which here is that of the tests."""
        arguments = self.next("./run").split()[1:]
        assert arguments == ["--fresh", "--speed", "1"]
        code = (
            "import sys; from pathlib import Path; from launch import board; "
            f"board.serve(board.Options(port={self.port}, headless=True, fresh=True, speed='1'), "
            f"Path({str(ROOT)!r}), Path(sys.executable))"
        )
        self.start(f'exec python -c "{code}"')
        wait_for(lambda: is_live(self.port), 120, "the board")

    def skip(self, beginning: str) -> None:
        self.next(beginning)

    def end(self) -> None:
        for process in reversed(self._running):
            process.send_signal(signal.SIGINT)
        for process in reversed(self._running):
            process.wait(60)

    @property
    def is_over(self) -> bool:
        return not self._left


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    if find_java() is None:
        message = "Java is missing: THE TUTORIAL WAS NOT WALKED THROUGH"
        pytest.fail(message) if is_ci() else pytest.skip(message)
    walking = Walk(tmp_path)
    yield walking
    walking.end()


def number(page: Any, panel: str, key: str, column: str) -> float | None:
    """The number behind a cell, None while there is no such row or number."""
    found = page.evaluate(
        """([panel, key, column]) => {
            const row = [...document.querySelectorAll(`[data-panel=${panel}] [data-row-key]`)]
                .find((row) => row.dataset.rowKey.split(' \\u203a ')[0] === key);
            return row?.querySelector(`[data-column=${column}]`)?.dataset.raw ?? null;
        }""",
        [panel, key, column],
    )
    return None if found in (None, "", "NaN") else float(found)


def search(page: Any, words: str) -> None:
    page.locator("[data-panel=trades] input[type=search]").fill(words)


def wait(condition: Any, what: str) -> None:
    wait_for(condition, 120, what)


@pytest.mark.timeout(900)
def test_every_step(walk: Walk, chromium: Any) -> None:
    walk.start_the_board()
    walk.skip(". .venv")
    page = chromium.new_page(viewport={"width": 1600, "height": 1100})
    page.set_default_timeout(LONG)
    page.goto(f"http://127.0.0.1:{walk.port}")
    page.wait_for_selector(READY, timeout=LONG)

    walk.keep("mkdir -p inbox\npython -m ingestion watch")
    walk.run("printf")
    search(page, "OTC")
    wait(lambda: number(page, "trades", "OTC-1", "market_value") == 125_000, "the risk file on the board")
    row = page.locator("[data-panel=trades] [data-row-key^=OTC-1]").first
    expect(row).to_contain_text("file risk_data.csv")
    expect(row).to_contain_text("Unassigned")
    assert number(page, "trades", "OTC-1", "vega_1pt") is None, "what the file does not have is not known"
    walk.run("printf")
    wait(lambda: number(page, "trades", "OTC-1", "market_value") == 130_000, "the changed file on the board")
    wait(lambda: number(page, "trades", "OTC-3", "market_value") == 9_000, "the new row on the board")
    wait(lambda: number(page, "trades", "OTC-2", "market_value") == -31_000, "the third row on the board")
    walk.run("printf")
    report = walk.folder / "inbox" / "more_risk.csv.errors.csv"
    wait(report.exists, "the report beside the bad file")
    assert "nine thousand" in report.read_text(encoding="utf-8")
    assert number(page, "trades", "OTC-4", "market_value") is None

    walk.run("python -m ingestion control pause")
    store = Store(walk.url)
    wait(lambda: feed_of(store).state == FeedState.PAUSED, "the pause")
    walk.run("python -m ingestion append quotes")
    wait(lambda: number(page, "market", "AAPL", "quote") == 310.0, "the appended price on the board")
    assert "changed" in walk.run("python -c")
    wait(lambda: number(page, "market", "AAPL", "quote") == 305.0, "the second price on the board")
    walk.run("python -m ingestion control resume")

    kafka_port = str(walk.kafka_port)
    walk.keep("python -m launch.kafka_broker", f"--port {kafka_port} --folder kafka")
    walk.keep("python -m ingestion kafka")
    wait(lambda: kafka_port in (walk.folder / "2.log").read_text(), "Kafka")
    walk.run("python - <<'END'")

    def waiting() -> int:
        with store.read() as connection:
            return count_waiting(connection)

    wait(lambda: waiting() == 1, "the article's trade among the dead letters")
    listed = walk.run("python -m ingestion dead-letters list")
    assert "-31.41249430583221" in listed
    assert "Strike" in listed
    page.get_by_text("1 message set aside").first.wait_for(timeout=LONG)

    other = walk.keep("python -m ingestion kafka --group article")

    def read_by_the_article() -> bool:
        with store.read() as connection:
            return sum(offset or 0 for offset in read_offsets(connection, "article").values()) == 1

    wait(read_by_the_article, "the other group's reading")
    page.goto(f"http://127.0.0.1:{walk.port}/?as_of=2020-07-09")
    page.wait_for_selector(READY, timeout=LONG)
    search(page, "New_Trd_Test")
    wait(lambda: number(page, "trades", "New_Trd_Test", "market_value") == ARTICLE_VALUE, "the article's market value")
    other.send_signal(signal.SIGINT)
    other.wait(60)

    page.goto(f"http://127.0.0.1:{walk.port}")
    page.wait_for_selector(READY, timeout=LONG)
    walk.run("python -m ingestion generate trades")

    def generated() -> int:
        found = page.evaluate(
            """() => [...document.querySelectorAll('[data-panel=trades] [data-row-key^=G]')]
                .filter((row) => row.querySelector('[data-column=market_value]')?.dataset.raw).length"""
        )
        return int(found)

    search(page, "G52")
    wait(lambda: generated() > 3, "the random trades, priced")
    said = walk.run("python -m ingestion status")
    for name in ("replay", "watch", "kafka", "dead letters    1"):
        assert name in said
    assert walk.is_over
    store.close()
