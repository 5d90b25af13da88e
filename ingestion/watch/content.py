"""What does a watched file hold?"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from ingestion.watch.paths import Signature, WatchedFile, shown
from services.files.file_limits import FileLimits
from services.files.read_file import read_file
from services.records.ahead_of_clock import refuse_ahead
from services.records.doubtful_rows import doubts, questioned_before, questioned_in_words
from services.records.how_many import grouped, how_many
from services.records.incoming import Incoming
from services.records.plausibility import DEFAULT_BOUNDS, PlausibleBounds
from services.records.read_rows import ReadRecords, RowFailure, left_aside_text
from services.records.record_kinds import RECORD_KINDS
from storage.feeds.loaded_files import LOADED, REFUSED

_LONGEST_DETAIL = 500
_CHUNK = 1 << 20

log = structlog.get_logger("sidecar")


class FileDisturbed(Exception):
    """Somebody wrote to the file while it was read."""


@dataclass(frozen=True, slots=True)
class Content:
    """What was read. outcome: ``LOADED`` or ``REFUSED``; a file that is refused brings no rows.

    detail: what was wrong or left aside, for people; empty when all was well. failed_rows: how many rows are not taken.
    """

    kind: str
    outcome: str
    detail: str
    incoming: Incoming = field(default_factory=Incoming)
    failures: Sequence[RowFailure] = ()
    failed_rows: int = 0


def hash_of(file: WatchedFile, limits: FileLimits) -> str:
    """SHA-256 of its bytes. Raises OSError.

    A file over the limit is refused for its size, so that alone counts: nobody waits for the hash of a terabyte.
    """
    if file.signature.size > limits.bytes:
        return f"{file.signature.size} bytes"
    digest = hashlib.sha256()
    with file.path.open("rb") as source:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def read_content(
    file: WatchedFile,
    content_hash: str,
    kind: str | None,
    limits: FileLimits,
    *,
    good_rows: bool,
    future_tolerance_seconds: float = 300.0,
    bounds: PlausibleBounds = DEFAULT_BOUNDS,
) -> Content:
    """Read a file that had this hash. A bad row refuses it all, unless good_rows says to take the others.

    Raises FileDisturbed when its content is another by now, and OSError.
    """
    incoming = Incoming()
    try:
        read = read_file(file.path, kind, limits)
        found, records = read.kind, read.records
        refuse_ahead(records, found or "", future_tolerance_seconds)
        for record, place in zip(records.records, records.places, strict=True):
            incoming.add(found or "", record, place)
    except OSError:
        raise
    except Exception as error:  # whatever a file holds, the others must go on
        log.exception("file_unreadable", file=file.name)
        found, records = None, ReadRecords()
        records.refuse(
            [
                RowFailure(
                    1, "", "", f"cannot be read ({type(error).__name__}: {error})", remediation="look into the log"
                )
            ]
        )
    if Signature.of(file.path.stat()) != file.signature or hash_of(file, limits) != content_hash:
        raise FileDisturbed
    what = found or kind or ""
    if not records.failed_rows:
        return Content(what, LOADED, _aside(found, records, bounds), incoming)
    if good_rows and records.records:
        return Content(what, LOADED, _in_words(records, "the others were loaded"), incoming, *_failed(records))
    return Content(what, REFUSED, _in_words(records, "nothing was loaded"), Incoming(), *_failed(records))


def _aside(kind: str | None, records: ReadRecords, bounds: PlausibleBounds) -> str:
    """What was left aside, and what to look at, of a file that was loaded."""
    if kind is None:
        return ""
    aside = left_aside_text(records.left_aside, RECORD_KINDS[kind])
    questioned = questioned_in_words(questioned_before(kind, records, bounds))
    said = shown("; ".join(filter(None, (aside, *doubts(kind, records), *questioned))))
    return said if len(said) <= _LONGEST_DETAIL else f"{said[:_LONGEST_DETAIL]}…"


def _failed(records: ReadRecords) -> tuple[list[RowFailure], int]:
    failures = list(records.failures)
    if records.more_failures:
        last = failures[-1].line if failures else 1
        reason = f"and {grouped(records.more_failures)} more that are not listed"
        failures.append(RowFailure(last, "", "", reason, remediation="correct these first"))
    return failures, records.failed_rows


def _in_words(records: ReadRecords, then: str) -> str:
    rows = f"{how_many(records.failed_rows, 'row')} refused, {then}"
    text = shown(f"{rows}. The first: {records.failures[0]}" if records.failures else rows)
    return text if len(text) <= _LONGEST_DETAIL else f"{text[:_LONGEST_DETAIL]}…"
