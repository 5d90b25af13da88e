"""Bodies that are files are read in a process of their own, whatever becomes of it."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from api.body_files import BadBody, BodyReader
from services.workers.worker_process import WorkFailed
from storage.connection.settings import Settings
from tests.fixtures.databases import wait_for
from tests.fixtures.lying_parquet import lying_parquet

TRADE = b"TradeId,Ticker,Book,Product,Quantity\nT1,AAPL,B1,EQ_Stock,10\n"


@pytest.fixture
def reader() -> Iterator[BodyReader]:
    opened = BodyReader(Settings())
    yield opened
    opened.close()


def test_a_file_that_lies_about_its_size_takes_no_memory_and_is_refused_in_words(
    reader: BodyReader, tmp_path: Path
) -> None:
    reader._limits = replace(reader._limits, memory_bytes=60_000_000)
    assert len(reader.read(TRADE, "body.csv", "trades").records) == 1
    process = reader.process_id
    path = lying_parquet(tmp_path / "lie.parquet", 100)
    assert path.stat().st_size < 100_000
    with pytest.raises(BadBody, match="unpacks to more than it says of itself") as refused:
        reader.read(path.read_bytes(), "body.parquet", "trades")
    assert refused.value.status == 400
    assert refused.value.place == "row 1"
    assert len(reader.read(TRADE, "body.csv", "trades").records) == 1
    assert reader.process_id == process, "and the process has gone on"


def test_a_process_that_is_killed_is_started_again(reader: BodyReader) -> None:
    reader.read(TRADE, "body.csv", "trades")
    killed = reader.process_id
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: reader.process_id is None, 60, "it to be missed")
    assert len(reader.read(TRADE, "body.csv", "trades").records) == 1
    with pytest.raises(WorkFailed, match="could not be read"):
        reader.read(TRADE, "body.csv", "no such kind")
