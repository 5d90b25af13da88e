"""Every package that is installed has its version in requirements.lock."""

import re
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[a-z]+\])?==(?P<version>[^\s;]+)", re.MULTILINE)
NOT_OURS = {"pip", "setuptools", "wheel"}
"""What every Python environment brings."""


def pins_of(name: str) -> dict[str, str]:
    """Package -> version, of a requirements file."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return {canonical(pin["name"]): pin["version"] for pin in PIN.finditer(text)}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-test.txt", "requirements-bench.txt"])
def test_what_is_required_is_locked(name: str) -> None:
    locked = pins_of("requirements.lock")
    wanted = pins_of(name)
    assert wanted
    assert {package: locked.get(package) for package in wanted} == wanted


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-test.txt", "requirements-bench.txt"])
def test_every_requirement_is_pinned(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    loose = [line for line in lines if line and not line.startswith(("#", "-r ", "-c ")) and not PIN.match(line)]
    assert loose == []


def test_what_is_installed_is_locked() -> None:
    locked = pins_of("requirements.lock")
    installed = {canonical(found.metadata["Name"]): found.version for found in metadata.distributions()}
    different = {name: version for name, version in installed.items() if name not in NOT_OURS | {"deltaboard"}}
    assert {name: version for name, version in different.items() if locked.get(name) != version} == {}
