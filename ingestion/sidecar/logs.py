"""How the sidecar logs: one line an event, on standard error; what its libraries log comes out the same way."""

import logging
import sys
import time

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


class LibraryLog(logging.Handler):
    """Passes a library's warnings and errors on as ``library_warning``, the same message once a while.

    A client that finds no broker says so at every attempt, several times a second.
    """

    def __init__(self, quiet_seconds: float = 60.0) -> None:
        super().__init__(logging.WARNING)
        self._quiet_seconds = quiet_seconds
        self._last: dict[tuple[str, str], float] = {}
        self._passed_over: dict[tuple[str, str], int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record, unless its message (without its arguments) was logged a moment ago."""
        message, now = (record.name, str(record.msg)), time.monotonic()
        if now - self._last.get(message, float("-inf")) < self._quiet_seconds:
            self._passed_over[message] = self._passed_over.get(message, 0) + 1
            return
        self._last[message] = now
        structlog.get_logger("library").warning(
            "library_warning",
            library=record.name,
            severity=record.levelname.lower(),
            message=record.getMessage(),
            suppressed=self._passed_over.pop(message, 0),
        )


def log_library(name: str) -> None:
    """Have what a library logs by Python's own logging appear in our log, once."""
    logger = logging.getLogger(name)
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    if not any(isinstance(handler, LibraryLog) for handler in logger.handlers):
        logger.addHandler(LibraryLog())
