"""Two real processes live and die together, and ./run tells in one line what hindered it."""

import http.server
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launch import board, checks
from launch.messages import Refusal
from launch.supervise import Child, Supervisor

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")

SLEEP = "import os, sys, time; print('pid', os.getpid(), flush=True); time.sleep(60)"
DIES = "import sys, time; print('working', flush=True); time.sleep(0.3); print('no more disk', flush=True); sys.exit(9)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"

FAKE_WEB = """
    import http.server, json, sys, time
    port = int(sys.argv[sys.argv.index("--server.port") + 1])
    assert sys.argv[1:3] == ["run", "streamlit_app.py"]
    asked = 0

    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            global asked
            asked += 1
            body = json.dumps({"live": asked > 2}).encode() if self.path == "/deltaboard/health" else b"<html>"
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

    http.server.HTTPServer(("127.0.0.1", port), Health).serve_forever()
"""
FAKE_SIDECAR = """
    import pathlib, sys, time
    pathlib.Path("asked.txt").open("a").write(" ".join(sys.argv[1:]) + "\\n")
    if sys.argv[1] == "demo":
        MOOD
        print("20 books", flush=True)
    else:
        while not pathlib.Path("die").exists():
            time.sleep(0.05)
        print("lost the store", flush=True)
        sys.exit(5)
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def is_running(process_id: int) -> bool:
    """Whether a process runs; one that has ended and only waits for its parent does not."""
    status = Path(f"/proc/{process_id}/stat")
    if Path("/proc/self/stat").exists():
        return status.exists() and status.read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    return subprocess.run(["ps", "-p", str(process_id)], capture_output=True, check=False).returncode == 0


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a launcher as a process of its own, in a project folder with a store command and servers that are fakes."""
    started: list[subprocess.Popen[str]] = []

    def start(port: int, *, store: str = "pass", web: str = FAKE_WEB, **options: object) -> subprocess.Popen[str]:
        for package, code in (("ingestion", FAKE_SIDECAR.replace("MOOD", store)), ("streamlit", web)):
            (tmp_path / package).mkdir()
            (tmp_path / package / "__init__.py").touch()
            (tmp_path / package / "__main__.py").write_text(textwrap.dedent(code), encoding="utf-8")
        options = {"port": port, "headless": True, **options}
        code = (
            f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
            "from pathlib import Path\n"
            "from launch import board, messages\n"
            f"options = board.Options(**{options!r})\n"
            f"serve = lambda: board.serve(options, Path({str(tmp_path)!r}), Path(sys.executable))\n"
            "sys.exit(messages.leave(serve))\n"
        )
        process = subprocess.Popen(python(code), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait(20)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stderr.close()


def keep_until_something_ends(folder: Path, children: list[Child]) -> None:
    with Supervisor(folder, dict(os.environ)) as supervisor:
        for child in children:
            supervisor.start(child)
        assert supervisor.wait_until(lambda: False, 20), "nothing ended"


def lines_until(process: subprocess.Popen[str], text: str) -> list[str]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if text in line:
            return lines
    raise AssertionError(f"{text!r} did not come: {lines}, {process.stderr.read() if process.stderr else ''}")


class TestSupervisor:
    def test_the_death_of_one_ends_the_other_and_is_told(self, tmp_path: Path) -> None:
        quiet, dying = (
            Child("web", python(SLEEP), tmp_path / "web.log"),
            Child("feed", python(DIES), tmp_path / "f.log"),
        )
        with pytest.raises(Refusal, match=r"The feed ended by itself \(exit code 9\)") as refused:
            keep_until_something_ends(tmp_path, [quiet, dying])
        assert refused.value.why == ["working", "no more disk"]
        assert refused.value.code != 0
        assert not is_running(int((tmp_path / "web.log").read_text(encoding="utf-8").split()[1]))

    def test_a_process_that_was_killed_is_told_by_its_signal(self, tmp_path: Path) -> None:
        child = Child("feed", python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"), tmp_path / "f.log")
        with pytest.raises(Refusal, match="SIGKILL"):
            keep_until_something_ends(tmp_path, [child])

    def test_one_that_does_not_listen_is_killed_with_what_it_started(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}])\n{STUBBORN}"
        log = tmp_path / "stubborn.log"
        with Supervisor(tmp_path, dict(os.environ), grace_seconds=0.3) as supervisor:
            supervisor.start(Child("feed", python(code), log))
            assert supervisor.wait_until(lambda: {"up", "pid"} <= set(log.read_text(encoding="utf-8").split()), 20)
        words = log.read_text(encoding="utf-8").split()
        wait_for(lambda: not is_running(int(words[words.index("pid") + 1])))
        assert "did not end when asked and was killed" in capsys.readouterr().out

    def test_the_time_of_waiting_ends(self, tmp_path: Path) -> None:
        with Supervisor(tmp_path, dict(os.environ)) as supervisor:
            supervisor.start(Child("feed", python(SLEEP), tmp_path / "f.log"))
            assert supervisor.wait_until(lambda: False, 0.2) is False

    def test_the_handlers_of_signals_are_given_back(self, tmp_path: Path) -> None:
        before = signal.getsignal(signal.SIGINT)
        with Supervisor(tmp_path, {}):
            assert signal.getsignal(signal.SIGINT) != before
        assert signal.getsignal(signal.SIGINT) == before


