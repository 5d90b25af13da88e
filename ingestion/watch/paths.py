"""Which files are there to load: those that were named, and those in the folders that were named."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from services.records.how_many import NO_BREAK_SPACE

SUFFIXES = (".csv", ".xlsx", ".parquet")
REPORT_SUFFIX = ".errors.csv"
LOADED_FOLDER, REJECTED_FOLDER = "loaded", "rejected"
_UNFINISHED = (".tmp", ".part", ".crdownload", REPORT_SUFFIX)


@dataclass(frozen=True, slots=True)
class Signature:
    """What the file system says of a file: as long as it is the same, nobody has written to the file."""

    size: int
    modified_ns: int
    changed_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Signature":
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    def same_bytes(self, other: "Signature") -> bool:
        """Whether it is that file with that content; its name or its rights may have changed."""
        mine, others = ((s.size, s.modified_ns, s.inode) for s in (self, other))
        return mine == others


@dataclass(frozen=True, slots=True)
class WatchedFile:
    """A file that is there. drop: it lies in a drop folder, and is moved when it has been read."""

    path: Path
    signature: Signature
    drop: bool

    @property
    def key(self) -> str:
        """Its path as the store keeps it: a name need not be valid text."""
        return os.fsencode(self.path).decode("utf-8", "backslashreplace")

    @property
    def name(self) -> str:
        """Its name for people."""
        return shown(self.path.name)


@dataclass(slots=True)
class Look:
    """What a look found: files by key, the paths that are not there yet, and place -> why something is left aside.

    folders: where something may appear or change.
    """

    files: dict[str, WatchedFile] = field(default_factory=dict)
    absent: list[Path] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    folders: set[Path] = field(default_factory=set)


def shown(text: object) -> str:
    """A path, name or sentence on one line for people, whatever characters it has."""
    signs = (sign if sign.isprintable() or sign == NO_BREAK_SPACE else ascii(sign)[1:-1] for sign in str(text))
    return "".join(signs)


def in_words(error: OSError) -> str:
    """Why a file cannot be used, and what to do."""
    if isinstance(error, PermissionError):
        return "no permission: give the sidecar's user the right to it"
    return f"{error.strerror or error}: it is tried again"


def look_at(paths: Iterable[Path], *, drop: bool) -> Look:
    """Look at files and folders; drop: the folders are drop folders. Never raises for what is or is not there.

    Of a folder its own files count, not those of its subfolders. A link that was named is followed; a link in a folder
    only to a file within that folder, and not at all in a drop folder, where it could not be moved for its file.
    """
    look = Look()
    for named in paths:
        path = _absolute(named)
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            look.absent.append(path)
            look.folders.add(path.parent)
            continue
        except OSError as error:
            look.faults[shown(path)] = in_words(error)
            continue
        if stat.S_ISDIR(status.st_mode):
            _add_folder(look, _real(path), drop)
        else:
            look.folders.add(path.parent)
            _add_file(look, path, status, drop=False)
    return look


def _absolute(path: Path) -> Path:
    """The same path for the same file from wherever the command is started; a link keeps its own name."""
    absolute = path.absolute()
    return _real(absolute.parent) / absolute.name if absolute.name not in ("", "..") else _real(absolute)


def _real(path: Path) -> Path:
    """A path without links; links in a circle stay, where ``Path.resolve`` gives up."""
    return Path(os.path.realpath(path))


def _add_folder(look: Look, folder: Path, drop: bool) -> None:
    look.folders.add(folder)
    try:
        with os.scandir(folder) as entries:
            found = sorted(entry.name for entry in entries)
    except OSError as error:
        look.faults[shown(folder)] = in_words(error)
        return
    for name in found:
        if name.startswith((".", "~")) or not name.lower().endswith(SUFFIXES) or name.lower().endswith(_UNFINISHED):
            continue
        path = folder / name
        try:
            if path.is_symlink() and (why := _not_followed(path, folder, drop)):
                look.faults[shown(path)] = why
                continue
            _add_file(look, path, path.stat(), drop=drop)
        except FileNotFoundError:
            continue
        except OSError as error:
            look.faults[shown(path)] = in_words(error)


def _not_followed(path: Path, folder: Path, drop: bool) -> str:
    """Why a link in a folder is left aside, or nothing."""
    if drop:
        return "a link in a drop folder is not followed: put the file itself there"
    if folder not in _real(path).parents:
        return "a link that leads out of its folder is not followed: name it in the command if it is meant"
    return ""


def _add_file(look: Look, path: Path, status: os.stat_result, *, drop: bool) -> None:
    if stat.S_ISDIR(status.st_mode):
        look.faults[shown(path)] = "is a folder: name it in the command if its files are meant"
    elif not stat.S_ISREG(status.st_mode):
        look.faults[shown(path)] = "is no regular file: it is left aside"
    elif not path.name.lower().endswith(SUFFIXES):
        look.faults[shown(path)] = "is neither .csv, .xlsx nor .parquet: give it one of these names"
    else:
        file = WatchedFile(path, Signature.of(status), drop)
        if file.key not in look.files or drop:
            look.files[file.key] = file
