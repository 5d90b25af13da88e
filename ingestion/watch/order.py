"""Which of several waiting files is loaded first?"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ingestion.watch.paths import Signature, WatchedFile
from services.files.file_limits import FileLimits
from services.files.open_table import open_table
from services.files.read_file import kind_of
from services.records.read_rows import Unreadable

_FIRST_TO_LAST = ("books", "instruments", "parameters", "trades", "quotes", "sensitivities")
"""What others refer to comes before them: then a book that arrives as six files is priced once, not six times."""


class LoadingOrder:
    """Kind by kind, then by the time of the last change. Looks at each file's columns once."""

    def __init__(self, kind: str | None) -> None:
        self._kind = kind
        self._ranks: dict[str, tuple[Signature, int]] = {}

    def sort(self, files: Iterable[WatchedFile]) -> list[WatchedFile]:
        """The files in the order of their loading; those of no known kind are last."""
        waiting = list(files)
        if self._kind is None and len(waiting) > 1:
            known = {file.key: (file.signature, self._rank(file)) for file in waiting}
            self._ranks = known
            waiting.sort(key=lambda file: (known[file.key][1], file.signature.modified_ns, file.key))
        else:
            waiting.sort(key=lambda file: (file.signature.modified_ns, file.key))
        return waiting

    def _rank(self, file: WatchedFile) -> int:
        signature, rank = self._ranks.get(file.key, (None, 0))
        if signature == file.signature:
            return rank
        with suppress(OSError, ValueError, Unreadable):
            return _FIRST_TO_LAST.index(kind_of(_names(file.path)))
        return len(_FIRST_TO_LAST)


def _names(path: Path) -> list[str]:
    """The names of a file's columns."""
    with open_table(path, path.name, FileLimits()) as table:
        return table.names
