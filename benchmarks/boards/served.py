"""A real web server on a store, and a real browser beside it."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from benchmarks.books import DATA
from benchmarks.store.postgresql import free_port
from benchmarks.ticking import TickingStore
from launch.board import ADDRESS, ROOT, is_live
from launch.components import find_chromium

_SECONDS_TO_LIVE = 120.0
_FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


@dataclass(frozen=True, slots=True)
class ServedBoard:
    """The board of a ticking store at an address."""

    ticking: TickingStore
    url: str


@contextmanager
def served_board(data: Path = DATA) -> Iterator[ServedBoard]:
    """A folder's demo book on SQLite, served by Streamlit in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="deltaboard-bench-") as folder:
        url = f"sqlite:///{Path(folder) / 'board.sqlite'}"
        ticking = TickingStore(url, data)
        port = free_port()
        server = ["--server.port", str(port), "--server.address", ADDRESS, "--server.headless", "true"]
        log = Path(folder) / "web.log"
        with log.open("wb") as lines:
            process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", *server],
                cwd=ROOT,
                env={**os.environ, "DATABASE_URL": url},
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=lines,
            )
        try:
            _wait_until_live(port, process, log)
            yield ServedBoard(ticking, f"http://{ADDRESS}:{port}")
        finally:
            process.terminate()
            process.wait(20)
            ticking.close()


@contextmanager
def chromium() -> Iterator[Browser | None]:
    """A headless Chromium; None where there is none."""
    path = find_chromium()
    if path is None:
        print("Chromium is not there: nothing is measured in a browser.", flush=True)
        yield None
        return
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(path), args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def _wait_until_live(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _SECONDS_TO_LIVE
    while not is_live(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the web server did not come to life:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.2)
