"""The form of the log: an error with the lines that led to it, never with the values of variables."""

import structlog


def log_plainly() -> None:
    """Configure this process to log a traceback without local variables.

    Those hold the password of the database and the token of the server. To print them takes seconds, too, and touches
    Streamlit's session, which may end the run before the page says what happened.
    """
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], renderer])
