"""Files of 100,000 rows: from the instant that one is in a watched folder until it is committed and priced."""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.books import AS_OF, COPIED_COLUMNS, DATA
from benchmarks.results import Result, result_of
from benchmarks.store.postgresql import postgresql
from launch.components import find_postgresql
from services.files.file_limits import FileLimits
from services.files.read_file import read_file
from services.writes.load_demo import load_demo
from storage.connection.settings import ROOT
from storage.core.database import Store
from storage.feeds.feeds import read_feed
from storage.feeds.loaded_files import LOADED, read_loaded_files

NAME = "files"
_ROWS, _QUICK_ROWS = 100_000, 2_000
_ROUNDS, _QUICK_ROUNDS = 3, 1
_SETTLE_SECONDS = 0.5
_LONGEST_SECONDS = 300.0
_NOTE = f"{_SETTLE_SECONDS:g} s of it is the wait for a whole file"


def run(quick: bool) -> list[Result]:
    """Quotes, trades and sensitivities, as CSV and as Parquet: first rows that are new, then rows that all change.

    The store has the demo book of 10,000 trades before; the Parquet files find those of the CSV files there too.
    """
    rows, rounds = (_QUICK_ROWS, _QUICK_ROUNDS) if quick else (_ROWS, _ROUNDS)
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="deltaboard-bench-") as folder:
        results += _on("SQLite", f"sqlite:///{Path(folder) / 'board.sqlite'}", Path(folder), rows, rounds)
    programs = find_postgresql()
    if programs is None:
        print("PostgreSQL is not there: it is not measured.", flush=True)
        return results
    with tempfile.TemporaryDirectory(prefix="deltaboard-bench-") as folder, postgresql(programs) as url:
        results += _on("PostgreSQL", url, Path(folder), rows, rounds)
    return sorted(results, key=lambda result: result.case)


def _on(name: str, url: str, folder: Path, rows: int, rounds: int) -> list[Result]:
    store = Store(url)
    store.migrate()
    load_demo(store, DATA)
    watched = folder / "watched"
    watched.mkdir()
    results = []
    with _sidecar(store, url, watched):
        for kind in ("quotes", "trades", "sensitivities"):
            for suffix in ("csv", "parquet"):
                times = [
                    _timed(store, folder, watched / f"{kind}.{suffix}", _table(kind, suffix, rows, turn))
                    for turn in range(rounds + 1)
                ]
                case = f"{rows:,} {kind}, {suffix.upper() if suffix == 'csv' else 'Parquet'}"
                results.append(result_of(NAME, case, f"{name}, new rows", times[:1], _NOTE))
                results.append(result_of(NAME, case, f"{name}, changed rows", times[1:], _NOTE))
    store.close()
    return results


@contextmanager
def _sidecar(store: Store, url: str, watched: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "ingestion", "watch", str(watched), "--settle", str(_SETTLE_SECONDS)]
    environment = {**os.environ, "DATABASE_URL": url}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_until_it_watches(store)
            yield
        finally:
            process.terminate()


def _wait_until_it_watches(store: Store) -> None:
    """Until it has given a sign of life after pricing what is there: its start is not what is measured."""
    end = time.perf_counter() + _LONGEST_SECONDS
    while time.perf_counter() < end:
        with store.read() as connection:
            feed = read_feed(connection, "watch")
        if feed is not None and feed.started_at and feed.seen_at and feed.seen_at > feed.started_at:
            return
        time.sleep(0.05)
    raise TimeoutError("the sidecar did not start")


def _timed(store: Store, folder: Path, path: Path, table: pd.DataFrame) -> float:
    """Milliseconds from the file's appearance until the store has it."""
    beside = folder / path.name
    if path.suffix == ".csv":
        table.to_csv(beside, index=False)
    else:
        table.to_parquet(beside, index=False)
    content_hash = hashlib.sha256(beside.read_bytes()).hexdigest()
    started = time.perf_counter()
    beside.replace(path)
    while time.perf_counter() - started < _LONGEST_SECONDS:
        with store.read() as connection:
            known = read_loaded_files(connection).get(str(path.resolve()))
        if known is not None and known.content_hash == content_hash:
            if known.outcome != LOADED:
                raise RuntimeError(f"{path.name}: {known.detail}")
            return (time.perf_counter() - started) * 1000.0
        time.sleep(0.01)
    raise TimeoutError(f"{path.name} was not loaded within {_LONGEST_SECONDS:g} s")


def _table(kind: str, suffix: str, rows: int, turn: int) -> pd.DataFrame:
    """A file's rows; those of another turn have the same keys and other values, those of another suffix other keys."""
    demo = pd.DataFrame(read_file(DATA / "trades.csv", "trades", FileLimits()).records.records)
    numbers = np.arange(rows)
    picked = demo.iloc[numbers % len(demo)].reset_index(drop=True)
    ids = [f"{suffix}-{number:06d}" for number in numbers]
    if kind == "quotes":
        closes = pd.DataFrame(read_file(DATA / "market_data_closes.csv", "quotes", FileLimits()).records.records)
        known = dict(zip(closes["instrument"], closes["quote"], strict=True))
        moments, tickers = np.divmod(numbers, len(known))
        opened = np.datetime64(f"{AS_OF}T{13 if suffix == 'csv' else 14}:30:00", "ms")
        names = np.array(sorted(known))[tickers]
        prices = np.array([known[name] for name in names]) * (1.0 + 1e-4 * (moments % 97 + turn))
        at = opened + (100 * moments).astype("timedelta64[ms]")
        return pd.DataFrame({"AsOfDate": at, "Instrument": names, "Quote": prices})
    if kind == "sensitivities":
        values = numbers + 0.25 + turn
        shared = {"AsOfDate": AS_OF.isoformat(), "TradeId": ids, "RiskFactor": picked["ticker"]}
        return pd.DataFrame({**shared, "MarketValue": values, "Delta": -values, "Vega1Pt": values / 2})
    columns = {name: picked[field] for name, field in COPIED_COLUMNS.items()}
    return pd.DataFrame({"TradeId": ids, "Quantity": picked["quantity"] + turn, **columns})