class TestBoard:
    def test_it_prepares_the_store_then_starts_both_and_tells_the_address(
        self, start: Callable[..., subprocess.Popen[str]], free_port: int, tmp_path: Path
    ) -> None:
        process = start(free_port, fresh=True, speed="max")
        lines = lines_until(process, "live at")
        assert lines == [
            "20 books",
            "Starting the sidecar and the web server ...",
            f"Deltaboard is live at http://localhost:{free_port}",
        ]
        assert board.is_live(free_port)
        asked = (tmp_path / "asked.txt").read_text(encoding="utf-8").splitlines()
        assert asked == ["demo --fresh", f"replay {Path('data', 'stock_price_tick_data.csv')} --speed max"]

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_a_stop_ends_both_and_leaves_with_zero(
        self, number: signal.Signals, start: Callable[..., subprocess.Popen[str]], free_port: int
    ) -> None:
        process = start(free_port)
        lines_until(process, "live at")
        children = children_of(process.pid)
        assert len(children) == 2
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0
        assert out.splitlines()[-1] == "Stopped."
        assert "was killed" not in out
        assert err == ""
        assert not any(is_running(child) for child in children)
        assert not board.is_live(free_port)

    def test_a_stop_before_the_board_is_live_ends_both(
        self, start: Callable[..., subprocess.Popen[str]], free_port: int, tmp_path: Path
    ) -> None:
        process = start(free_port, web=SLEEP)
        wait_for(lambda: (tmp_path / "var" / "log" / "web.log").exists() and len(children_of(process.pid)) == 2)
        children = children_of(process.pid)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "live at" not in out
        assert not any(is_running(child) for child in children)

    def test_the_death_of_the_sidecar_ends_the_web_server(
        self, start: Callable[..., subprocess.Popen[str]], free_port: int, tmp_path: Path
    ) -> None:
        process = start(free_port)
        lines_until(process, "live at")
        (tmp_path / "die").touch()
        _, err = process.communicate(timeout=20)
        assert process.returncode == 1
        assert err.splitlines()[:-1] == ["  lost the store"]
        assert err.splitlines()[-1].startswith("The sidecar ended by itself (exit code 5)")
        assert not board.is_live(free_port)

    def test_the_death_of_the_web_server_ends_the_sidecar(
        self, start: Callable[..., subprocess.Popen[str]], free_port: int
    ) -> None:
        process = start(free_port, web="import sys; sys.exit('no module named streamlit_app')")
        lines_until(process, "Starting")
        children = children_of(process.pid)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 1
        assert "The web server ended by itself" in err.splitlines()[-1]
        assert "  no module named streamlit_app" in err.splitlines()
        assert not any(is_running(child) for child in children)

    def test_an_unreadable_store_is_one_line_and_its_code(
        self, start: Callable[..., subprocess.Popen[str]], free_port: int
    ) -> None:
        told = "The store var/deltaboard.sqlite is not a database."
        process = start(free_port, store=f"print({told!r}, file=sys.stderr); sys.exit(3)")
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (3, "", told + "\n")

    def test_a_store_that_fails_otherwise_is_told_with_its_last_lines(
        self, start: Callable[..., subprocess.Popen[str]], free_port: int
    ) -> None:
        process = start(free_port, store="raise MemoryError('all gone')")
        _, err = process.communicate(timeout=20)
        assert process.returncode == 1
        assert "MemoryError: all gone" in err
        assert err.splitlines()[-1].startswith("The store could not be made ready (exit code 1).")

    def test_a_board_that_does_not_come_to_life_is_told(
        self, free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(board, "SECONDS_TO_LIVE", 0.3)
        monkeypatch.setattr(board, "prepare_store", lambda *_: None)
        monkeypatch.setattr(board, "_web_command", lambda *_: python(SLEEP))
        monkeypatch.setattr(board, "_sidecar_command", lambda *_: python(SLEEP))
        with pytest.raises(Refusal, match="did not come to life") as refused:
            board.serve(board.Options(port=free_port), tmp_path, Path(sys.executable))
        assert any("pid" in line for line in refused.value.why)


def children_of(process_id: int) -> list[int]:
    found = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [line.split() for line in found.splitlines()]
    return [int(child) for child, parent in pairs if int(parent) == process_id]


class TestIsLive:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b'{"live": true, "revision": 4}', True),
            (b'{"live": false}', False),
            (b'{"live": "true"}', False),
            (b"{}", False),
            (b"[true]", False),
            (b"<html>", False),
            (b"\xff", False),
        ],
    )
    def test_only_what_the_board_says_of_itself_counts_and_no_proxy_is_asked(
        self, body: bytes, expected: bool, free_port: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.setenv("no_proxy", "")

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if self.path == "/deltaboard/health" else 404)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", free_port), Answer) as server:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            assert board.is_live(free_port) is expected
            server.shutdown()

    def test_nobody_there(self, free_port: int) -> None:
        assert board.is_live(free_port) is False


