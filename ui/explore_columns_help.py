"""What each column of the pivot means: its unit, its formula, and over what it may be summed."""

import pandas as pd
import streamlit as st

from live.explore_columns import NUMBER_COLUMNS, Sums

_WORDS = {
    Sums.ALWAYS: "over any trades",
    Sums.WITHIN_CURRENCY: "within one currency",
    Sums.WITHIN_UNDERLYING: "within one underlying",
    Sums.WITHIN_CONTRACT: "within one contract",
    Sums.NEVER: "not at all: shown where all are the same, or as an average, minimum, maximum…",
}


def columns_help() -> None:
    """A list of the numeric columns in words."""
    with st.popover("Columns", icon=":material/help:", key="columns_help"):
        st.dataframe(
            pd.DataFrame(
                [{"Column": c.label, "Meaning": c.help, "Adds up": _WORDS[c.sums]} for c in NUMBER_COLUMNS],
            ),
            hide_index=True,
            width=760,
            alt="The columns of the pivot, what they mean and over what they add up",
        )
