"""Small real processes for the tests of the launchers."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

SLEEP = "import os, sys, time; print('pid', os.getpid(), flush=True); time.sleep(600)"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def is_running(process_id: int) -> bool:
    """Whether a process runs; one that has ended and only waits for its parent does not."""
    if Path("/proc/self/stat").exists():
        try:
            status = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8")
        except (FileNotFoundError, ProcessLookupError):  # it may be gone between the opening and the reading
            return False
        return status.rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    return subprocess.run(["ps", "-p", str(process_id)], capture_output=True, check=False).returncode == 0


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def children_of(process_id: int) -> list[int]:
    found = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [line.split() for line in found.splitlines()]
    return [int(child) for child, parent in pairs if int(parent) == process_id]
