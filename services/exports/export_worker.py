"""Files for other programs are made in a process of their own: a large workbook holds nobody's live board."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection

from services.exports.arrow_stream import read_arrow
from services.exports.explored_table import explored_table
from services.exports.export_table import ExportForm, export_table
from services.workers.worker_process import Progress, WorkerProcess, serve
from storage.connection.settings import Settings, settings
from storage.core.database import Store

_FAILED = "The file could not be made. Try again; the server's log says more."
_DIED = "The process that makes files ended before this one was done. Try again."
_FOR_PEOPLE = (ValueError, OSError, pa.ArrowException)

MOST_CELLS, MOST_BYTES = 30_000_000, 400_000_000
"""Of the table of a pivot, as it is once it is unpacked."""

Make = Callable[[Connection], pd.DataFrame]
"""Gives rows. It goes to the process by its name: a function of a module, or a ``partial`` of one.

What only the reading tells about the rows is in the ``attrs`` of their frame."""


class ExportWorker:
    """The process of the exports. It makes one file after the other."""

    def __init__(self, settings: Settings) -> None:
        self._process = WorkerProcess("services.exports.export_worker", settings, failed=_FAILED, died=_DIED)
        self.start, self.close = self._process.start, self._process.close

    def of_store(self, make: Make, form: ExportForm, title: str, about: Mapping[str, str]) -> bytes:
        """The file of rows of the store, as ``export_table`` makes it. Raises WorkFailed."""
        return self._made("of_store", make, form, title, dict(about))

    def of_arrow(self, stream: bytes, form: ExportForm, title: str, about: Mapping[str, str]) -> bytes:
        """The file of a pivot's table, an Arrow stream. It is looked into in the process alone.

        Raises WorkFailed, TooLarge, and ValueError, OSError or ArrowException where it is no table.
        """
        return self._made("of_arrow", stream, form, title, dict(about))

    @property
    def process_id(self) -> int | None:
        return self._process.process_id

    def _made(self, *job: Any) -> bytes:
        made: bytes = self._process.submit(*job).result()
        return made


@lru_cache(maxsize=1)
def export_worker() -> ExportWorker:
    """The one of this process."""
    return ExportWorker(settings())


class _Desk:
    """The process's side, with its own connection."""

    def __init__(self, settings: Settings) -> None:
        self._store = Store.of(settings)

    def of_store(
        self, _progress: Progress, make: Make, form: ExportForm, title: str, about: Mapping[str, str]
    ) -> bytes:
        with self._store.read() as connection:
            frame = make(connection)
        said = {**about, **{str(name): str(value) for name, value in frame.attrs.items()}}
        return export_table(frame, form, title, about=said)

    def of_arrow(
        self, _progress: Progress, stream: bytes, form: ExportForm, title: str, about: Mapping[str, str]
    ) -> bytes:
        table = read_arrow(stream, MOST_CELLS, MOST_BYTES)
        return export_table(explored_table(table), form, title, about=about)


if __name__ == "__main__":
    from services.exports.export_worker import _Desk as Desk  # what is pickled must be of this module by its name

    serve(Desk, _FOR_PEOPLE)
