"""./run keeps the sidecar and the web server running together, and tells in one line what hindered it."""

import http.server
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launch import board
from launch.messages import Refusal
from tests.fixtures import databases
from tests.launch.real_processes import SLEEP, children_of, is_running, python, wait_for

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")

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
    if sys.argv[1] in ("demo", "status"):
        MOOD
        print("20 books", flush=True)
    else:
        while not pathlib.Path("die").exists():
            time.sleep(0.05)
        print("lost the store", flush=True)
        sys.exit(5)
"""


@pytest.fixture
def free_port() -> int:
    return databases.free_port()


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
            f"import signal, sys; sys.path.insert(0, {str(ROOT)!r})\n"
            "if hasattr(signal, 'SIGHUP'): signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup would be inherited\n"
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
            process.wait(60)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stderr.close()


def lines_until(process: subprocess.Popen[str], text: str) -> list[str]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if text in line:
            return lines
    raise AssertionError(f"{text!r} did not come: {lines}, {process.stderr.read() if process.stderr else ''}")


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
        wait_for(lambda: board.is_live(free_port))
        asked = tmp_path / "asked.txt"
        wait_for(lambda: asked.read_text(encoding="utf-8").count("\n") == 2)  # the sidecar may be slow to begin
        assert asked.read_text(encoding="utf-8").splitlines() == [
            "demo --fresh",
            f"replay {Path('data', 'stock_price_tick_data.csv')} --speed max",
        ]

    def test_without_the_demo_it_starts_the_web_server_alone_on_the_store_as_it_is(
        self, start: Callable[..., subprocess.Popen[str]], free_port: int, tmp_path: Path
    ) -> None:
        process = start(free_port, no_demo=True, web=FAKE_WEB.replace("asked > 2", "False").replace("(200)", "(503)"))
        lines = lines_until(process, "live at")
        assert lines[1:] == ["Starting the web server ...", f"Deltaboard is live at http://localhost:{free_port}"]
        assert len(children_of(process.pid)) == 1
        assert (tmp_path / "asked.txt").read_text(encoding="utf-8").splitlines() == ["status"]

    def test_a_book_of_ones_own_is_refused_in_one_line(
        self, start: Callable[..., subprocess.Popen[str]], free_port: int
    ) -> None:
        told = "The store holds a book of your own."
        process = start(free_port, store=f"print({told!r}, file=sys.stderr); sys.exit(5)")
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (5, "", told + "\n")

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_a_stop_ends_both_and_leaves_with_zero(
        self, number: signal.Signals, start: Callable[..., subprocess.Popen[str]], free_port: int
    ) -> None:
        process = start(free_port)
        lines_until(process, "live at")
        children = children_of(process.pid)
        assert len(children) == 2
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
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
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "live at" not in out
        assert not any(is_running(child) for child in children)

    def test_the_death_of_the_sidecar_ends_the_web_server(
        self, start: Callable[..., subprocess.Popen[str]], free_port: int, tmp_path: Path
    ) -> None:
        process = start(free_port)
        lines_until(process, "live at")
        (tmp_path / "die").touch()
        _, err = process.communicate(timeout=60)
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
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "The web server ended by itself" in err.splitlines()[-1]
        assert "  no module named streamlit_app" in err.splitlines()
        assert not any(is_running(child) for child in children)

    def test_an_unreadable_store_is_one_line_and_its_code(
        self, start: Callable[..., subprocess.Popen[str]], free_port: int
    ) -> None:
        told = "The store var/deltaboard.sqlite is not a database."
        process = start(free_port, store=f"print({told!r}, file=sys.stderr); sys.exit(3)")
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (3, "", told + "\n")

    def test_a_store_that_fails_otherwise_is_told_with_its_last_lines(
        self, start: Callable[..., subprocess.Popen[str]], free_port: int
    ) -> None:
        process = start(free_port, store="raise MemoryError('all gone')")
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "MemoryError: all gone" in err
        assert err.splitlines()[-1].startswith("The store could not be made ready (exit code 1).")

    def test_a_board_that_does_not_come_to_life_is_told(
        self, free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        logs = [tmp_path / "var" / "log" / name for name in ("sidecar.log", "web.log")]

        def not_live(_port: int) -> bool:
            wait_for(lambda: all("pid" in log.read_text(encoding="utf-8") for log in logs))  # both have begun
            return False

        monkeypatch.setattr(board, "SECONDS_TO_LIVE", 0.3)
        monkeypatch.setattr(board, "is_live", not_live)
        monkeypatch.setattr(board, "prepare_store", lambda *_: None)
        monkeypatch.setattr(board, "_web_command", lambda *_: python(SLEEP))
        monkeypatch.setattr(board, "_sidecar_command", lambda *_: python(SLEEP))
        with pytest.raises(Refusal, match="did not come to life") as refused:
            board.serve(board.Options(port=free_port), tmp_path, Path(sys.executable))
        assert [line.split()[0] for line in refused.value.why] == ["pid", "pid"]


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
        self, body: bytes, expected: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setattr(board, "SECONDS_TO_ANSWER", 60.0)  # what is asked here is not how fast

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if self.path == "/deltaboard/health" else 404)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            assert board.is_live(server.server_port) is expected
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

    @pytest.mark.parametrize(
        "arguments",
        [["--port", "0"], ["--port", "x"], ["--port", "70000"], ["--speed", "-1"], ["--fresh", "--no-demo"]],
    )
    def test_what_makes_no_sense_is_refused(self, arguments: list[str]) -> None:
        with pytest.raises(SystemExit) as left:
            board.main(arguments)
        assert left.value.code == 2

    def test_the_defaults(self) -> None:
        assert board._options([]) == board.Options(port=8501, headless=False, fresh=False, no_demo=False, speed="100")
        assert board._options(["--no-demo"]).no_demo
