"""Trades and static data: upsert by key, say what was new and what changed, and keep every version."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import repeat
from operator import itemgetter
from typing import Any

import pandas as pd
from sqlalchemy import Column, Connection, Table, select, tuple_

from storage.core.bulk import insert, upsert
from storage.core.database import WriteUnit
from storage.core.schema import books, instruments, pricing_parameters, record_versions, trades

RECORD_TABLES: dict[str, Table] = {
    "trades": trades,
    "books": books,
    "instruments": instruments,
    "parameters": pricing_parameters,
}
_BOOKKEEPING = ("source", "revision")
_KEYS_A_QUERY = 500

Record = dict[str, Any]


@dataclass(slots=True)
class Upserted:
    """What an upsert of records did: counts, and the records that were written, whole."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    written: list[Record] = field(default_factory=list)


def columns_of(kind: str) -> list[Column[Any]]:
    """What a record of this kind is made of, without the bookkeeping of the store."""
    return [column for column in RECORD_TABLES[kind].columns if column.name not in _BOOKKEEPING]


def key_of(kind: str, record: Record) -> tuple[Any, ...]:
    """The primary key of a record of this kind."""
    return tuple(record[column.name] for column in RECORD_TABLES[kind].primary_key.columns)


def upsert_records(
    unit: WriteUnit,
    kind: str,
    records: Sequence[Record],
    defaults: Record,
    source: str,
    known: Mapping[tuple[Any, ...], Record] | None = None,
    places: Sequence[str] = (),
) -> Upserted:
    """Write records of one kind (a key of ``RECORD_TABLES``); of several with one key the last counts, field by field.

    A column that a record does not have keeps its stored value; where there is none, it takes the one in ``defaults``.
    A record equal to the stored one is not written at all; what it was on the way there is kept as versions, so that
    the history is the same however rows are batched. A record has no fields but those of its table. known: key ->
    stored record, where the caller has them. places: where in the source each record was, kept with its version: where
    it first was as it is now.
    """
    table = RECORD_TABLES[kind]
    names = [column.name for column in columns_of(kind)]
    keys = [column.name for column in table.primary_key.columns]
    wanted = [tuple([record[name] for name in keys]) for record in records]
    if known is None:
        known = _existing(unit.connection, kind, dict.fromkeys(wanted))
    standard = {name: defaults.get(name) for name in names}
    newest: dict[tuple[Any, ...], Record] = {}
    versions: list[tuple[tuple[Any, ...], Record, str]] = []
    for key, record, place in zip(wanted, records, places or repeat(""), strict=False):
        before = newest.get(key) or known.get(key)
        whole = newest[key] = {**(before or standard), **record}
        if whole != before:  # what only repeats it came from where it was first
            versions.append((key, whole, place))
    outcome = Upserted()
    new: list[Record] = []
    changed: list[Record] = []
    for key, whole in newest.items():
        stored = known.get(key)
        if stored == whole:
            outcome.unchanged += 1
            continue
        (new if stored is None else changed).append(whole)
        outcome.written.append(whole)
    outcome.new, outcome.changed = len(new), len(changed)
    common = {"source": source, "revision": unit.revision}
    insert(unit.connection, table, {**_by_column(new, names), **common}, len(new))
    upsert(unit.connection, table, {**_by_column(changed, names), **common}, len(changed))
    left = Counter(key for key, _, _ in versions)
    steps = []
    for key, _, _ in versions:
        left[key] -= 1
        steps.append(-left[key])
    write_versions(unit, kind, [whole for _, whole, _ in versions], source, [at for _, _, at in versions], steps)
    return outcome


def write_versions(
    unit: WriteUnit,
    kind: str,
    records: Sequence[Record],
    source: str,
    places: Sequence[str] = (),
    steps: Sequence[int] = (),
) -> None:
    """Keep a version of each of these whole records, which this revision has not written yet.

    steps: of each, where a record has several: 0 for its last, -1 for the one before.
    """
    columns = _by_column(records, [column.name for column in columns_of(kind)])
    keys = [columns[column.name] for column in RECORD_TABLES[kind].primary_key.columns] if records else []
    versions = {
        "revision": unit.revision,
        "kind": kind,
        "recorded_at": unit.now,
        "source": source,
        "record_key": ["|".join(map(str, key)) for key in zip(*keys, strict=True)],
        "record": _as_json(columns),
        "place": places or "",
        "step": list(steps) if steps else 0,
    }
    insert(unit.connection, record_versions, versions, len(records))


def _by_column(records: Sequence[Record], names: Sequence[str]) -> dict[str, list[Any]]:
    rows = map(itemgetter(*names), records)
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if records else {}


def _as_json(columns: Mapping[str, list[Any]]) -> list[str]:
    """Each row as JSON, dates as YYYY-MM-DD."""
    form = "{" + ",".join(f"{_json(name)}:%s" for name in columns) + "}"
    return [form % row for row in zip(*map(_json_texts, columns.values()), strict=True)]


def _json_texts(values: list[Any]) -> list[str]:
    """A column as JSON: numbers one by one, and of all else each value once, because most columns have few."""
    if any(isinstance(value, float) for value in values):
        return [float.__repr__(value) if value.__class__ is float else _json(value) for value in values]
    texts = {value: _json(value) for value in set(values)}
    return [texts[value] for value in values]


def read_plain_records(connection: Connection, kind: str) -> list[Record]:
    """All records of a kind in the order of their keys, without the bookkeeping of the store."""
    table = RECORD_TABLES[kind]
    columns = columns_of(kind)
    names = [column.name for column in columns]
    result = connection.execute(select(*columns).order_by(*table.primary_key.columns))
    return [dict(zip(names, row, strict=True)) for row in result]


def read_records(connection: Connection, kind: str) -> pd.DataFrame:
    """All records of a kind: a row each, every column of its table; dates as datetime64, numbers as floats."""
    table = RECORD_TABLES[kind]
    result = connection.execute(select(table).order_by(*table.primary_key.columns))
    frame = pd.DataFrame(result.all(), columns=list(result.keys()))
    for column in table.columns:
        if column.type.python_type is date:
            frame[column.name] = pd.to_datetime(frame[column.name])
        elif column.type.python_type is float:
            frame[column.name] = frame[column.name].astype("float64")
        elif column.type.python_type is str:
            frame[column.name] = frame[column.name].astype(object)
    return frame


def _existing(connection: Connection, kind: str, keys: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], Record]:
    table = RECORD_TABLES[kind]
    key_columns = list(table.primary_key.columns)
    columns = columns_of(kind)
    wanted = list(keys)
    found: dict[tuple[Any, ...], Record] = {}
    for start in range(0, len(wanted), _KEYS_A_QUERY):
        some = wanted[start : start + _KEYS_A_QUERY]
        condition = (
            key_columns[0].in_([key[0] for key in some]) if len(key_columns) == 1 else tuple_(*key_columns).in_(some)
        )
        for row in connection.execute(select(*columns).where(condition)).mappings():
            record = dict(row)
            found[key_of(kind, record)] = record
    return found


_json = json.JSONEncoder(default=date.isoformat, separators=(",", ":")).encode
"""A record as JSON: dates as YYYY-MM-DD."""
