"""The audit: who changed what, when and why, and who was refused. Nobody can alter it."""

import pandas as pd
import streamlit as st

from services.audit_texts import audit_csv, in_words
from storage.audit import StoredAuditEntry, count_audit, read_audit, verify_audit
from ui.audit_filters import audit_filters
from ui.store import store

_MOST_ROWS = 1_000


def shown(stored: StoredAuditEntry) -> dict[str, object]:
    """An entry as the table has it."""
    entry = stored.entry
    return {
        "Entry": stored.audit_id,
        "When (UTC)": stored.recorded_at,
        "Who": entry.user_name,
        "What": entry.action,
        "About": f"{entry.subject_kind} {entry.subject_key}",
        "Before": in_words(entry.before),
        "After": in_words(entry.after),
        "Reason": entry.reason,
        "Note": entry.note,
        "Hash": stored.hash[:12],
    }


def whole_csv() -> str:
    """All entries that match, made when somebody asks for them."""
    with store().read() as connection:
        return audit_csv(read_audit(connection, chosen))


st.subheader("Audit")
chosen = audit_filters()
with store().read() as connection:
    count, entries = count_audit(connection, chosen), read_audit(connection, chosen, limit=_MOST_ROWS)
with st.container(horizontal=True, vertical_alignment="center"):
    st.caption(f"{count:,} entries" + (f", the newest {_MOST_ROWS:,} are listed" if count > _MOST_ROWS else ""))
    st.download_button(
        "Download CSV", whole_csv, "audit.csv", "text/csv", on_click="ignore", disabled=not count, key="download"
    )
    if st.button("Verify the chain", key="verify", help="Read all entries and compute every hash again."):
        with store().read() as connection, st.spinner("Reading every entry"):
            fault, total = verify_audit(connection), count_audit(connection)
        if fault is None:
            st.success(f"All {total:,} entries are as they were written.", icon=":material/verified:")
        else:
            st.error(
                f"Entry {fault.audit_id:,} {fault.reason}. Tell whoever runs Deltaboard.", icon=":material/gpp_bad:"
            )
if entries:
    st.dataframe(
        pd.DataFrame([shown(stored) for stored in entries]),
        hide_index=True,
        height=620,
        column_config={"When (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss")},
        alt="Entries of the audit, the newest first",
    )
else:
    st.info("No entry matches. What people change, and what they are refused, is written here.")
