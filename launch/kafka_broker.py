"""A real Kafka broker on this machine without docker: who starts it, where is it, does it answer?

Standard library only. ``python -m launch.kafka_broker`` runs one until Ctrl-C.
"""

import argparse
import base64
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from launch import end_with_parent
from launch.environment import run_quietly
from launch.kafka_jars import KAFKA, OLDEST_JAVA, find_java
from launch.kafka_node import ADDRESS, cluster_at, cluster_in, server_properties
from launch.messages import Refusal, last_lines, leave, say

ROOT = Path(__file__).resolve().parent.parent
SECONDS_TO_START, SECONDS_TO_END = 90.0, 20.0
_JVM = ("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""Little memory, and the quick compiler alone: a start costs a third less."""
_POLL_SECONDS = 0.1
_PORT_TAKEN = b"Address already in use"
_NEVER_LENT = range(12_000, 20_000)
"""Ports below those that systems give to whoever asks for any."""


class Broker:
    """One broker that is its own controller, on loopback, with a data folder that survives it.

    port: 0 takes one that is free, and keeps it. folder: of its data and its log; without one it has a
    throw-away folder until `close`. It ends with this process, however this process ends.
    """

    def __init__(self, port: int = 0, folder: Path | None = None) -> None:
        self.port = port
        self._is_own_folder = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix="deltaboard-kafka-")) if folder is None else folder.resolve()
        self._chooses_port = port == 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """What clients are told: address and port."""
        return f"{ADDRESS}:{self.port}"

    @property
    def log(self) -> Path:
        """What the broker says; it goes on after a restart."""
        return self.folder / "broker.log"

    @property
    def is_running(self) -> bool:
        """Whether the process is there; it may not answer yet."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it answers. Raises Refusal where it cannot."""
        if self.is_running:
            return
        java = find_java()
        if java is None:
            raise Refusal(
                f"Kafka needs Java {OLDEST_JAVA} or later, and none was found: install it, on Debian: "
                "apt install default-jre-headless, or set DELTABOARD_JAVA"
            )
        jars = KAFKA.fetch()
        for attempts_left in (2, 1, 0):
            begins = self.log.stat().st_size if self.log.exists() else 0
            self._launch(java, jars)
            if self._answers_in_time():
                return
            ended = not self.is_running
            self.kill()
            if not (ended and _PORT_TAKEN in self.log.read_bytes()[begins:]):
                how = "ended at once" if ended else f"did not answer within {SECONDS_TO_START:.0f} s"
                raise Refusal(f"The Kafka broker {how}. Log: {self.log}", why=last_lines(self.log, 8))
            if not (self._chooses_port and attempts_left):
                raise _port_in_use(self.port)
            self.port = 0  # somebody took it between our look and the broker's

    def stop(self) -> None:
        """End it in order; kill it when it takes too long."""
        self._end(end_with_parent.ASK_TO_END, SECONDS_TO_END)

    def kill(self) -> None:
        """End it at once, as a loss of power would: SIGKILL."""
        self._end(end_with_parent.KILL, 5.0)

    def restart(self) -> None:
        """End it if it still runs, and start it on the same folder and port."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it, and throw away the folder if it has its own."""
        if self._is_own_folder:
            self.kill()
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            self.stop()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wait(self) -> int:
        """Wait until it ends; its exit code."""
        return self._process.wait() if self._process is not None else 0

    def answers(self) -> bool:
        """Whether it takes part in its cluster: another broker at this port has another one."""
        mine = cluster_in(self.folder / "data")
        return mine is not None and cluster_at(self.port) == mine

    def _launch(self, java: Path, jars: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        controller_port = free_port()
        self.port = self.port or free_port()
        settings = self.folder / "server.properties"
        settings.write_text(server_properties(self.port, controller_port, self.folder / "data"), encoding="utf-8")
        runs = [str(java), *_JVM, "-cp", f"{jars}{os.sep}*"]
        if cluster_in(self.folder / "data") is None:
            cluster = base64.urlsafe_b64encode(b"\1" + secrets.token_bytes(15)).decode().rstrip("=")
            code, lines = run_quietly(
                [*runs, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)], self.folder
            )
            if code:
                raise Refusal(f"Kafka could not prepare its folder {self.folder} (exit code {code})", why=lines[-8:])
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, end_with_parent.__file__, *runs, "kafka.Kafka", str(settings)],
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                bufsize=0,
                start_new_session=os.name != "nt",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )

    def _answers_in_time(self) -> bool:
        deadline = time.monotonic() + SECONDS_TO_START
        while self.is_running and time.monotonic() < deadline:
            if self.answers():
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def _end(self, word: bytes, seconds: float) -> None:
        process = self._process
        if process is None:
            return
        guard: IO[bytes] | None = process.stdin
        assert guard is not None
        try:
            guard.write(word)
            process.wait(seconds)
        except (OSError, subprocess.TimeoutExpired):
            pass  # what is left is killed below
        finally:
            guard.close()
            if process.poll() is None or os.name != "nt":
                _kill_group(process)
            process.wait()
            self._process = None


def free_port() -> int:
    """A loopback port that nobody uses, and that the system lends to nobody before it is taken, or taken again."""
    while True:
        port = secrets.choice(_NEVER_LENT)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((ADDRESS, port))
            return port


def main(arguments: list[str]) -> int:
    """Run a broker until somebody ends it."""
    parser = argparse.ArgumentParser(
        prog="python -m launch.kafka_broker", description="Runs a Kafka broker on this machine until Ctrl-C."
    )
    parser.add_argument("--port", type=int, default=9092, help="port of the broker (default: 9092)")
    parser.add_argument(
        "--folder",
        type=Path,
        default=ROOT / "var" / "kafka",
        help="folder of its data and its log (default: var/kafka)",
    )
    options = parser.parse_args(arguments)
    return leave(lambda: _run(options.port, options.folder))


def _run(port: int, folder: Path) -> int:
    _refuse_busy_port(port)
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    say("Starting Kafka ...")
    with Broker(port, folder) as broker:
        say(f"Kafka answers at {broker.bootstrap}. Log: {broker.log}")
        say("Ctrl-C ends it; the messages stay.")
        while not asked.wait(0.5):
            if not broker.is_running:
                raise Refusal(f"The Kafka broker ended by itself. Log: {broker.log}", why=last_lines(broker.log, 8))
    say("Stopped.")
    return 0


def _refuse_busy_port(port: int) -> None:
    try:
        with socket.create_connection((ADDRESS, port), timeout=1):
            raise _port_in_use(port)
    except OSError:
        return


def _port_in_use(port: int) -> Refusal:
    return Refusal(f"Port {port} is in use: end what uses it (another Kafka?), or choose another with --port")


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the guard and what it left behind, if anything."""
    if os.name == "nt":
        process.kill()
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
