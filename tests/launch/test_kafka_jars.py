"""Kafka's jars are whole or not there, are fetched once, and what hinders that is told."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from launch import components, kafka_jars
from launch.messages import Refusal

ROOT = Path(__file__).resolve().parents[2]
SERVER = "kafka_2.13-0.jar"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="its Maven and its Java are shell scripts")


def script(path: Path, lines: str) -> Path:
    path.write_text(f"#!/bin/sh\n{textwrap.dedent(lines)}", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def fetching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with nothing in it and a Maven that copies one jar into the folder that it is told."""
    maven = script(
        tmp_path / "mvn",
        f"""
        for argument in "$@"; do
          case "$argument" in -DoutputDirectory=*) folder="${{argument#*=}}";; esac
        done
        mkdir "$folder" && echo one >> "{tmp_path}/fetched.txt" && sleep 0.3 && touch "$folder/{SERVER}"
        """,
    )
    monkeypatch.delenv("DELTABOARD_KAFKA", raising=False)
    monkeypatch.setenv("DELTABOARD_MAVEN", str(maven))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_what_is_not_there_is_fetched_once(fetching: Path) -> None:
    assert kafka_jars.find_jars() is None
    folder = kafka_jars.fetch_jars()
    assert folder == kafka_jars.find_jars() == kafka_jars.cache_folder()
    assert folder.is_relative_to(fetching / "cache")
    assert not folder.is_relative_to(ROOT)
    kafka_jars.fetch_jars()
    assert (fetching / "fetched.txt").read_text(encoding="utf-8").split() == ["one"]


def test_two_who_fetch_at_once_do_not_clash(fetching: Path) -> None:
    command = [sys.executable, "-c", "from launch.kafka_jars import fetch_jars; print(fetch_jars())"]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=30)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [lines.splitlines()[-1] for lines in said] == [str(kafka_jars.cache_folder())] * 2
    assert (fetching / "fetched.txt").read_text(encoding="utf-8").split() == ["one"]


def test_half_a_fetch_is_never_used(fetching: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script(fetching / "mvn", "echo '[ERROR] no way to the repository'; exit 1")
    kafka_jars.cache_folder().mkdir(parents=True)
    (kafka_jars.cache_folder() / "slf4j-simple-0.jar").touch()
    with pytest.raises(Refusal, match="Maven could not fetch Kafka") as refused:
        kafka_jars.fetch_jars()
    assert refused.value.why == ["[ERROR] no way to the repository"]
    assert kafka_jars.find_jars() is None
    components.fetch_kafka()
    assert "no way to the repository" in capsys.readouterr().out


def test_a_folder_that_is_named_is_used_as_it_is(fetching: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = fetching / "ready"
    ready.mkdir()
    monkeypatch.setenv("DELTABOARD_KAFKA", str(ready))
    with pytest.raises(Refusal, match="DELTABOARD_KAFKA names"):
        kafka_jars.fetch_jars()
    (ready / SERVER).touch()
    assert kafka_jars.fetch_jars() == ready
    assert not (fetching / "fetched.txt").exists()


def test_no_maven_is_told_with_its_remedy(fetching: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTABOARD_MAVEN", str(fetching / "gone"))
    with pytest.raises(Refusal, match="apt install maven"):
        kafka_jars.fetch_jars()


@pytest.mark.parametrize(
    ("told", "is_found"), [("17.0.15", True), ("25", True), ("11.0.2", False), ("1.8.0_402", False), ("", False)]
)
def test_a_java_that_is_too_old_is_none(
    told: str, is_found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = script(tmp_path / "java", f"""echo 'openjdk version "{told}" 2025-04-15' >&2""")
    monkeypatch.setenv("DELTABOARD_JAVA", str(java))
    assert kafka_jars.find_java() == (java if is_found else None)
