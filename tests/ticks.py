"""Tick files for the tests of the replay: parts of the demo's, and small ones made by hand."""

from collections.abc import Sequence
from pathlib import Path

from tests.databases import DATA

DEMO_TICKS = DATA / "stock_price_tick_data.csv"
ROWS_A_DAY = 391


def demo_part(path: Path, days: int, every: int = 1) -> Path:
    """The demo's first days, thinned to some of their rows; each day keeps its last, the close."""
    header, *lines = DEMO_TICKS.read_text(encoding="utf-8").splitlines()
    chosen = [
        line
        for number, line in enumerate(lines[: days * ROWS_A_DAY])
        if number % ROWS_A_DAY % every == 0 or number % ROWS_A_DAY == ROWS_A_DAY - 1
    ]
    return write_ticks(path, chosen, header)


def write_ticks(path: Path, lines: Sequence[str], header: str = "AsOfDate,AAPL,MSFT") -> Path:
    """A file with these lines."""
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path
