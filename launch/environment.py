"""Is the environment in .venv what the requirements say? If not, make it so."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

from launch.messages import Refusal, say

FOLDER = ".venv"
STAMP_PREFIX = "installed-"
_INCLUDES = ("-r ", "-c ")


def ensure_environment(root: Path, requirements: str) -> Path:
    """Make .venv and install a requirements file where that is not done yet; the environment's Python.

    A stamp in .venv holds the hash of the file (and of those that it includes) and the Python version, so that
    nothing is done when nothing changed.
    """
    environment = root / FOLDER
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = {name: _fingerprint(root, name) for name in _included(root, requirements)}
    if not _is_usable(environment, python):
        _make(environment)
    if _stamped(environment, requirements) == wanted[requirements]:
        return python
    _forget_stale_stamps(root, environment)
    say(f"Installing the packages of {requirements} into {FOLDER} (the first time takes a minute or two) ...")
    started = time.monotonic()
    _install(root, python, requirements)
    for name, fingerprint in wanted.items():
        _stamp(environment, name).write_text(fingerprint, encoding="utf-8")
    say(f"Installed in {time.monotonic() - started:.0f} s.")
    return python


def run_quietly(command: list[str], folder: Path) -> tuple[int, list[str]]:
    """Exit code of a command and the lines that it printed, both streams together."""
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    lines = done.stdout.decode("utf-8", errors="replace").splitlines()
    return done.returncode, [line.rstrip() for line in lines if line.strip()]


def _version() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def _is_usable(environment: Path, python: Path) -> bool:
    """Whether it was made by this version of Python and made to its end."""
    settings = environment / "pyvenv.cfg"
    if environment.exists() and not settings.exists() and any(environment.iterdir()):
        raise Refusal(f"{environment} is there but is not a Python environment: move it away and start again")
    if not settings.exists() or not python.exists() or not (environment / "made").exists():
        return False
    return (environment / "made").read_text(encoding="utf-8") == _version()


def _make(environment: Path) -> None:
    say(f"Making the environment {FOLDER} with Python {_version()} ...")
    code, lines = run_quietly([sys.executable, "-m", "venv", "--clear", str(environment)], environment.parent)
    if code:
        raise Refusal(f"Python could not make the environment {environment} (exit code {code})", why=lines[-8:])
    (environment / "made").write_text(_version(), encoding="utf-8")


def _install(root: Path, python: Path, requirements: str) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]
    code, lines = run_quietly(command, root)
    if code:
        raise Refusal(f"pip could not install {requirements} (exit code {code})", why=lines[-8:])


def _included(root: Path, requirements: str) -> list[str]:
    """The file and those that it includes, in the order of their reading."""
    names = [requirements]
    for name in names:
        path = root / name
        if not path.is_file():
            raise Refusal(f"{path} is missing")
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith(_INCLUDES) and line[3:].strip() not in names:
                names.append(line[3:].strip())
    return names


def _fingerprint(root: Path, requirements: str) -> str:
    digest = hashlib.sha256(_version().encode())
    for name in _included(root, requirements):
        digest.update(name.encode() + b"\0" + (root / name).read_bytes() + b"\0")
    return digest.hexdigest()


def _stamp(environment: Path, requirements: str) -> Path:
    return environment / f"{STAMP_PREFIX}{requirements}"


def _stamped(environment: Path, requirements: str) -> str | None:
    stamp = _stamp(environment, requirements)
    return stamp.read_text(encoding="utf-8") if stamp.exists() else None


def _forget_stale_stamps(root: Path, environment: Path) -> None:
    """Forget what no longer holds before pip changes the packages: an old stamp must not come true again."""
    for stamp in environment.glob(f"{STAMP_PREFIX}*"):
        name = stamp.name.removeprefix(STAMP_PREFIX)
        if not (root / name).is_file() or stamp.read_text(encoding="utf-8") != _fingerprint(root, name):
            stamp.unlink()
