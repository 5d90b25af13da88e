"""A workbook that is refused is closed then, not when somebody next collects garbage."""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from services.files.excel_rows import ExcelRows
from services.records.read_rows import Unreadable
from tests.services.files.test_format_cases import NO_TABLE, archive, workbook

WHOLE = workbook(("Trades", "visible", NO_TABLE)).content
REFUSED: dict[str, tuple[bytes, int, str | None]] = {
    "an archive of something else": (archive(a_dot_txt=b"text"), 10**6, None),
    "a list of sheets that is no XML": (archive(xl__workbook_dot_xml=b"<", xl__rels=b""), 10**6, None),
    "larger than a file may be": (WHOLE, 10, None),
    "no sheet": (workbook().content, 10**6, None),
    "no such sheet": (WHOLE, 10**6, "Other"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_workbook_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    content, most_bytes, sheet = REFUSED[name]
    opened: list[zipfile.ZipFile] = []

    class Recorded(zipfile.ZipFile):
        def __init__(self, *asked: Any, **more: Any) -> None:
            super().__init__(*asked, **more)
            opened.append(self)

    monkeypatch.setattr(zipfile, "ZipFile", Recorded)
    (tmp_path / "t.xlsx").write_bytes(content)
    with pytest.raises(Unreadable):
        ExcelRows(tmp_path / "t.xlsx", most_bytes, 100, 20, sheet)
    assert [each.fp for each in opened] == [None]


def test_one_that_is_taken_is_open_until_it_is_closed(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_bytes(WHOLE)
    rows = ExcelRows(tmp_path / "t.xlsx", 10**6, 100, 20)
    assert [cells for _, cells in rows.rows()] == [["key", "value"], ["a", "1"]]
    rows.close()
    assert rows._zip.fp is None


def test_one_whose_rows_are_not_read_to_the_end_is_closed_too(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_bytes(WHOLE)
    rows = ExcelRows(tmp_path / "t.xlsx", 10**6, 100, 20)
    read = rows.rows()
    assert next(read)[1] == ["key", "value"]
    file = rows._zip.fp
    assert file is not None
    rows.close()
    assert file.closed
    assert list(read) == []
