"""Numbers in sentences of services: nobody takes the sign between thousands for a decimal sign."""

import re
from pathlib import Path

import pytest

from services.records.how_many import grouped, how_many
from storage.connection.settings import ROOT


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 rows"),
        (1, "1 row"),
        (999, "999 rows"),
        (1250, "1\u00a0250 rows"),
        (30_000_000, "30\u00a0000\u00a0000 rows"),
    ],
)
def test_how_many(count: int, said: str) -> None:
    assert how_many(count, "row") == said


def test_words_of_their_own_for_many() -> None:
    assert [how_many(count, "entry is", "entries are") for count in (1, 2)] == ["1 entry is", "2 entries are"]
    assert grouped(1_234_567.8) == "1\u00a0234\u00a0568"


@pytest.mark.parametrize("folder", ["services", "api", "ingestion", "ui", "pages"])
def test_nothing_writes_english_thousands(folder: str) -> None:
    written = re.compile(r"\{[^{}\"']*:,[.\d]*[fd]?\}")
    found = [path for path in Path(ROOT, folder).rglob("*.py") if written.search(path.read_text(encoding="utf-8"))]
    assert [path.name for path in found] == ["how_many.py"] * (folder == "services")
