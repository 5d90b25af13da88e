"""What happens at ./run: the environment, the store, the sidecar and the web server, until somebody ends them."""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import webbrowser
from dataclasses import dataclass
from pathlib import Path

from launch.environment import ensure_environment
from launch.messages import Refusal, last_lines, leave, say
from launch.supervise import Child, Stopped, Supervisor

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = "127.0.0.1"
HEALTH_PATH = "/deltaboard/health"
UNREADABLE_STORE, OTHER_BOOK = 3, 5
"""Exit codes of `python -m ingestion demo`, which says why: the store cannot be read, or has another book."""
SECONDS_TO_LIVE, SECONDS_TO_ANSWER = 180.0, 2.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the person asked for."""

    port: int = 8501
    headless: bool = False
    fresh: bool = False
    no_demo: bool = False
    speed: str = "100"


DEFAULTS = Options()


def main(arguments: list[str]) -> int:
    """The whole of ./run."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return leave(lambda: _run(options))


def _run(options: Options) -> int:
    refuse_busy_port(options.port)
    python = ensure_environment(ROOT, "requirements.txt")
    return serve(options, ROOT, python)


def serve(options: Options, root: Path, python: Path) -> int:
    """Prepare the store, then keep the sidecar and the web server running together until they are ended.

    Without the demo there is no sidecar: the web server alone, on whatever the store holds.
    """
    logs = root / "var" / "log"
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    prepare_store(options, root, python, environment)
    refuse_busy_port(options.port)
    children = [Child("web server", _web_command(options, python), logs / "web.log")]
    if not options.no_demo:
        children.insert(0, Child("sidecar", _sidecar_command(options, python), logs / "sidecar.log"))
    is_up = answers if options.no_demo else is_live
    try:
        with Supervisor(root, environment) as supervisor:
            for child in children:
                supervisor.start(child)
            say(f"Starting {' and '.join(f'the {child.name}' for child in children)} ...")
            if not supervisor.wait_until(lambda: is_up(options.port), SECONDS_TO_LIVE):
                raise Refusal(
                    f"The board did not come to life within {SECONDS_TO_LIVE:.0f} s. Logs: {logs}",
                    why=[line for child in children for line in last_lines(child.log, 6)],
                )
            say(f"Deltaboard is live at http://localhost:{options.port}")
            say(f"Ctrl-C ends it. Logs: {logs}")
            if not options.headless:
                _open_browser(f"http://localhost:{options.port}")
            supervisor.wait()
    except Stopped:
        say("Stopped.")
    return 0


def prepare_store(options: Options, root: Path, python: Path, environment: dict[str, str]) -> None:
    """Create the store and load the demo book where it is wanted; refuse a store that cannot be read."""
    log = root / "var" / "log" / "store.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    words = ["status"] if options.no_demo else ["demo", *(["--fresh"] if options.fresh else [])]
    command = [str(python), "-m", "ingestion", *words]
    with log.open("wb") as file:
        code = subprocess.run(
            command, cwd=root, env=environment, stdin=subprocess.DEVNULL, stderr=file, check=False
        ).returncode
    if code in (UNREADABLE_STORE, OTHER_BOOK):
        told = last_lines(log, 1)
        raise Refusal(told[0] if told else "The store cannot be read", code=code)
    if code:
        raise Refusal(f"The store could not be made ready (exit code {code}). Log: {log}", why=last_lines(log))


def refuse_busy_port(port: int) -> None:
    """Refuse a port on which something listens already, or which is not ours to take."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:  # on macOS bind() misses who listens everywhere
        client.settimeout(1)
        busy = client.connect_ex((ADDRESS, port)) == 0
    if not busy:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
            if os.name != "nt":  # a port whose last connections are still closing is free
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                server.bind((ADDRESS, port))
            except PermissionError:
                raise Refusal(f"Port {port} is not open to you: choose another with --port") from None
            except OSError:
                busy = True
    if busy:
        raise Refusal(f"Port {port} is in use: end what uses it, or choose another with --port")


def is_live(port: int) -> bool:
    """Whether the board says of itself that it shows live numbers."""
    return _health(port).get("live") is True


def answers(port: int) -> bool:
    """Whether the board answers, be its store empty or not."""
    return "live" in _health(port)


def _health(port: int) -> dict[str, object]:
    """What the board says of itself; nothing where it does not answer."""
    no_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        try:
            answer = no_proxy.open(f"http://{ADDRESS}:{port}{HEALTH_PATH}", timeout=SECONDS_TO_ANSWER)
        except urllib.error.HTTPError as refused:  # the code of a board without values: it says the rest as JSON, too
            answer = refused
        with answer:
            health = json.load(answer)
    except (OSError, ValueError):
        return {}
    return health if isinstance(health, dict) else {}


def _sidecar_command(options: Options, python: Path) -> list[str]:
    ticks = str(Path("data", "stock_price_tick_data.csv"))
    return [str(python), "-m", "ingestion", "replay", ticks, "--speed", options.speed]


def _web_command(options: Options, python: Path) -> list[str]:
    server = ["--server.port", str(options.port), "--server.address", ADDRESS, "--server.headless", "true"]
    return [str(python), "-m", "streamlit", "run", "streamlit_app.py", *server]


def _open_browser(url: str) -> None:
    """Open a window where there is a screen; a browser of the terminal would take the place of our lines."""
    has_screen = not sys.platform.startswith("linux") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if has_screen:
        webbrowser.open(url)


def _options(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(prog="run", description="Starts Deltaboard on this machine.")
    parser.add_argument("--port", type=_port, default=DEFAULTS.port, help="port of the web server (default: 8501)")
    parser.add_argument("--headless", action="store_true", help="open no browser")
    parser.add_argument("--fresh", action="store_true", help="throw the store away first")
    parser.add_argument("--no-demo", action="store_true", help="neither the demo's book nor its ticks: your own store")
    parser.add_argument(
        "--speed", type=_speed, default=DEFAULTS.speed, help="how much faster than time the ticks run (default: 100)"
    )
    found = parser.parse_args(arguments)
    if found.fresh and found.no_demo:
        parser.error("--fresh loads the demo again, and --no-demo leaves it out: give one of them")
    return Options(**vars(found))


def _port(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return int(text)


def _speed(text: str) -> str:
    try:
        good = text == "max" or 0 < float(text) < float("inf")
    except ValueError:
        good = False
    if not good:
        raise argparse.ArgumentTypeError("a speed is a number above 0, or max")
    return text
