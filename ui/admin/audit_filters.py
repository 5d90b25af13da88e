"""Which entries of the audit a page shows: filters that the address of the page mirrors."""

from datetime import UTC, date, datetime, time, timedelta

import streamlit as st

from storage.core.storable_text import LONGEST_ASKED, storable
from storage.people.audit import AuditFilter, audit_words
from ui.page.store import store


def audit_filters() -> AuditFilter:
    """The controls, and what they say. Days are UTC; both ends count."""
    with store().read() as connection:
        words = audit_words(connection)
    with st.container(key="filters_audit"):
        who, what, about, since, until, find = st.columns([0.18, 0.18, 0.16, 0.13, 0.13, 0.22])
    users = who.multiselect("Who", words["users"], key="by", bind="query-params", placeholder="Everyone")
    actions = what.multiselect("What", words["actions"], key="did", bind="query-params", placeholder="Everything")
    kinds = about.multiselect(
        "About", words["subject_kinds"], key="about", bind="query-params", placeholder="All kinds"
    )
    first = since.date_input("From", None, key="since", bind="query-params", format="YYYY-MM-DD", help="UTC")
    last = until.date_input("To", None, key="until", bind="query-params", format="YYYY-MM-DD", help="UTC, inclusive")
    text = find.text_input(
        "Search", key="find_entry", bind="query-params", placeholder="Trade, person, reason or note", max_chars=100
    )
    searched = storable(text or "")[:LONGEST_ASKED].strip()
    return AuditFilter(tuple(users), tuple(actions), tuple(kinds), searched, _midnight(first), _midnight(last, days=1))


def clear_filters() -> None:
    """Set the controls to nothing: to be called before they are drawn."""
    st.session_state.update({"by": [], "did": [], "about": [], "since": None, "until": None, "find_entry": ""})


def _midnight(day: date | None, days: int = 0) -> datetime | None:
    if day is None:
        return None
    return datetime.combine(min(day, date.max - timedelta(days=days)), time.min, UTC) + timedelta(days=days)
