"""A table as a file for whoever looks at it: in three forms, made when one of them is asked for and not before."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

import streamlit as st

from services.export_table import ExportForm
from services.export_worker import Make, export_worker
from ui.who import current_user


def export_menu(
    make: Make,
    name: str,
    key: str,
    *,
    about: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    disabled: bool = False,
) -> None:
    """A button that opens to CSV, Excel and Parquet.

    make: gives the rows. It runs after the click, in the process of the exports. name: of the table, and with - for
    spaces of the file. about: what the table is (as of when, which filters); who asked and when is added. units: name
    of a column -> its unit.
    """
    export_worker().start()  # it is warm when somebody clicks
    who = current_user().name
    stem = re.sub(r"[^\w.]+", "-", name).strip("-").lower()
    with st.popover("Export", icon=":material/download:", key=f"{key}_export", disabled=disabled):
        for form in ExportForm:
            st.download_button(
                form.label,
                partial(_made, make, form, name, dict(about or {}), who, units),
                f"{stem}.{form}",
                form.mime,
                key=f"{key}_{form}",
                on_click="ignore",
                width="stretch",
            )


def _made(
    make: Make,
    form: ExportForm,
    title: str,
    about: Mapping[str, str],
    who: str,
    units: Mapping[str, str] | None,
) -> bytes:
    said = {**about, "Made at": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC", "Made by": who}
    return export_worker().of_store(make, form, title, said, units)
