"""What happens at ./bench: the environment, then the benchmarks with the arguments passed on."""

import os
import signal
import subprocess
from pathlib import Path

from launch.components import settings_for_tests
from launch.environment import ensure_environment
from launch.messages import leave

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """The whole of ./bench."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return leave(lambda: _measure(arguments))


def _measure(arguments: list[str]) -> int:
    python = ensure_environment(ROOT, "requirements-bench.txt")
    variables, _ = settings_for_tests()
    command = [str(python), "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, check=False).returncode
