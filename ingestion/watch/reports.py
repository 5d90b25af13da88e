"""What is left for people where a file was: a report beside a bad one, and a place in ``loaded/`` or ``rejected/``."""

import csv
import errno
import itertools
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ingestion.watch.paths import REPORT_SUFFIX, Signature, WatchedFile, shown
from services.files.spreadsheet_text import harmless
from services.records.read_rows import RowFailure

_HEADER = ("line", "column", "value", "reason", "remediation")
_EARLIER_HEADER = _HEADER[:-1]
"""Of reports that an earlier version has left."""


def report_of(path: Path) -> Path:
    """Where the report of a file is."""
    return path.with_name(path.name + REPORT_SUFFIX)


def write_report(path: Path, failures: Sequence[RowFailure]) -> None:
    """Write what is wrong with a file beside it, all at once; without failures its report goes away.

    What stands there and is no report of ours stays. Raises OSError, FileExistsError for such a one too.
    """
    report = report_of(path)
    unfinished = report.with_name(f".{report.name}.tmp")
    unfinished.unlink(missing_ok=True)  # of a sidecar that was killed
    if not failures:
        if _is_ours(report, missing=False):
            report.unlink(missing_ok=True)
        return
    if not _is_ours(report, missing=True):
        raise FileExistsError(errno.EEXIST, f"{report.name} is no report, and stays as it is")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_HEADER)
        writer.writerows(
            (failure.line, *map(_harmless, (failure.column, failure.value, failure.reason, failure.remediation)))
            for failure in failures
        )
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(report)


def move_aside(file: WatchedFile, folder_name: str, failures: Sequence[RowFailure]) -> Path | None:
    """Move a file that was read into a subfolder, with its report; returns where it is now.

    It takes the first name that is free there. None: it is gone, or somebody has put another in its place, which stays
    and is read as a file of its own. Raises OSError.
    """
    if not _is_still(file.path, file.signature):
        return None
    folder = file.path.parent / folder_name
    folder.mkdir(exist_ok=True)
    target = _free_name(folder, file.path)
    write_report(target, failures)  # first: killed in between, the file is still where the next start finds it
    try:
        file.path.rename(target)
    except FileNotFoundError:
        write_report(target, ())
        return None
    if not _is_still(target, file.signature):  # another took its place in the last instant
        target.rename(_free_name(file.path.parent, file.path))
        write_report(target, ())
        return None
    with suppress(OSError):
        write_report(file.path, ())
    return target


def bring_back(path: Path, folder: Path) -> Path:
    """Put a file that was moved aside back where it is read, without its report. Raises OSError."""
    target = _free_name(folder, path)
    path.rename(target)
    write_report(path, ())
    return target


def _is_still(path: Path, signature: Signature) -> bool:
    try:
        return Signature.of(path.lstat()).same_bytes(signature)
    except FileNotFoundError:
        return False


def _free_name(folder: Path, path: Path) -> Path:
    """A name that no file has there: name.csv, name.2.csv and so on.

    A report without its file does not count: its file was taken away, or never came because the sidecar was killed.
    """
    numbered = (folder / f"{path.stem}.{number}{path.suffix}" for number in itertools.count(2))
    candidates = itertools.chain([folder / path.name], numbered)
    return next(name for name in candidates if not os.path.lexists(name) and _is_ours(report_of(name), missing=True))


def _is_ours(report: Path, *, missing: bool) -> bool:
    """Whether what stands there is a report that we wrote; ``missing`` where nothing does."""
    try:
        with report.open("rb") as file:
            return file.readline(100).strip() in [",".join(names).encode() for names in (_HEADER, _EARLIER_HEADER)]
    except FileNotFoundError:
        return missing


def _harmless(text: str) -> str:
    """A text on one line that spreadsheets do not run as a formula."""
    return shown(harmless(text))
