"""A real broker: it answers, keeps what it was told through kills, and never outlives who started it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from launch.kafka_broker import Broker, free_port, main
from launch.messages import Refusal
from tests.fixtures.kafka import everything_in, fresh_topic, produce
from tests.launch.real_processes import children_of, is_running, wait_for

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.kafka


def test_what_was_sent_is_there_after_a_kill_and_after_an_orderly_restart(broker: Broker, tmp_path: Path) -> None:
    with Broker(folder=tmp_path / "mine") as mine:
        topic, at = fresh_topic(mine), mine.bootstrap
        produce(mine, topic, [b"one", (b"key", b"two", 0)])
        mine.kill()
        assert not mine.is_running
        assert not mine.answers()
        mine.start()
        assert mine.bootstrap == at
        produce(mine, topic, [(b"key", None, 0)])
        mine.restart()
        assert everything_in(mine, topic) == [(None, b"one"), (b"key", b"two"), (b"key", None)]
    assert not mine.answers()
    assert mine.log.stat().st_size > 0, "a folder that was given stays"


def test_a_throw_away_folder_is_thrown_away() -> None:
    thrown_away = Broker()
    assert thrown_away.folder.is_dir()
    thrown_away.close()
    assert not thrown_away.folder.exists()


@pytest.mark.skipif(os.name == "nt", reason="kills by a POSIX signal")
def test_it_ends_with_its_parent_even_when_that_is_killed(broker: Broker, tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "launch.kafka_broker", "--port", str(port), "--folder", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(2)]
        assert lines[1] == f"Kafka answers at 127.0.0.1:{port}. Log: {tmp_path / 'broker.log'}"
        (guard,) = children_of(process.pid)
        (java,) = children_of(guard)
        assert os.getpgid(java) == guard, "a group of its own: Ctrl-C does not reach it"
        process.send_signal(signal.SIGKILL)
    wait_for(lambda: not is_running(guard) and not is_running(java))


@pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
def test_by_hand_it_runs_until_it_is_told_to_stop(broker: Broker, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "launch.kafka_broker",
        "--port",
        str(free_port()),
        "--folder",
        str(tmp_path),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(3):
            process.stdout.readline()
        (guard,) = children_of(process.pid)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (0, "Stopped.\n", "")
    assert not is_running(guard)


def test_a_port_in_use_is_told_in_one_line(broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", str(broker.port), "--folder", str(tmp_path / "none")]) == 1
    assert f"Port {broker.port} is in use" in capsys.readouterr().err
    with pytest.raises(Refusal, match="is in use"):
        Broker(broker.port, tmp_path / "second").start()
    wait_for(broker.answers)  # it may be slow: a look has two seconds
