"""Load a file into the store: all of it, or the good rows, or nothing and why."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sqlalchemy import select

from services.files.file_limits import FileLimits
from services.files.read_file import read_file
from services.pricing.pricing_state import PricingState
from services.records.ahead_of_clock import refuse_ahead
from services.records.doubtful_rows import doubts, questioned_in_words
from services.records.how_many import grouped, how_many
from services.records.incoming import Incoming
from services.records.read_rows import ReadRecords, RowFailure, left_aside_text
from services.records.record_kinds import RECORD_KINDS
from services.writes.apply_incoming import apply_incoming
from storage.core.database import Store
from storage.core.schema import instruments, quotes, trades


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """What came of a file. kind is None when its columns do not say; revision is None when nothing was loaded."""

    kind: str | None
    revision: int | None
    counts: dict[str, int] = field(default_factory=dict)
    """What happened to the good rows: new, changed, unchanged; for quotes late and refused too."""
    failures: list[RowFailure] = field(default_factory=list)
    failed_rows: int = 0
    left_aside: list[str] = field(default_factory=list)
    """The columns that the kind does not know."""
    warnings: list[str] = field(default_factory=list)
    """What to look at in the rows that were loaded."""
    is_refused_whole: bool = False


def load_file(
    store: Store,
    state: PricingState,
    kind: str | None,
    path: Path,
    *,
    good_rows: bool = False,
    wait_for_slow: bool = True,
    source: str | None = None,
    limits: FileLimits | None = None,
    future_tolerance_seconds: float = 300.0,
) -> LoadedFile:
    """Read a file of a kind (a key of ``RECORD_KINDS``; None: the one that its columns fit), CSV, Excel or Parquet, and
    put it into the store in one transaction.

    With failures nothing is loaded, unless good_rows says to load the others. source: what the store says of where the
    rows came from, the file's name when None. Raises OSError when there is no file.
    """
    found = read_file(path, kind, limits or FileLimits())
    read = found.records
    refuse_ahead(read, found.kind or "", future_tolerance_seconds)
    if found.kind == "trades":
        refuse_unknown_tickers(store, read)
    if found.kind is None or not read.records or (read.failures and not good_rows):
        whole = read.is_refused_whole
        return LoadedFile(
            found.kind, None, {}, read.failures, read.failed_rows, read.left_aside, is_refused_whole=whole
        )
    incoming = Incoming()
    for record, place in zip(read.records, read.places, strict=True):
        incoming.add(found.kind, record, place)
    source = source or f"file {path.name}"
    with store.read() as connection:
        warnings = doubts(found.kind, read, connection)
    applied = apply_incoming(store, state, incoming, source=source, wait_for_slow=wait_for_slow)
    warnings += questioned_in_words(applied.questioned)
    counts = asdict(applied.of(found.kind))
    return LoadedFile(found.kind, applied.revision, counts, read.failures, read.failed_rows, read.left_aside, warnings)


def summary_of(loaded: LoadedFile) -> str:
    """One line for people: what was loaded, how many rows failed and where, what was left aside and what to look at."""
    parts = [f"{grouped(count)} {name}" for name, count in loaded.counts.items() if count]
    text = f"{loaded.kind or 'unknown kind'}: {', '.join(parts) if parts else 'nothing loaded'}"
    if loaded.is_refused_whole:
        text += "; the whole file is refused"
    elif loaded.failures:
        columns = Counter(failure.column or "row" for failure in loaded.failures)
        named = ", ".join(f"{grouped(count)} {column}" for column, count in columns.most_common())
        text += f"; {how_many(loaded.failed_rows, 'row')} failed ({named})"
    if loaded.kind is not None and loaded.left_aside:
        text += f"; {left_aside_text(loaded.left_aside, RECORD_KINDS[loaded.kind])}"
    text += "".join(f"; {warning}" for warning in loaded.warnings)
    return text


def refuse_unknown_tickers(store: Store, read: ReadRecords) -> None:
    """Move trades with an unknown ticker to the failures; as long as no instrument is loaded, any may be meant."""
    with store.read() as connection:
        known = set(connection.execute(select(instruments.c.ticker)).scalars())
        if not known:
            return
        known |= set(connection.execute(select(quotes.c.instrument).distinct()).scalars())
        known |= set(connection.execute(select(trades.c.ticker).distinct()).scalars())
    rows = list(zip(read.records, read.lines, strict=True))
    read.records = [record for record, _ in rows if record["ticker"] in known]
    read.lines = [line for record, line in rows if record["ticker"] in known]
    reason = "the store knows no such ticker"
    remediation = "fix it, or load its instrument or a quote of it first"
    for record, line in rows:
        if record["ticker"] not in known:
            read.refuse([RowFailure(line, "Ticker", record["ticker"], reason, read.place, remediation)])
    read.failures.sort(key=lambda failure: failure.line)
