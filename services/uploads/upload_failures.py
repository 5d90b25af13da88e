"""What is wrong with an upload, for people: how to fix each row, and all of it as a table with the rows themselves."""

from weakref import WeakValueDictionary

import pandas as pd
from sqlalchemy import Connection

from services.records.read_rows import RowFailure
from services.uploads.preview_upload import UploadPreview
from services.uploads.upload_worker import KeptPreview

HEADINGS = ("Line", "Column", "Value", "Reason", "HowToFix")


def reason_and_remediation(failure: RowFailure) -> tuple[str, str]:
    """Why a row is not taken, and what to do about it."""
    return failure.reason, failure.remediation or "correct it in the file"


def failures_table(_connection: Connection, preview: UploadPreview) -> pd.DataFrame:
    """A row a failure: line, column, value, reason, how to fix it, and the row's cells as the file has them."""
    widest = max(map(len, preview.failed_cells.values()), default=0)
    names = [*preview.names, *[""] * (widest - len(preview.names))]
    rows = []
    for failure in preview.failures:
        cells = preview.failed_cells.get(failure.line, [])
        said = (failure.line, failure.column, failure.value, *reason_and_remediation(failure))
        rows.append([*said, *cells, *[None] * (len(names) - len(cells))])
    return pd.DataFrame(rows, columns=pd.Index([*HEADINGS, *names]), dtype=object)


class KeptFailures:
    """The previews whose failures can be had as a file: each for as long as somebody's page has it, for them alone."""

    def __init__(self) -> None:
        self._kept: WeakValueDictionary[tuple[str, str], KeptPreview] = WeakValueDictionary()

    def keep(self, who: str, kept: KeptPreview) -> None:
        """Remember it, and do not hold it."""
        self._kept[who, kept.preview_id] = kept

    def preview_of(self, who: str, preview_id: str) -> UploadPreview | None:
        """The preview of that number, if it is theirs and still on their page."""
        kept = self._kept.get((who, preview_id))
        return None if kept is None else kept.preview


KEPT_FAILURES = KeptFailures()
"""Those of this process."""
