"""What is wrong with an upload, for people: how to mend each row, and all of it as a file with the rows themselves."""

import csv
import io

from services.preview_upload import UploadPreview
from services.read_rows import RowFailure
from services.spreadsheet_text import harmless

HEADINGS = ("Line", "Column", "Value", "Reason", "HowToMend")
_TO_DO = {
    "must be above 0": "write a number above 0",
    "must be": "write one of these words",
}


def reason_and_mending(failure: RowFailure) -> tuple[str, str]:
    """Why a row is not taken, and what to do about it."""
    reason, _, mending = failure.reason.partition(": ")
    if not mending:
        mending = next((todo for start, todo in _TO_DO.items() if reason.startswith(start)), "mend it in the file")
    return reason, mending


def failures_csv(preview: UploadPreview) -> bytes:
    """The failures as CSV, UTF-8 with a byte-order mark: line, column, value, reason, how to mend it, the row's cells.

    Text that a spreadsheet would run as a formula begins with an apostrophe; numbers stay numbers.
    """
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet)
    writer.writerow([harmless(name) for name in (*HEADINGS, *preview.names)])
    for failure in preview.failures:
        cells = preview.failed_cells.get(failure.line, [])
        said = (str(failure.line), failure.column, failure.value, *reason_and_mending(failure))
        writer.writerow([harmless(cell) for cell in (*said, *cells)])
    return b"\xef\xbb\xbf" + sheet.getvalue().encode()
