"""Bodies that are files are read in a process of their own: none takes the memory or the time of the web server."""

import tempfile
from functools import partial
from pathlib import Path

from services.files.csv_rows import SPLIT_FILE
from services.files.file_limits import FileLimits
from services.files.open_table import Rows, open_table
from services.files.read_file import read_open_table
from services.records.how_many import grouped
from services.records.read_rows import ReadRecords, Unreadable, heading_of
from services.records.record_kinds import RECORD_KINDS
from services.workers.worker_process import Progress, WorkerProcess, serve
from storage.connection.settings import Settings

MOST_ROWS = 250_000
_FAILED = "the file could not be read: the server's log says why. Nothing was taken"
_DIED = "the process that reads files ended: the file may need more memory than there is. Nothing was taken"


class BadBody(Exception):
    """A body that cannot be read at all: a sentence for people, and the HTTP status that says so."""

    def __init__(self, status: int, reason: str, place: str = "") -> None:
        super().__init__(status, reason, place)  # as it is made again on the other side of a process
        self.status, self.reason, self.place = status, reason, place

    def __str__(self) -> str:
        return self.reason


class BodyReader:
    """The process that reads files. It reads one after the other."""

    def __init__(self, settings: Settings) -> None:
        self._limits = FileLimits.of_body(settings).in_worker()
        self._worker = WorkerProcess("api.body_files", settings, failed=_FAILED, died=_DIED)
        self.close = self._worker.close

    def read(self, body: bytes, name: str, kind: str) -> ReadRecords:
        """The rows of a body, read as a file of this name. Raises BadBody, WorkFailed."""
        read: ReadRecords = self._worker.submit("read", body, name, kind, self._limits, MOST_ROWS).result()
        return read

    @property
    def process_id(self) -> int | None:
        return self._worker.process_id


class _Desk:
    """The process's side."""

    def read(self, _: Progress, body: bytes, name: str, kind: str, limits: FileLimits, most_rows: int) -> ReadRecords:
        return read_file_body(body, name, kind, limits, most_rows)


def read_file_body(body: bytes, name: str, kind: str, limits: FileLimits, most_rows: int = MOST_ROWS) -> ReadRecords:
    """The rows of a file; a bad row is a failure among the others. Raises BadBody.

    Unlike a file that is loaded, an append may bring a key again: the last one counts.
    """
    known = RECORD_KINDS[kind]
    with tempfile.TemporaryDirectory(prefix="deltaboard-append-") as folder:
        path = Path(folder) / name
        path.write_bytes(body)
        try:
            with open_table(path, name, limits) as table:
                if (fault := heading_of(table.names, known).fault(known, table.where)) is not None:
                    raise BadBody(400, str(fault), f"{table.place} 1")
                within = partial(_within_bounds, most_rows)
                return read_open_table(table, table.names, known, within, one_a_key=False)
        except Unreadable as unreadable:
            raise _unreadable(unreadable) from unreadable


def _within_bounds(most_rows: int, rows: Rows) -> Rows:
    """The rows of a file; one that cannot be read to its end is refused as a body, not as a row."""
    try:
        for count, row in enumerate(rows, 1):
            if count > most_rows:
                raise too_many_rows(most_rows)
            yield row
    except Unreadable as unreadable:
        raise _unreadable(unreadable) from unreadable


def _unreadable(unreadable: Unreadable) -> BadBody:
    failure = unreadable.failure
    if failure.remediation == SPLIT_FILE:
        return BadBody(413, f"{failure.reason}: send the rows in several requests", f"{failure.place} {failure.line}")
    return BadBody(400, failure.message, f"{failure.place} {failure.line}")


def too_many_rows(most_rows: int) -> BadBody:
    return BadBody(413, f"more than {grouped(most_rows)} rows: send them in several requests")


if __name__ == "__main__":
    from api.body_files import BadBody as Bad
    from api.body_files import _Desk as Desk  # what is pickled must be of this module by its name

    serve(lambda _settings: Desk(), (Bad,))
