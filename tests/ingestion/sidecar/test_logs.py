"""What libraries log is in the sidecar's log, and does not flood it."""

import logging
from collections.abc import Iterator
from itertools import count

import pytest
import structlog

from ingestion.sidecar.logs import LibraryLog, log_library, log_to_stderr

_names = (f"a_library_{number}" for number in count())


@pytest.fixture
def library() -> Iterator[logging.Logger]:
    """The logger of a library that is heard."""
    log_to_stderr("INFO")
    name = next(_names)
    log_library(name)
    yield logging.getLogger(f"{name}.net")
    structlog.reset_defaults()


def test_warnings_of_a_library_are_heard(library: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    library.error("TLS handshake with %s failed", "broker:9093")
    library.info("connected")
    written = capsys.readouterr().err
    assert "event=library_warning" in written
    assert 'message="TLS handshake with broker:9093 failed"' in written
    assert "severity=error" in written
    assert "connected" not in written


def test_the_same_message_is_logged_once_a_while(library: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    for attempt in range(100):
        library.warning("attempt %d was refused", attempt)
    library.warning("another message")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2


def test_a_later_message_says_how_many_were_suppressed(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("INFO")
    handler = LibraryLog(quiet_seconds=3600.0)
    record = logging.LogRecord("kafka.net", logging.WARNING, "", 0, "refused %d", (1,), None)
    for _ in range(3):
        handler.emit(record)
    handler._quiet_seconds = 0.0
    handler.emit(record)
    assert "suppressed=2" in capsys.readouterr().err.splitlines()[-1]
    structlog.reset_defaults()


def test_a_library_is_heard_once_however_often_it_is_asked_for(library: logging.Logger) -> None:
    assert library.parent is not None
    log_library(library.parent.name)
    assert sum(isinstance(handler, LibraryLog) for handler in library.parent.handlers) == 1
