"""Load a file of one kind into the store: all of it, or the good rows, or nothing and why."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from engine.trading_calendar import as_of_date
from services.apply_quotes import apply_quotes, quote_of_date
from services.change_records import change_records
from services.pricing_state import PricingState
from services.read_file import ReadRecords, RowFailure, read_csv
from services.record_kinds import RECORD_KINDS
from storage.database import Store
from storage.quotes import Quote


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """What came of a file. revision is None when nothing was loaded."""

    kind: str
    revision: int | None
    counts: dict[str, int] = field(default_factory=dict)
    """What happened to the good rows: new, changed, unchanged; for quotes applied, late, rejected."""
    failures: list[RowFailure] = field(default_factory=list)


def load_file(
    store: Store, state: PricingState, kind: str, path: Path, *, good_rows: bool = False, wait_for_slow: bool = True
) -> LoadedFile:
    """Read a CSV file of a kind (a key of ``RECORD_KINDS``) and put it into the store in one transaction.

    With failures nothing is loaded, unless good_rows says to load the others. Raises OSError when there is no file.
    """
    read = read_csv(path, RECORD_KINDS[kind])
    if not read.records or (read.failures and not good_rows):
        return LoadedFile(kind, None, {}, read.failures)
    source = f"file {path.name}"
    if kind == "quotes":
        quotes = apply_quotes(store, state, _quotes(read), source=source, wait_for_slow=wait_for_slow)
        counts = {"applied": quotes.applied, "late": quotes.late, "rejected": quotes.rejected}
        return LoadedFile(kind, quotes.revision, counts, read.failures)
    changed = change_records(store, state, kind, read.records, source=source, wait_for_slow=wait_for_slow)
    counts = {"new": changed.new, "changed": changed.changed, "unchanged": changed.unchanged}
    return LoadedFile(kind, changed.revision, counts, read.failures)


def summary_of(loaded: LoadedFile) -> str:
    """One line for people: what was loaded, and how many rows failed by column."""
    parts = [f"{count:,} {name}" for name, count in loaded.counts.items() if count]
    text = f"{loaded.kind}: {', '.join(parts) if parts else 'nothing loaded'}"
    if loaded.failures:
        columns = Counter(failure.column or "row" for failure in loaded.failures)
        text += f"; {len(loaded.failures):,} rows failed ({', '.join(f'{n} {c}' for c, n in columns.most_common())})"
    return text


def _quotes(read: ReadRecords) -> list[Quote]:
    return [_quote(record) for record in read.records]


def _quote(record: dict[str, Any]) -> Quote:
    moment = record["as_of_date"]
    if type(moment) is date:
        return quote_of_date(moment, record["instrument"], record["quote"])
    return Quote(as_of_date(moment), record["instrument"], record["quote"], moment)
