"""The columns of each kind of file, and templates to begin with."""

import pandas as pd
import streamlit as st

from services.record_kinds import RECORD_KINDS
from services.upload_templates import EXAMPLES, template_csv, template_xlsx
from ui.table_size import ROW_PIXELS

_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def upload_columns() -> None:
    """Every column of a kind: whether it must be there, what it means, an example; and the kind's templates."""
    kind = st.selectbox("Kind of rows", list(RECORD_KINDS), key="kind", bind="query-params", width=260)
    known = RECORD_KINDS[kind]
    with st.container(horizontal=True):
        st.download_button(
            "Template, CSV",
            template_csv(kind),
            f"{kind}.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/download:",
        )
        st.download_button(
            "Template, Excel",
            template_xlsx(kind),
            f"{kind}.xlsx",
            _EXCEL,
            on_click="ignore",
            icon=":material/download:",
        )
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
            "Also known as": ", ".join(column.other_names),
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
