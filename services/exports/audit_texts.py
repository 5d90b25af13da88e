"""The audit for people: values in words, and entries as a table that can be exported."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from storage.people.audit import AuditFilter, StoredAuditEntry, read_audit

COLUMNS = (
    "Entry",
    "RecordedAt",
    "User",
    "Action",
    "SubjectKind",
    "Subject",
    "Before",
    "After",
    "Reason",
    "Note",
    "Revision",
    "PreviousHash",
    "Hash",
)


def audit_table(connection: Connection, chosen: AuditFilter) -> pd.DataFrame:
    """All entries that pass a filter, as ``audit_frame`` has them."""
    return audit_frame(read_audit(connection, chosen))


def audit_frame(entries: Iterable[StoredAuditEntry]) -> pd.DataFrame:
    """A row an entry with ``COLUMNS``. Before and after are JSON, times are UTC."""
    rows = [
        (
            stored.audit_id,
            stored.recorded_at,
            stored.entry.user_name,
            stored.entry.action,
            stored.entry.subject_kind,
            stored.entry.subject_key,
            _json(stored.entry.before),
            _json(stored.entry.after),
            stored.entry.reason,
            stored.entry.note,
            stored.revision,
            stored.previous_hash,
            stored.hash,
        )
        for stored in entries
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def in_words(values: Mapping[str, Any] | None, number: Callable[[float], str] = str) -> str:
    """What something was or became, as people read it: the value alone where there is but one.

    number: how whoever reads it writes one; without it as files have it. What is stored stays as it is.
    """
    texts = {name: _worded(value, number) for name, value in (values or {}).items()}
    if len(texts) == 1:
        return next(iter(texts.values())) or "nothing"
    return ", ".join(f"{name} {text}" for name, text in texts.items())


def _worded(value: Any, number: Callable[[float], str]) -> str:
    if isinstance(value, list):
        parts = [_worded(each, number) for each in value]
        return ("; " if any(isinstance(each, Mapping) for each in value) else ", ").join(parts)
    if isinstance(value, Mapping):
        return in_words(value, number)
    return number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def _json(values: Mapping[str, Any] | None) -> str:
    return "" if values is None else json.dumps(values, ensure_ascii=False)
