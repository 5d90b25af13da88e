"""Is a file whole, or does somebody still write to it?"""

import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingestion.watch.paths import Signature, WatchedFile

_LONGER = 10.0
"""A file whose end looks cut off is given so many times as long."""
_PARQUET_MAGIC = b"PAR1"
_LINE_ENDS = (b"\n", b"\r")
_ZIP_END = b"PK\x05\x06"
_LONGEST_END = 22
"""Bytes of what ends an archive that has no remark, which a workbook is."""


@dataclass(slots=True)
class _Quiet:
    """Since when a file has had this signature, and whether its end looks as an end does; None: not looked at yet."""

    signature: Signature
    since: float
    ended: bool | None = None


class Wholeness:
    """Keeps in mind since when each file has been quiet. Times are of a monotonic clock, in seconds.

    A file is whole when nobody has written to it for ``settle`` seconds, as seen from here: the clocks of file servers
    do not matter. One whose end looks cut off (CSV without a last line end, Parquet without its mark) is given ten
    times as long; after that it is what it is.
    """

    def __init__(self, settle: float) -> None:
        self._settle = settle
        self._quiet: dict[str, _Quiet] = {}

    def observe(self, files: Mapping[str, WatchedFile], now: float) -> None:
        """Take note of how the files are now; those that are not among them are forgotten."""
        for key, file in files.items():
            known = self._quiet.get(key)
            if known is None or known.signature != file.signature:
                self._quiet[key] = _Quiet(file.signature, now)
        for key in self._quiet.keys() - files.keys():
            del self._quiet[key]

    def disturb(self, file: WatchedFile, now: float) -> None:
        """Somebody wrote to it after all: wait again."""
        self._quiet[file.key] = _Quiet(file.signature, now)

    def since(self, file: WatchedFile) -> float:
        """Since when it has been as it is."""
        return self._quiet[file.key].since

    def whole_at(self, file: WatchedFile, now: float) -> float:
        """When it counts as whole if nobody writes to it; a time that has passed: it is whole."""
        quiet = self._quiet[file.key]
        settled = quiet.since + self._settle
        if now < settled:
            return settled
        if quiet.ended is None:
            quiet.ended = _has_an_end(file.path)
        return settled if quiet.ended else quiet.since + _LONGER * self._settle


def is_open_for_writing(path: Path) -> bool:
    """Whether a process of this machine has the file open to write to it; False where the system does not tell.

    The kernel gives a lease for reading only where there is no writer. A writer that opens the file meanwhile waits for
    the microseconds that the lease lasts; the signal that would tell of it is one that nobody notices.
    """
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        with path.open("rb") as file:
            fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:  # another user's file, or a file system without leases
        return False
    return False


def _has_an_end(path: Path) -> bool:
    """Whether its last bytes are those of a finished file; one that cannot be read is found out when it is read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _LONGEST_END))
            last = file.read()
    except OSError:
        return True
    name = path.name.lower()
    if name.endswith(".xlsx"):
        return _ZIP_END in last
    return last.endswith(_PARQUET_MAGIC if name.endswith(".parquet") else _LINE_ENDS)
