"""Filters that come back when one returns to a page: the address has them only while the page is open."""

from collections.abc import Sequence

import streamlit as st

_KEPT = "kept_filters"


def recall(names: Sequence[str]) -> None:
    """Before widgets with these keys are drawn: give them what they had when the page was left, unless the address
    says otherwise."""
    kept = st.session_state.get(_KEPT, {})
    if any(name in st.session_state or name in st.query_params for name in names):
        return
    st.session_state.update({name: kept[name] for name in names if name in kept})


def remember(names: Sequence[str]) -> None:
    """After they are drawn."""
    st.session_state.setdefault(_KEPT, {}).update({name: st.session_state[name] for name in names})
