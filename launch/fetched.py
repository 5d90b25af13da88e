"""A folder that a package manager fills once, for all copies of this repository. Standard library only.

It is kept in the user's cache and is there whole, or not at all: it is filled aside and moved into place when complete.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from launch.environment import run_quietly
from launch.messages import Refusal, say

NPM_FILES = ("package.json", "package-lock.json")
NPM_INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund")
"""npm's arguments that install what these files say, and nothing else."""
_LINES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Manager:
    """A package manager: what people call it, the program, the variable that names another, Debian's package."""

    name: str
    program: str
    variable: str
    package: str

    def find(self) -> Path | None:
        """Its program."""
        named = os.environ.get(self.variable)
        if named:
            return Path(named) if Path(named).is_file() else None
        found = shutil.which(self.program)
        return Path(found) if found else None


@dataclass(frozen=True, slots=True)
class Fetched:
    """What is fetched, and by whom.

    variable: names a folder that is used as it is. proof: a pattern of what is there only when all of it is.
    name: of the folder in the cache; another version has another name. fill: from the manager's program and an empty
    folder, the command that fills it, to be run there.
    """

    what: str
    size: str
    manager: Manager
    variable: str
    proof: str
    name: Callable[[], str]
    fill: Callable[[Path, Path], list[str]]

    def cache_folder(self) -> Path:
        """Where it is kept."""
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(base, "deltaboard", self.name())

    def find(self) -> Path | None:
        """The folder, where it is whole and ready."""
        named = os.environ.get(self.variable)
        folder = Path(named) if named else self.cache_folder()
        return folder if self._is_whole(folder) else None

    def fetch(self) -> Path:
        """The folder, fetched where it is not there yet; of two who fetch at once, one waits for the other.

        Raises Refusal when it cannot be had.
        """
        ready = self.find()
        if ready is not None:
            return ready
        if named := os.environ.get(self.variable):
            raise Refusal(f"{self.variable} names {named}, which has no {self.proof}")
        program = self.manager.find()
        if program is None:
            raise Refusal(
                f"{self.what} is not there and no {self.manager.name} to fetch it: "
                f"install it, on Debian: apt install {self.manager.package}"
            )
        folder = self.cache_folder()
        with _one_at_a_time(folder.with_name(f"{folder.name}.lock")):
            if self.find() is None:
                self._fetch(program, folder)
        return folder

    def _is_whole(self, folder: Path) -> bool:
        return any(folder.glob(self.proof))

    def _fetch(self, program: Path, folder: Path) -> None:
        say(f"Fetching {self.what} with {self.manager.name} into {folder} ({self.size}) ...")
        with tempfile.TemporaryDirectory(prefix=f"{folder.name}.", dir=folder.parent) as aside:
            content = Path(aside) / "content"
            content.mkdir()
            code, lines = run_quietly(self.fill(program, content), content)
            if code or not self._is_whole(content):
                raise Refusal(
                    f"{self.manager.name} could not fetch {self.what} (exit code {code})", why=lines[-_LINES_SHOWN:]
                )
            if folder.exists():  # somebody's leftovers, without the proof
                shutil.rmtree(folder)
            content.rename(folder)


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Wait until nobody else holds this lock, and hold it; a process that dies lets it go."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def npm_version(folder: Path) -> str:
    """A short name of what the npm files of a folder say: another content has another name."""
    return hashlib.sha256(b"\0".join((folder / name).read_bytes() for name in NPM_FILES)).hexdigest()[:12]


def is_version(program: Path, option: str, pattern: str, oldest: int) -> bool:
    """Whether a program says that it is of this major version or a later one; group 1 of the pattern is the number."""
    try:
        told = subprocess.run([str(program), option], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    found = re.search(pattern, told.stdout + told.stderr)
    return found is not None and int(found[1]) >= oldest
