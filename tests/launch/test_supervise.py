"""Processes that live and die together."""

import os
import signal
from pathlib import Path

import pytest

from launch.messages import Refusal
from launch.supervise import Child, Supervisor
from tests.launch.real_processes import SLEEP, is_running, python, wait_for

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")

DIES = """
import pathlib, sys, time
print('working', flush=True)
while not pathlib.Path('web.log').read_text().endswith('\\n'):  # until the other runs and has told its number
    time.sleep(0.02)
print('no more disk', flush=True)
sys.exit(9)
"""
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)


def keep_until_something_ends(folder: Path, children: list[Child]) -> None:
    with Supervisor(folder, dict(os.environ)) as supervisor:
        for child in children:
            supervisor.start(child)
        assert supervisor.wait_until(lambda: False, 60), "nothing ended"


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
            assert supervisor.wait_until(lambda: {"up", "pid"} <= set(log.read_text(encoding="utf-8").split()), 60)
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
