"""Uploads and exports of 100,000 rows in the processes beside, and how late the live board is meanwhile."""

import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks.books import COPIED_COLUMNS, DATA
from benchmarks.results import Result, result_of
from benchmarks.store.postgresql import postgresql
from launch.components import find_postgresql
from services.access.permissions import Role, User
from services.exports.export_table import ExportForm, export_table
from services.exports.export_worker import ExportWorker
from services.files.file_limits import FileLimits
from services.files.read_file import read_file
from services.uploads.apply_upload import UploadMode
from services.uploads.upload_worker import UploadWorker
from services.writes.load_demo import load_demo
from storage.connection.settings import Settings
from storage.core.database import Store
from storage.read_models.trade_list import TradeFilter, whole_trades

NAME = "upload"
_ROWS, _QUICK_ROWS = 100_000, 2_000
_ANALYST = User("bench", frozenset({Role.ANALYST}))
_TICK_SECONDS = 0.01


def run(quick: bool) -> list[Result]:
    """New trades from each format: looked at, applied and priced, taken back; and how late the web process then is."""
    rows = _QUICK_ROWS if quick else _ROWS
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="deltaboard-bench-") as folder:
        results += _on("SQLite", f"sqlite:///{Path(folder) / 'board.sqlite'}", Path(folder), rows)
    programs = find_postgresql()
    if programs is None:
        print("PostgreSQL is not there: it is not measured.", flush=True)
        return results
    with tempfile.TemporaryDirectory(prefix="deltaboard-bench-") as folder, postgresql(programs) as url:
        results += _on("PostgreSQL", url, Path(folder), rows)
    return results


def _on(name: str, url: str, folder: Path, rows: int) -> list[Result]:
    store = Store(url)
    store.migrate()
    load_demo(store, DATA)
    worker = UploadWorker(Settings(DATABASE_URL=url))  # type: ignore[call-arg]
    results = []
    try:
        worker.undo(_ANALYST, -1).finished.wait()  # its start is not what is measured
        for suffix in ("csv", "parquet", "xlsx"):
            path = _written(folder / f"trades.{suffix}", rows)
            case = f"{rows:,} new trades, {suffix}"
            with _Lateness() as late:
                began = time.perf_counter()
                kept = worker.preview(_ANALYST, None, path.name, path, {}, None).result()
                looked = time.perf_counter()
                done = worker.apply(_ANALYST, kept.preview_id, UploadMode.ALL_OR_NOTHING).result()
                applied = time.perf_counter()
            if suffix == "csv":
                results += _exports(name, store, url)
            before = time.perf_counter()
            worker.undo(_ANALYST, done.batch_id).result()
            undone = time.perf_counter()
            note = f"a thread of the web process was late by {late.worst_ms:.0f} ms at worst"
            results.append(result_of(NAME, case, f"{name}, look and apply", [1000.0 * (applied - began)], note))
            results.append(result_of(NAME, case, f"{name}, look", [1000.0 * (looked - began)], ""))
            results.append(result_of(NAME, case, f"{name}, undo", [1000.0 * (undone - before)], ""))
    finally:
        worker.close()
        store.close()
    return results


def _exports(name: str, store: Store, url: str) -> list[Result]:
    """All trades as a file of each form; a workbook also made in this process itself, to compare."""
    make = partial(whole_trades, chosen=TradeFilter())
    worker = ExportWorker(Settings(DATABASE_URL=url))  # type: ignore[call-arg]

    def beside(form: ExportForm) -> bytes:
        return worker.of_store(make, form, "Trades", {})

    def here(form: ExportForm) -> bytes:
        with store.read() as connection:
            return export_table(make(connection), form, "Trades")

    results = []
    try:
        beside(ExportForm.CSV)  # its start is not what is measured
        ways = [
            (beside, ExportForm.CSV, f"{name}, beside"),
            (beside, ExportForm.PARQUET, f"{name}, beside"),
            (beside, ExportForm.EXCEL, f"{name}, beside"),
            (here, ExportForm.EXCEL, f"{name}, here"),
        ]
        for way, form, contestant in ways:
            with _Lateness() as late:
                began = time.perf_counter()
                way(form)
                took = 1000.0 * (time.perf_counter() - began)
            note = f"a thread of the web process was late by {late.worst_ms:.0f} ms at worst"
            results.append(result_of(NAME, f"all trades exported, {form}", contestant, [took], note))
    finally:
        worker.close()
    return results


class _Lateness:
    """How late a thread that wants to wake every hundredth of a second gets to, as the live board's tail does."""

    def __enter__(self) -> "_Lateness":
        self.worst_ms = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            began = time.perf_counter()
            time.sleep(_TICK_SECONDS)
            self.worst_ms = max(self.worst_ms, (time.perf_counter() - began - _TICK_SECONDS) * 1000.0)


def _written(path: Path, rows: int) -> Path:
    demo = pd.DataFrame(read_file(DATA / "trades.csv", "trades", FileLimits()).records.records)
    picked = demo.iloc[[number % len(demo) for number in range(rows)]].reset_index(drop=True)
    columns = {name: picked[field] for name, field in COPIED_COLUMNS.items()}
    ids = [f"{path.suffix}-{number:06d}" for number in range(rows)]
    table = pd.DataFrame({"TradeId": ids, "Quantity": picked["quantity"], **columns})
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        table.to_excel(path, index=False)
    return path
