"""./test runs every step, and says loudly what it had to leave out."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from launch import checks
from launch.messages import Refusal


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What ./test would run, without running it; mypy fails."""
    ran: list[list[str]] = []

    really_run = subprocess.run

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[Any]:
        if command[0] != sys.executable:  # a component is asked for its version
            return really_run(command, **options)
        ran.append(command[2:])
        return subprocess.CompletedProcess(command, 1 if "mypy" in command else 0)

    monkeypatch.setattr(checks, "ensure_environment", lambda *_: Path(sys.executable))
    monkeypatch.setattr(checks, "install_missing", lambda: None)
    monkeypatch.setattr(checks, "fetch_missing", lambda: None)
    monkeypatch.setattr(checks, "script_steps", lambda: ([("scripts", [sys.executable, "-m", "eslint"])], []))
    monkeypatch.setattr("launch.checks.subprocess.run", run)
    return ran


def test_all_steps_run_and_one_failure_fails_all(commands: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert checks._check([]) == 1
    assert [command[0] for command in commands] == ["eslint", "ruff", "ruff", "mypy", "pytest"]
    assert capsys.readouterr().out.splitlines()[-1] == "Failed: types."
    assert commands[-1][-2:] == ["--dist", "loadfile"], "the tests of a file share what it has started"


def test_arguments_go_to_pytest_alone(commands: list[list[str]]) -> None:
    assert checks._check(["tests/data", "-x"]) == 0
    assert commands == [["pytest", "tests/data", "-x"]]


def test_the_fast_tier_needs_no_component(commands: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "install_missing", lambda: pytest.fail("it installs servers"))
    monkeypatch.setenv("DELTABOARD_CHROMIUM", "/no/such/browser")
    monkeypatch.setenv("CI", "true")
    assert checks._check(["--fast"]) == 1
    assert [command[0] for command in commands] == ["eslint", "ruff", "ruff", "mypy", "pytest"]
    assert commands[-1][1:4] == ["--tier", "fast", "-n"]
    commands.clear()
    assert checks._check(["--fast", "tests/data"]) == 0
    assert commands == [["pytest", "--tier", "fast", "tests/data"]]


@pytest.mark.parametrize("soak", [[], ["--soak-minutes", "5"], ["--soak-minutes=5"]])
def test_the_long_tier_is_all_of_it(commands: list[list[str]], soak: list[str]) -> None:
    assert checks._check(["--long", *soak]) == 1
    assert [command[0] for command in commands] == ["eslint", "ruff", "ruff", "mypy", "pytest"]
    assert commands[-1][1:3] == ["--tier", "long"]
    assert commands[-1][-len(soak) :] == soak or not soak


@pytest.mark.parametrize("in_ci", [True, False])
def test_a_missing_component_fails_in_ci_and_is_a_loud_skip_elsewhere(
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
        assert len([line for line in skips if "no Chromium found" in line]) == 2, "before the tests and after them"
