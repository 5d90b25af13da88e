"""The columns of each kind of file, and templates to begin with."""

import pandas as pd
import streamlit as st

from services.exports.export_kinds import TemplateAsked
from services.records.record_kinds import RECORD_KINDS
from services.uploads.column_mapping import also_known_as
from services.uploads.upload_templates import EXAMPLES
from ui.links.export_menu import export_menu
from ui.page.table_size import ROW_PIXELS


def upload_columns() -> None:
    """Every column of a kind: whether it must be there, what it means, an example; and the kind's templates."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.selectbox("Kind of rows", list(RECORD_KINDS), key="kind", bind="query-params", width=260)
        export_menu(TemplateAsked(kind), "template", label="Template")
    known = RECORD_KINDS[kind]
    rows = [
        {
            "Column": column.name,
            "Required": "yes" if column.required else "no",
            "Meaning": column.meaning,
            "Example": str(EXAMPLES[kind].get(column.name, "")),
            "Where missing": ""
            if column.default is None
            else f"{column.default:g}"
            if isinstance(column.default, float)
            else str(column.default),
            "Also known as": ", ".join(also_known_as(column)),
        }
        for column in known.columns
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        width="stretch",
        height="content",
        row_height=ROW_PIXELS,
        alt=f"Columns of {kind}",
    )
    st.caption(
        "Columns may come in any order and any letter case. Others are left aside, and the preview names them. "
        "A row with a known key overwrites, a new key is added, nothing is removed."
    )
