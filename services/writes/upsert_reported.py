"""Sensitivities that somebody else computed, inside a transaction: they take the place of ours of the same key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.pricing.unit_of_work import UnitOfWork
from storage.book.records import Record
from storage.market.reported import write_reported


@dataclass(slots=True)
class TakenReported:
    """What became of the rows."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0


def upsert_reported(work: UnitOfWork, records: Sequence[Record]) -> TakenReported:
    """Upsert reported rows, date by date; the last of several with one key counts."""
    by_date: dict[date, dict[tuple[str, str], Record]] = {}
    for record in records:
        key = (str(record["risk_factor"]), str(record["trade_id"]))
        by_date.setdefault(record["as_of_date"], {})[key] = record
    taken = TakenReported()
    for as_of, rows in by_date.items():
        written = write_reported(work.unit, as_of, rows, work.change.source)
        taken.new += written.new
        taken.changed += written.changed
        taken.unchanged += len(rows) - written.new - written.changed
        if written.logged.num_rows:
            work.change.reported = True
            work.change.log("sensitivities", as_of, written.logged)
            work.state.note_reported(as_of, rows)
    return taken
