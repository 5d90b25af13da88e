"""The identity provider of the tests is whole or not there, is fetched once, and what hinders that is told."""

import os
import textwrap
from pathlib import Path

import pytest

from launch import components, sign_in_provider
from launch.messages import Refusal

pytestmark = pytest.mark.skipif(os.name == "nt", reason="its npm and its Node are shell scripts")


def script(path: Path, lines: str) -> Path:
    path.write_text(f"#!/bin/sh\n{textwrap.dedent(lines)}", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def fetching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with nothing in it and an npm that makes the one file that is looked for."""
    npm = script(
        tmp_path / "npm",
        f"""
        test -f package-lock.json && echo "$1" >> "{tmp_path}/fetched.txt"
        mkdir -p node_modules/oidc-provider && touch node_modules/oidc-provider/package.json
        """,
    )
    monkeypatch.delenv("DELTABOARD_SIGN_IN_PROVIDER", raising=False)
    monkeypatch.setenv("DELTABOARD_NPM", str(npm))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_what_is_not_there_is_fetched_once_as_it_is_locked(fetching: Path) -> None:
    assert sign_in_provider.find_provider() is None
    folder = sign_in_provider.fetch_provider()
    assert folder == sign_in_provider.find_provider() == sign_in_provider.cache_folder()
    assert folder.is_relative_to(fetching / "cache")
    sign_in_provider.fetch_provider()
    assert (fetching / "fetched.txt").read_text(encoding="utf-8").split() == ["ci"]


def test_another_version_is_another_folder(fetching: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sign_in_provider.cache_folder()
    changed = fetching / "provider"
    changed.mkdir()
    for name in ("package.json", "package-lock.json"):
        changed.joinpath(name).write_bytes(sign_in_provider.FOLDER.joinpath(name).read_bytes() + b"\n")
    monkeypatch.setattr(sign_in_provider, "FOLDER", changed)
    assert sign_in_provider.cache_folder() != before


def test_half_a_fetch_is_never_used(fetching: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script(fetching / "npm", "mkdir node_modules; echo 'npm error no way to the registry'; exit 1")
    sign_in_provider.cache_folder().mkdir(parents=True)
    with pytest.raises(Refusal, match="npm could not fetch the identity provider") as refused:
        sign_in_provider.fetch_provider()
    assert refused.value.why == ["npm error no way to the registry"]
    assert sign_in_provider.find_provider() is None
    components.fetch_sign_in_provider()
    assert "no way to the registry" in capsys.readouterr().out


def test_no_npm_is_told_with_its_remedy(fetching: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTABOARD_NPM", str(fetching / "gone"))
    with pytest.raises(Refusal, match="apt install npm"):
        sign_in_provider.fetch_provider()


def test_a_folder_that_is_named_must_have_it(fetching: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTABOARD_SIGN_IN_PROVIDER", str(fetching / "empty"))
    with pytest.raises(Refusal, match="DELTABOARD_SIGN_IN_PROVIDER names"):
        sign_in_provider.fetch_provider()


@pytest.mark.parametrize(
    ("told", "is_found"), [("v20.20.2", True), ("v24.1.0", True), ("v18.20.4", True), ("v16.20.2", False), ("", False)]
)
def test_a_node_that_is_too_old_is_none(
    told: str, is_found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = script(tmp_path / "node", f"echo '{told}'")
    monkeypatch.setenv("DELTABOARD_NODE", str(node))
    assert sign_in_provider.find_node() == (node if is_found else None)
