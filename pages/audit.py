"""The audit: who changed what, when and why, and who was refused. Nobody can alter it."""

import pandas as pd
import streamlit as st

from services.exports.audit_texts import in_words
from storage.people.audit import AuditFilter, StoredAuditEntry, count_audit, read_audit, verify_audit
from ui.admin.audit_filters import audit_filters, clear_filters
from ui.links.export_menu import export_menu
from ui.links.trade_links import link_column, trade_addresses
from ui.page.number_text import count_text, how_many_text, size_text
from ui.page.store import store
from ui.page.table_size import ROW_PIXELS, table_height

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
        "Before": in_words(entry.before, size_text),
        "After": in_words(entry.after, size_text),
        "Reason": entry.reason,
        "Note": entry.note,
        "Hash": stored.hash[:12],
    }


st.subheader("Audit", anchor=False)
chosen = audit_filters()
with store().read() as connection:
    count, entries = count_audit(connection, chosen), read_audit(connection, chosen, limit=_MOST_ROWS)
with st.container(horizontal=True, vertical_alignment="center"):
    export_menu(chosen, "audit", disabled=not count)
    asked = st.button("Verify the chain", key="verify", help="Read all entries and compute every hash again.")
    said = st.empty()  # behind the controls: what is said there moves none of them
    more = f", the newest {count_text(_MOST_ROWS)} are listed" if count > _MOST_ROWS else ""
    said.caption(f"{how_many_text(count, 'entry', 'entries')}{more}")
if asked:
    with store().read() as connection:
        fault, total = verify_audit(connection), count_audit(connection)
    if fault is None:
        verified = f"Chain verified: {how_many_text(total, 'entry', 'entries')}, none missing or altered."
        said.markdown(f":green[:material/verified: {verified}]")
    else:
        st.error(
            f"Entry {count_text(fault.audit_id)} {fault.reason}. Tell whoever runs Deltaboard.",
            icon=":material/gpp_bad:",
        )
if entries:
    named = (stored.entry for stored in entries)
    listed = pd.DataFrame([shown(stored) for stored in entries])
    trades = trade_addresses(entry.subject_key if entry.subject_kind == "trade" else None for entry in named)
    listed.insert(list(listed.columns).index("About") + 1, "Open", trades)
    st.dataframe(
        listed,
        hide_index=True,
        height=table_height(len(listed)),
        row_height=ROW_PIXELS,
        placeholder="",
        column_config={
            "Entry": st.column_config.NumberColumn(format="localized"),
            "Before": st.column_config.TextColumn(width="medium"),
            "After": st.column_config.TextColumn(width="medium"),
            "When (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss"),
            "Open": link_column(),
        },
        alt="Entries of the audit, the newest first",
    )
elif chosen == AuditFilter():
    st.info("There are no entries yet. What people change, and what they are refused, is written here.")
else:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("No entry matches the filters.", width="content")
        st.button("Clear the filters", key="clear_filters", on_click=clear_filters)
