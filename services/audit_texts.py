"""The audit in texts: values in words for people, and as CSV for spreadsheets, where no text is a formula."""

import csv
import json
from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any

from services.spreadsheet_text import harmless
from storage.audit import StoredAuditEntry

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


def audit_csv(entries: Iterable[StoredAuditEntry]) -> str:
    """Entries as lines of CSV under a header. Before and after are JSON, times are UTC."""
    target = StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(COLUMNS)
    for stored in entries:
        entry = stored.entry
        texts = (entry.user_name, entry.action, entry.subject_kind, entry.subject_key)
        values = ("" if each is None else json.dumps(each, ensure_ascii=False) for each in (entry.before, entry.after))
        writer.writerow(
            [
                stored.audit_id,
                f"{stored.recorded_at:%Y-%m-%dT%H:%M:%S.%fZ}",
                *(harmless(text) for text in (*texts, *values, entry.reason, entry.note)),
                stored.revision,
                stored.previous_hash,
                stored.hash,
            ]
        )
    return target.getvalue()


def in_words(values: Mapping[str, Any] | None) -> str:
    """What something was or became, as people read it: the value alone where there is but one."""
    texts = {
        name: ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in (values or {}).items()
    }
    if len(texts) == 1:
        return next(iter(texts.values())) or "nothing"
    return ", ".join(f"{name} {text}" for name, text in texts.items())
