"""The process that makes files: rows of the store and of a pivot, in nobody's way; it dies and comes again."""

import io
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Connection

from services.exports.export_table import METADATA_KEY, ExportForm, export_table
from services.exports.export_worker import ExportWorker
from services.workers.worker_process import WorkFailed
from storage.connection.settings import Settings
from storage.core.database import Store
from storage.read_models.trade_list import TradeFilter, whole_trades
from tests.fixtures.databases import wait_for
from tests.services.exports.test_export_table import FRAME


def as_given(_connection: Connection, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows that are there already."""
    return frame


@pytest.fixture
def worker(small_store: Store) -> Iterator[ExportWorker]:
    url = small_store.url.render_as_string(hide_password=False)
    made = ExportWorker(Settings(DATABASE_URL=url))  # type: ignore[call-arg]
    yield made
    made.close()


def test_rows_of_the_store_become_a_file(small_store: Store, worker: ExportWorker) -> None:
    make = partial(whole_trades, chosen=TradeFilter(tickers=("AAPL",)))
    content = worker.of_store(make, ExportForm.PARQUET, "Trades", {"Filters": "AAPL"})
    found = pq.read_table(io.BytesIO(content))
    with small_store.read() as connection:
        frame = make(connection)
    assert found.column("TradeId").to_pylist() == list(frame["TradeId"])
    assert b'"Filters": "AAPL"' in found.schema.metadata[METADATA_KEY]
    sheet = openpyxl.load_workbook(io.BytesIO(worker.of_store(make, ExportForm.EXCEL, "Trades", {}))).worksheets[0]
    assert sheet.max_row == len(frame) + 1


def test_a_frame_and_a_pivot_are_what_they_would_be_here(worker: ExportWorker) -> None:
    made = worker.of_store(partial(as_given, frame=FRAME), ExportForm.CSV, "T", {})
    assert made == export_table(FRAME, ExportForm.CSV, "T")
    sink = pa.BufferOutputStream()
    table = pa.table({"Desk": ["=cmd()", None], "Value": [-1.5, 2.0]})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    stream = sink.getvalue().to_pybytes()
    assert worker.of_arrow(stream, ExportForm.CSV, "T", {}).split() == [b"Desk,Value", b"'=cmd(),-1.5", b",2.0"]
    with pytest.raises((ValueError, OSError)):
        worker.of_arrow(stream[:-40], ExportForm.CSV, "T", {})


def test_what_cannot_go_there_disturbs_nothing(worker: ExportWorker) -> None:
    with pytest.raises(Exception, match="pickle"):
        worker.of_store(lambda _connection: FRAME, ExportForm.CSV, "T", {})
    with pytest.raises(WorkFailed, match="could not be made"):
        worker.of_store(partial(whole_trades, chosen=None), ExportForm.CSV, "T", {})  # type: ignore[arg-type]
    assert worker.of_store(partial(as_given, frame=FRAME), ExportForm.CSV, "T", {})


def slow(_connection: Connection, begun: Path) -> pd.DataFrame:
    """Rows that take until the process is ended."""
    begun.touch()
    time.sleep(300)
    return FRAME


def test_a_process_that_dies_says_so_and_is_started_again(worker: ExportWorker, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    with ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(worker.of_store, partial(slow, begun=begun), ExportForm.CSV, "T", {})]
        wait_for(begun.exists, 60, "the one to run")
        asked.append(threads.submit(worker.of_store, partial(as_given, frame=FRAME), ExportForm.CSV, "T", {}))
        wait_for(lambda: len(worker._process._jobs) == 2, 60, "the other to wait")
        first = worker.process_id
        assert first is not None
        with worker._process._lock:  # the other has been sent to its end
            os.kill(first, signal.SIGKILL)
        for job in asked:  # the one that runs, and the one that waits
            with pytest.raises(WorkFailed, match="ended before"):
                job.result(60)
    assert worker.of_store(partial(as_given, frame=FRAME), ExportForm.CSV, "T", {})
    assert worker.process_id != first
