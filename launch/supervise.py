"""Two processes that live and die together: who ended, who must end, and how?"""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Self

from launch.messages import Refusal, last_lines, say

STOP_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
POLL_SECONDS = 0.1


class Stopped(Exception):
    """Somebody asked for the end: Ctrl-C, or a signal to terminate."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep: what to call it, how to start it, where its words go."""

    name: str
    command: list[str]
    log: Path


@dataclass(slots=True)
class _Running:
    child: Child
    process: subprocess.Popen[bytes]
    log: IO[bytes]


class Supervisor:
    """Keeps processes inside a `with`: at its end none of them is left, whatever the reason."""

    def __init__(self, folder: Path, environment: dict[str, str], grace_seconds: float = 10.0) -> None:
        self._folder = folder
        self._environment = environment
        self._grace_seconds = grace_seconds
        self._running: list[_Running] = []
        self._asked_to_stop = 0
        self._earlier_handlers: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in STOP_SIGNALS:
            if not (number.name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):  # started by nohup
                self._earlier_handlers[number] = signal.signal(number, self._ask_to_stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._end_all()
        finally:
            for number, handler in self._earlier_handlers.items():
                signal.signal(number, handler)  # type: ignore[arg-type]

    def start(self, child: Child) -> None:
        """Start a process in a group of its own: Ctrl-C then reaches the launcher only, which ends all in order."""
        child.log.parent.mkdir(parents=True, exist_ok=True)
        log = child.log.open("wb")
        new_group = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        process = subprocess.Popen(
            child.command,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=os.name != "nt",
            creationflags=new_group,
        )
        self._running.append(_Running(child, process, log))

    def wait_until(self, done: Callable[[], bool], seconds: float | None = None) -> bool:
        """Watch until `done` says so (True) or the time is over (False).

        Raises Stopped when somebody asks for the end, and Refusal when one of the processes has ended by itself.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            self._raise_what_happened()
            if done():
                return True
            if deadline is not None and time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)

    def wait(self) -> None:
        """Watch until something ends it: see wait_until for what it raises."""
        self.wait_until(lambda: False)

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop += 1

    def _raise_what_happened(self) -> None:
        if self._asked_to_stop:
            raise Stopped
        for running in self._running:
            code = running.process.poll()
            if code is not None:
                raise Refusal(
                    f"The {running.child.name} ended by itself ({_ending(code)}), so everything was stopped. "
                    f"Log: {running.child.log}",
                    why=last_lines(running.child.log),
                )

    def _end_all(self) -> None:
        """Ask all to end, the newest first; after the grace time, or at one more Ctrl-C, kill what is left."""
        for running in reversed(self._running):
            if running.process.poll() is None:
                running.process.terminate()
        asked, deadline = self._asked_to_stop, time.monotonic() + self._grace_seconds
        while time.monotonic() < deadline and self._asked_to_stop == asked:
            if all(running.process.poll() is not None for running in self._running):
                break
            time.sleep(POLL_SECONDS)
        for running in self._running:
            if running.process.poll() is None:
                say(f"The {running.child.name} did not end when asked and was killed.")
            _kill_group(running.process)
            running.process.wait()
            running.log.close()
        self._running.clear()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process if it still runs, and everything that it started and left behind."""
    if os.name == "nt":
        process.kill()
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
