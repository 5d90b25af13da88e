"""The address of a file says all that it is made of, and nothing that it says is lost or misread."""

from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from services.exports.export_kinds import (
    EXPORT_KINDS,
    FailuresAsked,
    TemplateAsked,
    TradeAsked,
    WithoutValueAsked,
    export_address,
    read_asked,
)
from services.exports.export_table import ExportForm
from storage.people.audit import AuditFilter
from storage.read_models.trade_list import TradeFilter

DAY, FIRST = date(2020, 3, 6), datetime(2026, 1, 2, tzinfo=UTC)
ASKED: list[Any] = [
    TradeFilter(),
    TradeFilter(" a&b=c;%+#\n", ("Live", "é, ü"), ("B/1",), ("AAPL", ""), DAY),
    TradeAsked("T&1=?"),
    TradeAsked("T 1", DAY),
    WithoutValueAsked(DAY),
    AuditFilter(),
    AuditFilter(
        ("Max",), ("tagged",), ("trade",), "x", datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    ),
    TemplateAsked("trades"),
    FailuresAsked("17"),
]


@pytest.mark.parametrize("asked", ASKED, ids=repr)
def test_what_an_address_says_is_read_as_it_was_meant(asked: object) -> None:
    parts = urlsplit(export_address(asked, ExportForm.CSV, "Max & Co"))
    query = parse_qsl(parts.query, keep_blank_values=True)
    assert read_asked(parts.path.rpartition("/")[2], query) == asked
    assert [value for name, value in query if name in ("form", "person")] == ["csv", "Max & Co"]


def test_every_kind_is_among_those() -> None:
    assert {type(asked) for asked in ASKED} == {kind.asked for kind in EXPORT_KINDS.values()}


def test_instants_are_of_utc_unless_they_say_otherwise() -> None:
    for text in ("2026-01-02", "2026-01-02T00:00:00", "2026-01-02T01:00:00+01:00"):
        assert read_asked("audit", [("since", text)]) == AuditFilter(since=FIRST), text
