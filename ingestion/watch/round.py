"""The round of a watcher: look what is there, choose the next file that is whole and new, and read it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from ingestion.watch.content import Content, FileDisturbed, hash_of, read_content
from ingestion.watch.order import LoadingOrder
from ingestion.watch.paths import LOADED_FOLDER, REJECTED_FOLDER, Look, Signature, WatchedFile, in_words, look_at, shown
from ingestion.watch.reports import bring_back, move_aside, write_report
from ingestion.watch.wholeness import Wholeness, is_open_for_writing
from services.files.file_limits import FileLimits
from services.records.how_many import grouped, how_many
from services.records.plausibility import DEFAULT_BOUNDS, PlausibleBounds
from storage.feeds.loaded_files import LOADED, LoadedFileRow

_COARSE_NS = 1_000_000_000
_FAULTS_SAID = 3
_FOLLOWED_SECONDS = 3_600.0
"""For so long a file that was moved is looked at: whoever had it open may write to it."""

log = structlog.get_logger("sidecar")


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What to watch and how. kind: a key of ``RECORD_KINDS``, None: by the columns. drop: folders are drop folders.

    good_rows: take the good rows of a file that has bad ones. settle: for how many seconds nobody may have written to a
    file; rescan: after how many seconds to look without an event. future_tolerance_seconds: how far ahead of the clock
    a row may lie. bounds: from where on values are questioned.
    """

    paths: Sequence[Path]
    kind: str | None = None
    drop: bool = False
    good_rows: bool = False
    settle: float = 0.5
    rescan: float = 2.0
    future_tolerance_seconds: float = 300.0
    bounds: PlausibleBounds = DEFAULT_BOUNDS


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that was read. row: what the store is to remember of it; before: the hash that it remembers, if any.
    since: when it was last written to (monotonic).

    content is None when only the row is to be noted: the file was touched, and its content is the same.
    """

    file: WatchedFile
    row: LoadedFileRow
    before: str | None
    content: Content | None
    since: float


class WatchRound:
    """Knows what was read before, by the rows of ``loaded_files``; belongs to one thread."""

    def __init__(self, options: WatchOptions, limits: FileLimits, known: dict[str, LoadedFileRow]) -> None:
        self._options, self._limits = options, limits
        self._known = known
        self._wholeness = Wholeness(options.settle)
        self._order = LoadingOrder(options.kind)
        self._done: dict[str, Signature] = {}
        self._trouble: dict[str, str] = {}
        self._look = Look()
        self._said: dict[str, str] = {}
        self._loaded = self._refused = 0
        self._moved: dict[Path, tuple[Signature, float]] = {}
        self._now = 0.0
        self.next_look = 0.0
        self.waiting_since: float | None = None
        self.progress = "about to look"

    @property
    def folders(self) -> set[Path]:
        """Where files may appear or change."""
        return self._look.folders

    def turn(self, now: float) -> FoundFile | None:
        """Look, and read the next file; what needs no transaction is done at once. ``next_look``: when to look again.

        What was found must be answered by ``committed`` before the next turn.
        """
        self._now = now
        self._bring_back()
        self._look = look = look_at(self._options.paths, drop=self._options.drop)
        self._wholeness.observe(look.files, now)
        self._done = {key: signature for key, signature in self._done.items() if key in look.files}
        self._trouble = {key: words for key, words in self._trouble.items() if key in look.files}
        fresh = [file for key, file in look.files.items() if self._done.get(key) != file.signature]
        whole_at = {file.key: self._wholeness.whole_at(file, now) for file in fresh}
        later = [at for at in whole_at.values() if at > now]
        self.next_look = min([now + self._options.rescan, *later])
        waiting = [self._wholeness.since(file) for file in fresh if file.key not in self._trouble]
        self.waiting_since = min(waiting, default=None)
        found = None
        for file in self._order.sort(file for file in fresh if whole_at[file.key] <= now):
            self._say(reading=file)
            found = self._examined(file, now)
            if found is not None:
                break
        self._say()
        return found

    def committed(self, found: FoundFile) -> None:
        """What was found is in the store: leave a report, move it."""
        self._known[found.file.key] = found.row
        self._done[found.file.key] = found.file.signature
        content = found.content
        if content is None:
            return
        if content.outcome == LOADED:
            self._loaded += 1
        else:
            self._refused += 1
        self._leave(found.file, found.row, content)
        self._say()

    def forget(self, known: dict[str, LoadedFileRow]) -> None:
        """Start again from what the store knows."""
        self._known = known
        self._done.clear()

    def _bring_back(self) -> None:
        """Read a file again that somebody still wrote to after it was moved: they had it open, on another machine."""
        for path, (signature, since) in list(self._moved.items()):
            try:
                if Signature.of(path.lstat()).same_bytes(signature):
                    if self._now - since > _FOLLOWED_SECONDS:
                        del self._moved[path]
                    continue
                del self._moved[path]
                back = bring_back(path, path.parent.parent)
                log.warning("file_written_after_move", file=shown(path.name), read_again_as=shown(back.name))
            except OSError:
                self._moved.pop(path, None)

    def _examined(self, file: WatchedFile, now: float) -> FoundFile | None:
        self._trouble.pop(file.key, None)
        if file.drop and is_open_for_writing(file.path):
            self._trouble[file.key] = "somebody still has it open to write to it: it is read when they close it"
            self.next_look = min(self.next_look, now + self._options.settle)
            return None
        try:
            found = self._read(file)
        except FileDisturbed:
            self._wholeness.disturb(file, now)
            self.next_look = min(self.next_look, now + self._options.settle)
            return None
        except FileNotFoundError:
            return None
        except OSError as error:
            self._trouble[file.key] = in_words(error)
            return None
        if found is None and file.key in self._look.files:
            self._done[file.key] = file.signature
        return found

    def _read(self, file: WatchedFile) -> FoundFile | None:
        """What must go into the store, or None: then its traces are left already."""
        row = self._known.get(file.key)
        if row is not None and file.key not in self._done and _is_untouched(file, row):
            self._leave(file, row, None)
            return None
        content_hash = hash_of(file, self._limits)
        same = row is not None and row.content_hash == content_hash
        if row is not None and same and (file.key in self._done or not _has_more_to_say(row)):
            log.info("file_unchanged", file=file.name)
            self._leave(file, row, None)
            return self._touched(file, row)
        content = read_content(
            file,
            content_hash,
            self._options.kind,
            self._limits,
            good_rows=self._options.good_rows,
            future_tolerance_seconds=self._options.future_tolerance_seconds,
            bounds=self._options.bounds,
        )
        if row is not None and same and (row.outcome == LOADED or _says(row, content)):
            self._leave(file, row, content)
            return self._touched(file, row)
        signature = file.signature
        fresh = LoadedFileRow(
            file.key, content_hash, content.kind, content.outcome, signature.size, signature.modified_ns, content.detail
        )
        return FoundFile(
            file, fresh, row.content_hash if row is not None else None, content, self._wholeness.since(file)
        )

    def _touched(self, file: WatchedFile, row: LoadedFileRow) -> FoundFile | None:
        """The new time of a file whose content is the same, so that the next start need not read it again."""
        if file.signature.modified_ns == row.modified_ns or file.key not in self._look.files:
            return None
        fresh = replace(row, modified_ns=file.signature.modified_ns)
        return FoundFile(file, fresh, row.content_hash, None, self._wholeness.since(file))

    def _leave(self, file: WatchedFile, row: LoadedFileRow, content: Content | None) -> None:
        """Move a file of a drop folder; else leave its report, or take it away. content None: as it was last time."""
        failures = content.failures if content is not None else ()
        try:
            if file.drop:
                folder = LOADED_FOLDER if row.outcome == LOADED else REJECTED_FOLDER
                if (moved := move_aside(file, folder, failures)) is not None:
                    del self._look.files[file.key]
                    self._moved[moved] = (file.signature, self._now)
                self._done.pop(file.key, None)
            elif content is not None or not _has_more_to_say(row):
                write_report(file.path, failures)
        except OSError as error:
            words = (
                f"was {row.outcome}, but cannot be {'moved' if file.drop else 'given its report'}: {in_words(error)}"
            )
            self._trouble[file.key] = words

    def _say(self, reading: WatchedFile | None = None) -> None:
        """Put into words how it goes; a new fault is logged once."""
        faults = {**self._look.faults, **{shown(key): words for key, words in self._trouble.items()}}
        for place, words in faults.items():
            if self._said.get(place) != words:
                log.warning("file_set_aside", file=place, reason=words)
        self._said = faults
        there = how_many(len(self._look.files), "file")
        parts = [f"{there} there, {grouped(self._loaded)} loaded, {grouped(self._refused)} refused"]
        if reading is not None:
            parts.append(f"reading {reading.name}")
        if self._look.absent:
            parts.append("waiting for " + ", ".join(shown(path) for path in self._look.absent[:_FAULTS_SAID]))
        parts += [f"{place}: {words}" for place, words in list(faults.items())[:_FAULTS_SAID]]
        if len(faults) > _FAULTS_SAID:
            parts.append(f"and {grouped(len(faults) - _FAULTS_SAID)} more like that")
        self.progress = "; ".join(parts)


def _is_untouched(file: WatchedFile, row: LoadedFileRow) -> bool:
    """Whether a file need not even be hashed after a start: loaded whole, and written at the very same nanosecond.

    A time of whole seconds proves nothing: it may be all that the file system knows.
    """
    return (
        row.outcome == LOADED
        and not _has_more_to_say(row)
        and row.size == file.signature.size
        and row.modified_ns == file.signature.modified_ns
        and row.modified_ns % _COARSE_NS != 0
    )


def _has_more_to_say(row: LoadedFileRow) -> bool:
    """Whether there must be a report: a kill may have come before it, so the file is read again for it."""
    return bool(row.detail)


def _says(row: LoadedFileRow, content: Content) -> bool:
    return (row.kind, row.outcome, row.detail) == (content.kind, content.outcome, content.detail)
