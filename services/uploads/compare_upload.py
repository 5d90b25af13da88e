"""Compare rows of a file with the store: which are new, which change what, and what each would take the place of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from engine.measures import MEASURE_NAMES
from engine.model import Source
from services.records.incoming import Incoming, has_no_time
from services.records.read_values import shown
from storage.book.records import RECORD_TABLES, Record
from storage.core.schema import pricing_failures, quotes, sensitivities
from storage.market.quote_history import stored_observations
from storage.market.quotes import Quote
from storage.people.uploads import Key, Row, stored_rows

SOURCE = "source"


class Outcome(StrEnum):
    """What a row does. Late: a quote that is older than the newest; it goes to history alone."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Compared:
    """A row of a file beside what is stored.

    key: the primary key of the kind's table, of quotes with the instant. changes: (field, old value, new value) of each
    that differs, for rows that change something. previous: what an undo puts back, None where nothing was there.
    """

    line: int
    key: Key
    outcome: Outcome
    changes: tuple[tuple[str, Any, Any], ...] = ()
    previous: Row | None = None


@dataclass(slots=True)
class Comparison:
    """All rows of a file beside the store, in the order of the file."""

    rows: list[Compared] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many rows have each outcome."""
        found = dict.fromkeys(map(str, Outcome), 0)
        for row in self.rows:
            found[row.outcome] += 1
        return found

    def written(self) -> list[Compared]:
        """The rows that would be written; of several with one key the last."""
        return list({row.key: row for row in self.rows if row.outcome is not Outcome.UNCHANGED}.values())


def compare(
    connection: Connection, kind: str, records: Sequence[Record], lines: Sequence[int], source: str
) -> Comparison:
    """Compare valid records of a kind, as ``apply_incoming`` would take them now. source: as the store would say it."""
    ways: Mapping[str, Callable[[], list[Compared]]] = {
        "quotes": lambda: _quotes(connection, records, lines),
        "sensitivities": lambda: _sensitivities(connection, records, lines, source),
    }
    return Comparison(ways.get(kind, lambda: _records(connection, kind, records, lines))())


def moved_rows(seen: Comparison, now: Comparison, kind: str) -> list[tuple[Compared, Compared]]:
    """The rows for which a preview no longer holds, as (then, now).

    A row that does something else now, and one whose old values are not those that were shown. Quotes and our own
    sensitivities tick all the time: that another value of theirs is overwritten is what the file wants.
    """
    return [
        (then, row)
        for then, row in zip(seen.rows, now.rows, strict=True)
        if then.outcome is not row.outcome or (then.changes != row.changes and kind != "quotes" and not _is_ours(row))
    ]


def upload_source(file_name: str, user_name: str) -> str:
    """What the store says of where an upload's rows came from."""
    return f"upload {shown(file_name, 100)} by {user_name}"


def key_text(key: Sequence[Any]) -> str:
    """A key for people."""
    return ", ".join(str(part) for part in key)


def _is_ours(row: Compared) -> bool:
    return any(name == SOURCE and old == Source.ENGINE for name, old, _ in row.changes)


def _records(connection: Connection, kind: str, records: Sequence[Record], lines: Sequence[int]) -> list[Compared]:
    table = RECORD_TABLES[kind]
    key_names = [column.name for column in table.primary_key.columns]
    names = [column.name for column in table.columns if column.name not in (*key_names, SOURCE, "revision")]
    keys = [tuple([record[name] for name in key_names]) for record in records]
    stored = stored_rows(connection, table, keys)
    found = []
    for key, line, record in zip(keys, lines, records, strict=True):
        known = stored.get(key)
        if known is None:
            found.append(Compared(line, key, Outcome.NEW))
            continue
        changes = tuple(
            (name, known[name], record[name]) for name in names if name in record and record[name] != known[name]
        )
        outcome = Outcome.CHANGED if changes else Outcome.UNCHANGED
        found.append(Compared(line, key, outcome, changes, known if changes else None))
    return found


def _sensitivities(
    connection: Connection, records: Sequence[Record], lines: Sequence[int], source: str
) -> list[Compared]:
    keys = [(record["as_of_date"], record["risk_factor"], record["trade_id"]) for record in records]
    stored = stored_rows(connection, sensitivities, keys)
    failures = _failures(connection, keys)
    found = []
    for key, line, record in zip(keys, lines, records, strict=True):
        known, failure = stored.get(key), failures.get(key)
        if known is None:
            previous = None if failure is None else {"row": None, "failure": failure}
            found.append(Compared(line, key, Outcome.NEW, (), previous))
            continue
        changes = [(name, known[name], record.get(name)) for name in MEASURE_NAMES if known[name] != record.get(name)]
        if known[SOURCE] != source:
            changes.append((SOURCE, known[SOURCE], source))
        outcome = Outcome.CHANGED if changes else Outcome.UNCHANGED
        previous = {"row": known, "failure": failure} if changes else None
        found.append(Compared(line, key, outcome, tuple(changes), previous))
    return found


def _failures(connection: Connection, keys: Sequence[Key]) -> dict[Key, Row]:
    """The reasons why trades have no value, under the keys that a value of theirs would have."""
    wanted = set(keys)
    found: dict[Key, Row] = {}
    for as_of in {key[0] for key in keys}:
        query = select(pricing_failures).where(pricing_failures.c.as_of_date == as_of)
        for row in connection.execute(query).mappings():
            key = (as_of, row["risk_factor"], row["trade_id"])
            if key in wanted:
                found[key] = dict(row)
    return found


def _quotes(connection: Connection, records: Sequence[Record], lines: Sequence[int]) -> list[Compared]:
    incoming = Incoming()
    for record in records:
        incoming.add("quotes", record)
    stored = stored_rows(connection, quotes, {(quote.as_of_date, quote.instrument) for quote in incoming.quotes})
    newest: dict[Key, Quote] = {}
    taken: list[tuple[int, Quote, Outcome, Quote | None]] = []
    for line, quote in zip(lines, incoming.quotes, strict=True):
        key = (quote.as_of_date, quote.instrument)
        known = newest.get(key)
        if known is None and (row := stored.get(key)) is not None:
            known = Quote(row["as_of_date"], row["instrument"], row["quote"], row["observed_at"])
        if known is not None and has_no_time(quote):
            quote = Quote(quote.as_of_date, quote.instrument, quote.quote, known.observed_at)
        if quote == known:
            taken.append((line, quote, Outcome.UNCHANGED, known))
        elif known is not None and quote.observed_at < known.observed_at:
            taken.append((line, quote, Outcome.LATE, known))
        else:
            newest[key] = quote
            taken.append((line, quote, Outcome.NEW if known is None else Outcome.CHANGED, known))
    instants = {(quote.as_of_date, quote.instrument, quote.observed_at) for _, quote, *_ in taken}
    observed = stored_observations(connection, instants)
    found = []
    for line, quote, outcome, known in taken:
        before = {
            "newest": stored.get((quote.as_of_date, quote.instrument)),
            "observation": observed.get((quote.as_of_date, quote.instrument, quote.observed_at)),
        }
        changes = (("quote", known.quote, quote.quote),) if known is not None and outcome is Outcome.CHANGED else ()
        place: Key = (quote.as_of_date, quote.instrument, quote.observed_at)
        found.append(Compared(line, place, outcome, changes, before if any(before.values()) else None))
    return found
