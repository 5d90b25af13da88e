"""The process that does uploads: jobs come back with results or refusals, and its death loses nothing."""

import os
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.access.permissions import NotAllowed, User
from services.access.reasons import NotPossible
from services.uploads.apply_upload import PreviewOutdated, UploadMode
from services.uploads.upload_worker import UploadWorker
from services.workers.worker_process import WorkFailed
from storage.connection.settings import Settings
from storage.core.database import Store
from storage.people.uploads import read_batches
from tests.services.uploads.test_preview_upload import ANN, GOOD, csv_of


@pytest.fixture
def worker(small_store: Store) -> Iterator[UploadWorker]:
    url = small_store.url.render_as_string(hide_password=False)
    made = UploadWorker(Settings(DATABASE_URL=url, file_megabytes=50))  # type: ignore[call-arg]
    yield made
    made.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    kept = tmp_path / "kept"
    kept.write_bytes(csv_of(GOOD.format("NEW"), GOOD.format("OTHER")))
    return kept


def test_look_apply_and_take_back(small_store: Store, worker: UploadWorker, path: Path) -> None:
    job = worker.preview(ANN, None, "file.csv", path, {}, None)
    kept = job.result()
    assert (kept.preview.counts["new"], kept.preview.records, job.done) == (2, [], 1.0)
    done = worker.apply(ANN, kept.preview_id, UploadMode.ALL_OR_NOTHING).result()
    assert done.counts["new"] == 2
    with pytest.raises(PreviewOutdated, match="no longer kept"):
        worker.apply(ANN, kept.preview_id, UploadMode.ALL_OR_NOTHING).result()
    assert worker.undo(ANN, done.batch_id).result().removed == 2
    with pytest.raises(NotPossible, match="already"):
        worker.undo(ANN, done.batch_id).result()
    with pytest.raises(NotAllowed):
        worker.preview(User("vic"), None, "file.csv", path, {}, None).result()
    with pytest.raises(WorkFailed):
        worker.preview(ANN, None, "file.csv", path.with_name("gone"), {}, None).result()


def test_a_process_that_dies_says_so_and_is_started_again(small_store: Store, worker: UploadWorker, path: Path) -> None:
    kept = worker.preview(ANN, None, "file.csv", path, {}, None).result()
    with small_store.write():  # the upload has to wait for this transaction
        job = worker.apply(ANN, kept.preview_id, UploadMode.ALL_OR_NOTHING)
        assert worker.process_id is not None
        os.kill(worker.process_id, signal.SIGKILL)
        with pytest.raises(WorkFailed, match="look at the history"):
            job.result()
    with small_store.read() as connection:
        assert read_batches(connection) == []
    again = worker.preview(ANN, None, "file.csv", path, {}, None).result()
    assert worker.apply(ANN, again.preview_id, UploadMode.ALL_OR_NOTHING).result().batch_id == 1


def bomb(path: Path, megabytes: int, inside: str) -> Path:
    """A small workbook that unpacks to so much."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", '<workbook><sheets><sheet name="S" r:id="r1"/></sheets></workbook>')
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships><Relationship Id="r1" Type="x/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        )
        start, block, end = inside.split("|")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            part.write(f"<worksheet><sheetData><row><c t='str'><v>{start}".encode())
            for _ in range(megabytes):
                part.write(block.encode() * (1_000_000 // len(block)))
            part.write(f"{end}</v></c></row></sheetData></worksheet>".encode())
    return path


@pytest.mark.parametrize(
    ("megabytes", "inside", "reason"),
    [
        (200, "|x|", "unpacks to 200 MB, larger than 50 MB"),
        (45, "|x|", "fit no kind"),
        (45, "<t a='|x|'/>", "not a whole Excel workbook"),
        (45, "</v></c></row>|<row><c><v>1</v></c></row>|<row><c><v>", "fit no kind"),
    ],
)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not say what a process needs")
def test_an_exploding_workbook_is_refused_in_bounded_memory(
    sqlite_demo_url: str, tmp_path: Path, megabytes: int, inside: str, reason: str
) -> None:
    worker = UploadWorker(Settings(DATABASE_URL=sqlite_demo_url, file_megabytes=50))  # type: ignore[call-arg]
    try:
        path = tmp_path / "small"
        path.write_bytes(csv_of(GOOD.format("NEW")))
        worker.preview(ANN, None, "file.csv", path, {}, None).result()
        before = peak_megabytes(worker)
        bombed = bomb(tmp_path / "bomb.xlsx", megabytes, inside)
        assert bombed.stat().st_size < 1_000_000
        found = worker.preview(ANN, None, "bomb.xlsx", bombed, {}, None).result().preview
        assert reason in found.failures[0].message
        assert peak_megabytes(worker) - before < 60
    finally:
        worker.close()


def peak_megabytes(worker: UploadWorker) -> float:
    status = Path(f"/proc/{worker.process_id}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000
