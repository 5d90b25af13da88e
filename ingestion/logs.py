"""How the sidecar logs: one line an event, on standard error."""

import logging
import sys

import structlog


def log_to_stderr(level: str) -> None:
    """Log events of this level and above (a name like INFO) with time and fields."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        # Asked for at each event: standard error may have been exchanged meanwhile.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
