"""What each column of the pivot means: its unit, its formula, and over what it may be summed."""

import streamlit as st

from live.tables.explore_columns import NUMBER_COLUMNS, Sums
from ui.page.fact_table import Facts, fact_table

_WORDS = {
    Sums.ALWAYS: "over any trades",
    Sums.WITHIN_CURRENCY: "within one currency",
    Sums.WITHIN_UNDERLYING: "within one underlying",
    Sums.WITHIN_CONTRACT: "within one contract",
    Sums.NEVER: "never",
}


def columns_help() -> None:
    """A list of the numeric columns in words."""
    with st.popover("Columns", icon=":material/help:", key="columns_help"), st.container(width=780):
        rows = [(each.label, each.unit, each.help, _WORDS[each.sums]) for each in NUMBER_COLUMNS]
        fact_table(Facts("Numbers of the pivot", ("Column", "Unit", "Meaning", "Adds up"), rows, (), (1, 3), (2,)))
        st.caption("What never adds up is shown where all are the same, or as an average, a minimum, a maximum…")
