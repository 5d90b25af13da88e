"""What came of a change, said at the next run of the page, once."""

from typing import Literal

import streamlit as st

from ui.page.plain_words import plain


def keep_outcome(key: str, done: bool, words: str) -> None:
    """Keep what came of a change for the next run. key: of the session, one a page."""
    st.session_state[key] = (done, words)


def show_outcome(key: str, duration: Literal["short", "long"] = "long") -> None:
    """Say it: above the page where it was done, so that nothing moves; in it where it was refused, so that it stays."""
    outcome = st.session_state.pop(key, None)
    if outcome is None:
        return
    done, words = outcome
    if done:
        st.toast(plain(words), icon=":material/check:", duration=duration)
    else:
        st.error(plain(words))