class TestArguments:
    def test_a_port_in_use_is_told_in_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            port = listener.getsockname()[1]
            assert board.main(["--port", str(port), "--headless"]) == 1
        told = capsys.readouterr()
        assert told.err.splitlines() == [f"Port {port} is in use: end what uses it, or choose another with --port"]
        assert told.out == ""

    def test_a_port_that_is_bound_without_answering_is_in_use(self) -> None:
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            with pytest.raises(Refusal, match="is in use"):
                board.refuse_busy_port(holder.getsockname()[1])

    def test_a_free_port_is_good(self, free_port: int) -> None:
        board.refuse_busy_port(free_port)

    @pytest.mark.parametrize("arguments", [["--port", "0"], ["--port", "x"], ["--port", "70000"], ["--speed", "-1"]])
    def test_what_makes_no_sense_is_refused(self, arguments: list[str]) -> None:
        with pytest.raises(SystemExit) as left:
            board.main(arguments)
        assert left.value.code == 2

    def test_the_defaults(self) -> None:
        assert board._options([]) == board.Options(port=8501, headless=False, fresh=False, speed="100")


class TestChecks:
    @pytest.fixture
    def commands(self, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
        """What ./test would run, without running it; mypy fails."""
        ran: list[list[str]] = []

        def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
            ran.append(command[2:])
            return subprocess.CompletedProcess(command, 1 if "mypy" in command else 0)

        monkeypatch.setattr(checks, "ensure_environment", lambda *_: Path(sys.executable))
        monkeypatch.setattr(checks, "install_missing", lambda: None)
        monkeypatch.setattr("launch.checks.subprocess.run", run)
        return ran

    def test_all_steps_run_and_one_failure_fails_all(
        self, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert checks._check([]) == 1
        assert [command[0] for command in commands] == ["ruff", "ruff", "mypy", "pytest"]
        assert capsys.readouterr().out.splitlines()[-1] == "Failed: types."

    def test_arguments_go_to_pytest_alone(self, commands: list[list[str]]) -> None:
        assert checks._check(["tests/data", "-x"]) == 0
        assert commands == [["pytest", "tests/data", "-x"]]

    @pytest.mark.parametrize("in_ci", [True, False])
    def test_a_missing_component_fails_in_ci_and_is_a_loud_skip_elsewhere(
        self,
        in_ci: bool,
        commands: list[list[str]],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv("CI", "true" if in_ci else "")
        monkeypatch.setenv("DELTABOARD_CHROMIUM", "/no/such/browser")
        if in_ci:
            with pytest.raises(Refusal, match="no component may be missing"):
                checks._check(["tests/data"])
            assert commands == []
        else:
            assert checks._check(["tests/data"]) == 0
            skips = [line for line in capsys.readouterr().out.splitlines() if line.startswith("SKIPPED")]
            assert len(skips) == 2
            assert "no Chromium found" in skips[0]
