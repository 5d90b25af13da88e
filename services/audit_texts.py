"""The audit for people: values in words, and entries as a table that can be exported."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from storage.audit import AuditFilter, StoredAuditEntry, read_audit

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


def in_words(values: Mapping[str, Any] | None) -> str:
    """What something was or became, as people read it: the value alone where there is but one."""
    texts = {
        name: ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in (values or {}).items()
    }
    if len(texts) == 1:
        return next(iter(texts.values())) or "nothing"
    return ", ".join(f"{name} {text}" for name, text in texts.items())


def _json(values: Mapping[str, Any] | None) -> str:
    return "" if values is None else json.dumps(values, ensure_ascii=False)
