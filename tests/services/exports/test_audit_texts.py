"""The audit for people: as a table that CSV gives back the same, values in words, and no text that is a formula."""

import csv
from collections.abc import Mapping
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest

from services.exports.audit_texts import COLUMNS, audit_frame, in_words
from services.exports.export_table import ExportForm, export_table
from services.files.spreadsheet_text import harmless
from storage.people.audit import AuditEntry, StoredAuditEntry


def test_each_entry_is_a_line() -> None:
    entry = AuditEntry("Max", "set status", "trade", "T1", {"trade_status": "Live"}, None, 'a, "b"', "c")
    stored = StoredAuditEntry(7, datetime(2020, 3, 9, 13, 30, tzinfo=UTC), 12, "aa", "bb", entry)
    text = export_table(audit_frame([stored]), ExportForm.CSV, "Audit").decode()
    rows = list(csv.DictReader(StringIO(text, newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert rows == [
        {
            "Entry": "7",
            "RecordedAt": "2020-03-09T13:30:00Z",
            "User": "Max",
            "Action": "set status",
            "SubjectKind": "trade",
            "Subject": "T1",
            "Before": '{"trade_status": "Live"}',
            "After": "",
            "Reason": 'a, "b"',
            "Note": "c",
            "Revision": "12",
            "PreviousHash": "aa",
            "Hash": "bb",
        }
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-A1", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_starts_like_a_formula_is_made_plain(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "sold", "1-1", "a=b", "-1", "+1"])
def test_other_texts_stay(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (None, ""),
        ({}, ""),
        ({"trade_status": "Live"}, "Live"),
        ({"roles": []}, "nothing"),
        ({"roles": ["admin", "viewer"]}, "admin, viewer"),
        ({"is_priced": True, "meaning": "x"}, "is_priced True, meaning x"),
        (
            {"widgets": [{"view": "a", "seconds": 2.5}, {"view": "b", "seconds": 3}]},
            "view a, seconds 2.5; view b, seconds 3",
        ),
    ],
)
def test_values_in_words(values: Mapping[str, Any] | None, words: str) -> None:
    assert in_words(values) == words


def test_numbers_in_words_are_those_of_the_reader_and_texts_stay() -> None:
    values = {
        "new": 30000,
        "kept": True,
        "file": "1.5.csv",
        "rates": [0.5, "0.5"],
        "page": [{"seconds": 2.5}, {"view": "2"}],
    }
    told = in_words(values, lambda value: f"<{value:g}>")
    assert told == "new <30000>, kept True, file 1.5.csv, rates <0.5>, 0.5, page <2.5>; 2"
    assert in_words({"version": 3}, lambda value: f"<{value}>") == "<3>"
