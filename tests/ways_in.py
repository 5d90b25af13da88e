"""The ways a file comes in, each as far as to what is read of it: load, watch, append, HTTP, the page Upload."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from api.bodies import CSV, EXCEL, PARQUET, BadBody, read_body
from ingestion.standard_input import rows_of_input
from services.file_limits import FileLimits
from services.permissions import Role, User
from services.preview_upload import preview_upload
from services.read_file import read_file
from services.read_rows import ReadRecords
from services.record_kinds import RECORD_KINDS
from storage.database import Store
from tests.ingestion.watching import Rounds

ANN = User("ann", frozenset({Role.ANALYST}))
BODIES = {".csv": CSV, ".xlsx": EXCEL, ".parquet": PARQUET}


@dataclass(frozen=True, slots=True)
class CameIn:
    """The good rows, and what is wrong with the others or with all of it, as people read it."""

    records: list[dict[str, Any]]
    failures: list[str]

    def of(self, *fields: str) -> list[tuple[Any, ...]]:
        """The values of these fields in each good row."""
        return [tuple(record.get(field) for field in fields) for record in self.records]


@dataclass(frozen=True, slots=True)
class File:
    name: str
    content: bytes
    kind: str = "trades"


class WaysIn:
    """Each way reads a file in a folder of its own. store: an empty one."""

    def __init__(self, folder: Path, store: Store, limits: FileLimits | None = None) -> None:
        self._folder, self._store, self._limits = folder, store, limits or FileLimits()

    def __iter__(self) -> Iterator[tuple[str, Callable[[File], CameIn]]]:
        ways = (self.load, self.watch, self.append, self.http, self.upload)
        return iter([(way.__name__, way) for way in ways])

    def load(self, file: File) -> CameIn:
        return _came_in(read_file(self._written(file), file.kind, self._limits).records)

    def watch(self, file: File) -> CameIn:
        """A watched folder takes files by their ending."""
        path = self._written(file)
        options: dict[str, Any] = {"kind": file.kind, "good_rows": True, "limits": self._limits}
        rounds = Rounds(path.parent, **options)
        (found,) = [*rounds.look(), *rounds.after(20.0)]
        assert found.content is not None
        records = found.content.incoming.records.get(file.kind, [])
        return CameIn(list(records), [str(failure) for failure in found.content.failures])

    def append(self, file: File) -> CameIn:
        read = list(rows_of_input(BytesIO(file.content).read, RECORD_KINDS[file.kind], self._limits))
        failures = [str(failure) for each in read for failure in each.failures]
        return CameIn([record for each in read for record in each.records], failures)

    def http(self, file: File) -> CameIn:
        content_type = BODIES[Path(file.name).suffix]
        try:
            return _came_in(read_body(file.content, content_type, RECORD_KINDS[file.kind], self._limits))
        except BadBody as bad:
            return CameIn([], [f"{bad.place}: {bad.reason}"])

    def upload(self, file: File) -> CameIn:
        read = preview_upload(self._store, ANN, file.kind, file.name, file.content, limits=self._limits)
        return CameIn(read.records, [str(failure) for failure in read.failures])

    def _written(self, file: File) -> Path:
        self._folder.mkdir(exist_ok=True)
        for path in self._folder.iterdir():
            path.unlink()
        path = self._folder / file.name
        path.write_bytes(file.content)
        return path


@pytest.fixture
def ways_in(tmp_path: Path, empty_store: Store) -> WaysIn:
    return WaysIn(tmp_path / "in", empty_store)


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """What is read of a file does not depend on the database."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('store')}/empty.sqlite")
    store.migrate()
    yield store
    store.close()


def _came_in(read: ReadRecords) -> CameIn:
    return CameIn(read.records, [str(failure) for failure in read.failures])
