"""Load a file of one kind into the store: all of it, or the good rows, or nothing and why."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select

from engine.trading_calendar import as_of_date
from services.apply_quotes import apply_quotes, quote_of_date
from services.change_records import change_records
from services.pricing_state import PricingState
from services.read_file import ReadRecords, RowFailure, read_csv
from services.record_kinds import RECORD_KINDS
from storage.database import Store
from storage.quotes import Quote
from storage.schema import instruments, quotes, trades


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """What came of a file. revision is None when nothing was loaded."""

    kind: str
    revision: int | None
    counts: dict[str, int] = field(default_factory=dict)
    """What happened to the good rows: new, changed, unchanged; for quotes applied, late, rejected."""
    failures: list[RowFailure] = field(default_factory=list)


def load_file(
    store: Store,
    state: PricingState,
    kind: str,
    path: Path,
    *,
    good_rows: bool = False,
    wait_for_slow: bool = True,
    source: str | None = None,
) -> LoadedFile:
    """Read a CSV file of a kind (a key of ``RECORD_KINDS``) and put it into the store in one transaction.

    With failures nothing is loaded, unless good_rows says to load the others. source: what the store says of where the
    rows came from, the file's name when None. Raises OSError when there is no file.
    """
    read = read_csv(path, RECORD_KINDS[kind])
    if kind == "trades":
        _refuse_unknown_tickers(store, read)
    if not read.records or (read.failures and not good_rows):
        return LoadedFile(kind, None, {}, read.failures)
    source = source or f"file {path.name}"
    if kind == "quotes":
        applied = apply_quotes(store, state, _quotes(read), source=source, wait_for_slow=wait_for_slow)
        counts = {"applied": applied.applied, "late": applied.late, "rejected": applied.rejected}
        return LoadedFile(kind, applied.revision, counts, read.failures)
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


def _refuse_unknown_tickers(store: Store, read: ReadRecords) -> None:
    """Move trades with an unknown ticker to the failures; as long as no instrument is loaded, any may be meant."""
    with store.read() as connection:
        known = set(connection.execute(select(instruments.c.ticker)).scalars())
        if not known:
            return
        known |= set(connection.execute(select(quotes.c.instrument).distinct()).scalars())
        known |= set(connection.execute(select(trades.c.ticker).distinct()).scalars())
    rows = list(zip(read.records, read.lines, strict=True))
    reason = "the store knows no such ticker: mend it, or load its instrument or a quote of it first"
    read.failures += [RowFailure(line, "Ticker", r["ticker"], reason) for r, line in rows if r["ticker"] not in known]
    read.failures.sort(key=lambda failure: failure.line)
    read.records = [record for record, _ in rows if record["ticker"] in known]
    read.lines = [line for record, line in rows if record["ticker"] in known]


def _quotes(read: ReadRecords) -> list[Quote]:
    return [_quote(record) for record in read.records]


def _quote(record: dict[str, Any]) -> Quote:
    moment = record["as_of_date"]
    if type(moment) is date:
        return quote_of_date(moment, record["instrument"], record["quote"])
    return Quote(as_of_date(moment), record["instrument"], record["quote"], moment)
