"""Where are Node and the identity provider that the tests sign in at? npm fetches what is not there yet.

The provider is the npm package oidc-provider; its version and those of all that it needs are in package-lock.json.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from launch.environment import run_quietly
from launch.messages import Refusal, say
from launch.one_at_a_time import one_at_a_time

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "sign_in" / "provider"
OLDEST_NODE = 18
_FILES = ("package.json", "package-lock.json")
_PACKAGE = Path("node_modules", "oidc-provider", "package.json")


def find_node() -> Path | None:
    """The program of a Node that is new enough."""
    named = os.environ.get("DELTABOARD_NODE")
    place = named or shutil.which("node")
    return Path(place) if place and _is_new_enough(Path(place)) else None


def find_npm() -> Path | None:
    """The program of npm."""
    named = os.environ.get("DELTABOARD_NPM")
    if named:
        return Path(named) if Path(named).is_file() else None
    found = shutil.which("npm")
    return Path(found) if found else None


def find_provider() -> Path | None:
    """The folder that has the provider with all that it needs, whole and ready."""
    named = os.environ.get("DELTABOARD_SIGN_IN_PROVIDER")
    folder = Path(named) if named else cache_folder()
    return folder if (folder / _PACKAGE).is_file() else None


def cache_folder() -> Path:
    """Where it is kept for all copies of this repository: it is there whole, or not at all."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    wanted = hashlib.sha256(b"\0".join((FOLDER / name).read_bytes() for name in _FILES)).hexdigest()
    return Path(base, "deltaboard", f"sign-in-provider-{wanted[:12]}")


def fetch_provider() -> Path:
    """The folder with the provider; npm fetches it where it is not there yet, aside, and it is moved when complete."""
    ready = find_provider()
    if ready is not None:
        return ready
    if os.environ.get("DELTABOARD_SIGN_IN_PROVIDER"):
        raise Refusal(f"DELTABOARD_SIGN_IN_PROVIDER names {os.environ['DELTABOARD_SIGN_IN_PROVIDER']}, without it")
    npm = find_npm()
    if npm is None:
        raise Refusal("The identity provider is not there and no npm to fetch it: on Debian: apt install npm")
    folder = cache_folder()
    with one_at_a_time(folder.with_name(f"{folder.name}.lock")):
        if find_provider() is None:
            _fetch(npm, folder)
    return folder


def _fetch(npm: Path, folder: Path) -> None:
    say(f"Fetching the identity provider of the tests with npm into {folder} (9 MB) ...")
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}.", dir=folder.parent) as aside:
        whole = Path(aside) / "whole"
        whole.mkdir()
        for name in _FILES:
            shutil.copy(FOLDER / name, whole)
        code, lines = run_quietly([str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], whole)
        if code or not (whole / _PACKAGE).is_file():
            raise Refusal(f"npm could not fetch the identity provider (exit code {code})", why=lines[-8:])
        if folder.exists():  # without the package: somebody's leftovers
            shutil.rmtree(folder)
        whole.rename(folder)


def _is_new_enough(node: Path) -> bool:
    try:
        told = subprocess.run([str(node), "--version"], capture_output=True, text=True, check=False, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    found = re.match(r"v(\d+)", told)
    return found is not None and int(found[1]) >= OLDEST_NODE
