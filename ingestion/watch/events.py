"""Did something happen in a folder? Events of the file system say so sooner than the next look."""

from collections.abc import Callable
from pathlib import Path

import structlog
from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileAttribEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import ObservedWatch

_TELLING: list[type[FileSystemEvent]] = [
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileAttribEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]
"""All but reading: our own reading must not wake us."""

log = structlog.get_logger("sidecar")


class FolderEvents(FileSystemEventHandler):
    """Calls ``tell``, from a thread of its own, when something happens in one of the folders.

    Where there are no events, or no more (limits of the system, network mounts), it is silent: nobody may rely on it.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell
        self._observer = Observer()
        self._watches: dict[Path, tuple[tuple[int, int], ObservedWatch | None]] = {}
        self._complained = False
        try:
            self._observer.start()
            self._works = True
        except Exception as error:  # whatever the system lacks for it
            self._works = False
            self._complain(error)

    def follow(self, folders: set[Path]) -> bool:
        """From now on these folders; one that was replaced by another of its name is followed anew.

        Returns whether one is new: what happened in it before was not told, so it has to be looked into once more.
        """
        if not self._works:
            return False
        there = {folder: identity for folder in folders if (identity := _identity(folder)) is not None}
        for folder, (identity, watch) in list(self._watches.items()):
            if there.get(folder) != identity:
                self._unschedule(watch)
                del self._watches[folder]
        fresh = there.keys() - self._watches.keys()
        for folder in fresh:
            watch = None
            try:
                watch = self._observer.schedule(self, str(folder), event_filter=_TELLING)
            except Exception as error:
                self._complain(error)
            self._watches[folder] = (there[folder], watch)
        return bool(fresh)

    def on_any_event(self, event: FileSystemEvent) -> None:  # noqa: ARG002
        self._tell()

    def close(self) -> None:
        if self._works:
            self._observer.stop()
            self._observer.join(5.0)

    def _unschedule(self, watch: ObservedWatch | None) -> None:
        if watch is not None:
            try:
                self._observer.unschedule(watch)
            except Exception as error:  # the watch may have died with its folder
                log.debug("folder_lost", error=str(error))

    def _complain(self, error: Exception) -> None:
        if not self._complained:
            self._complained = True
            log.warning("file_events_unavailable", error=str(error))


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
