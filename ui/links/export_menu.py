"""A table as a file for whoever looks at it: links to its three forms, each made when one of them is followed."""

import streamlit as st

from live.components.panels import FILE_LINKS_SCRIPT, script_of
from services.exports.export_kinds import export_address
from services.exports.export_table import ExportForm
from services.exports.export_worker import export_worker
from ui.identity.current_user import current_user
from ui.identity.sign_in_setup import must_sign_in

_STYLE = """
:host { font-family: var(--st-font); }
nav { display: flex; flex-direction: column; gap: 0.5rem; min-width: 9rem; }
a {
  padding: 0.25rem 0.75rem; border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius);
  color: var(--st-text-color); font-size: 0.875rem; line-height: 1.6; text-align: center; text-decoration: none;
}
a:hover, a:focus-visible { border-color: var(--st-primary-color); color: var(--st-primary-color); }
a:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
p { margin: 0.5rem 0 0; max-width: 18rem; font-size: 0.8rem; color: var(--st-text-color); }
p:empty { display: none; }
"""
_FILE_LINKS = st.components.v2.component("deltaboard_file_links", css=_STYLE, js=script_of(FILE_LINKS_SCRIPT))


def export_menu(asked: object, key: str, *, label: str = "Export", disabled: bool = False) -> None:
    """A button that opens to CSV, Excel and Parquet. asked: of a kind of ``EXPORT_KINDS``; it is in the addresses."""
    export_worker().start()  # it is warm when somebody clicks
    person = None if must_sign_in() else current_user().name
    links = [{"label": form.label, "address": export_address(asked, form, person)} for form in ExportForm]
    with st.popover(label, icon=":material/download:", key=f"{key}_export", disabled=disabled):
        _FILE_LINKS(key=f"{key}_files", data={"links": links})
