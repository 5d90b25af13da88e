"""Every way in for one row of a kind, each as its own code takes it; a way answers with what it says is wrong."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from api.bodies import CSV, EXCEL, JSON, NDJSON, PARQUET, read_body
from api.body_files import read_file_body
from ingestion.deserializers import trade_ticket
from ingestion.standard_input import rows_of_input
from ingestion.watch.content import hash_of, read_content
from ingestion.watch.paths import Signature, WatchedFile
from services.access.permissions import Role, User
from services.files.file_limits import FileLimits
from services.pricing.pricing_state import PricingState
from services.records.ahead_of_clock import latest_by
from services.records.read_message import UnreadableMessage, read_message
from services.records.record_kinds import RECORD_KINDS
from services.uploads.apply_upload import UploadMode, apply_upload
from services.uploads.preview_upload import preview_upload
from services.writes.append import append, append_read
from services.writes.apply_incoming import apply_incoming
from services.writes.load_file import load_file
from storage.core.database import Store

LIMITS = FileLimits()
TOLERANCE = 300.0
ANALYST = User("Ann", frozenset({Role.ANALYST}))
Row = Mapping[str, str]
Way = Callable[[Store, str, Row, Path], Sequence[str]]


def csv_of(row: Row) -> bytes:
    return pd.DataFrame([row]).to_csv(index=False).encode()


def file_of(row: Row, path: Path) -> Path:
    """The row as a file; texts stay texts in every format."""
    frame = pd.DataFrame([row], dtype=str)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".xlsx":
        frame.to_excel(path, index=False)
    else:
        frame.to_parquet(path, index=False)
    return path


def _load(suffix: str) -> Way:
    def way(store: Store, kind: str, row: Row, folder: Path) -> Sequence[str]:
        loaded = load_file(store, PricingState(), kind, file_of(row, folder / f"row{suffix}"))
        return [*map(str, loaded.failures), *(f"warning: {warning}" for warning in loaded.warnings)]

    return way


def _watch(store: Store, kind: str, row: Row, folder: Path) -> Sequence[str]:
    path = file_of(row, folder / "watched.csv")
    file = WatchedFile(path, Signature.of(path.stat()), drop=False)
    content = read_content(file, hash_of(file, LIMITS), kind, LIMITS, good_rows=False)
    if not content.failures:
        apply_incoming(store, PricingState(), content.incoming, source="watch")
    assert bool(content.failures) == (content.outcome == "refused")
    return [
        *map(str, content.failures),
        *([f"warning: {content.detail}"] if content.detail and not content.failures else []),
    ]


def _python(store: Store, kind: str, row: Row, folder: Path) -> Sequence[str]:
    said = append(store, PricingState(), kind, [row])
    return [*map(str, said.failures), *(f"warning: {warning}" for warning in said.warnings)]


def _standard_input(text: Callable[[Row], bytes]) -> Way:
    def way(store: Store, kind: str, row: Row, folder: Path) -> Sequence[str]:
        chunks = iter([text(row), b""])
        said = [
            append_read(store, PricingState(), kind, read)
            for read in rows_of_input(lambda _: next(chunks), RECORD_KINDS[kind], LIMITS)
        ]
        failures = [str(failure) for each in said for failure in each.failures]
        return failures + [f"warning: {warning}" for each in said for warning in each.warnings]

    return way


def _http(content_type: str, body: Callable[[Row, Path], bytes]) -> Way:
    def way(store: Store, kind: str, row: Row, folder: Path) -> Sequence[str]:
        read = read_body(body(row, folder), content_type, RECORD_KINDS[kind], partial(read_file_body, limits=LIMITS))
        said = append_read(store, PricingState(), kind, read)
        return [*map(str, said.failures), *(f"warning: {warning}" for warning in said.warnings)]

    return way


def _kafka(store: Store, kind: str, row: Row, folder: Path) -> Sequence[str]:
    try:
        incoming = read_message(json.dumps(row).encode(), kind, trade_ticket, latest_by(TOLERANCE))
    except UnreadableMessage as fault:
        return [f"message, column {fault.column}, value '{fault.value}': {fault.reason}"]
    apply_incoming(store, PricingState(), incoming, source="kafka")
    return []


def _upload(suffix: str) -> Way:
    def way(store: Store, kind: str, row: Row, folder: Path) -> Sequence[str]:
        path = file_of(row, folder / f"upload{suffix}")
        preview = preview_upload(store, ANALYST, kind, path.name, path)
        if not preview.failures:
            apply_upload(store, PricingState(), ANALYST, preview, UploadMode.ALL_OR_NOTHING)
        return [*map(str, preview.failures), *(f"warning: {warning}" for warning in preview.warnings)]

    return way


def _json(row: Row) -> bytes:
    return json.dumps(row).encode()


WAYS: dict[str, Way] = {
    "load csv": _load(".csv"),
    "load xlsx": _load(".xlsx"),
    "load parquet": _load(".parquet"),
    "watch": _watch,
    "append from Python": _python,
    "append csv": _standard_input(csv_of),
    "append json": _standard_input(_json),
    "HTTP json": _http(JSON, lambda row, _: _json(row)),
    "HTTP lines": _http(NDJSON, lambda row, _: _json(row)),
    "HTTP csv": _http(CSV, lambda row, _: csv_of(row)),
    "HTTP xlsx": _http(EXCEL, lambda row, folder: file_of(row, folder / "body.xlsx").read_bytes()),
    "HTTP parquet": _http(PARQUET, lambda row, folder: file_of(row, folder / "body.parquet").read_bytes()),
    "Kafka": _kafka,
    "upload csv": _upload(".csv"),
    "upload xlsx": _upload(".xlsx"),
}
