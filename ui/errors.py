"""What a page shows when something went wrong: what happened, and what to do. The whole story is in the log."""

import streamlit as st
import structlog
from sqlalchemy.exc import DBAPIError

log = structlog.get_logger("web")


def show_script_error(error: Exception) -> bool:
    """Show an error of a page to its user; True: Streamlit need not show its own."""
    log.error("a page failed", exc_info=error)
    if isinstance(error, DBAPIError):
        st.error(
            "The store does not answer. The page comes back by itself when it does; try again in a moment.",
            title="Store unreachable",
            icon=":material/database_off:",
        )
    else:
        st.error(
            "This page could not be shown. Reload it; if it happens again, tell whoever runs Deltaboard: the log says "
            "more.",
            title="Something went wrong",
            icon=":material/error:",
        )
    return True
