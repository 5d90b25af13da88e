"""A viewer of a live table: takes messages as the browser does, and holds what it would show."""

from datetime import date
from typing import Any

import numpy as np

from engine.selection import TradeSelection
from live.serving.boards import Seen
from live.serving.hub import Hub
from live.tables.explore_columns import ROW
from live.tables.wire import decode, decode_arrow, plain_text


class Viewer:
    """`rows` maps the id of a row to its columns; numbers that are not known are None."""

    def __init__(self, table: str, selection: TradeSelection | None = None) -> None:
        self.table = table
        self.selection = selection or TradeSelection()
        self.rows: dict[int, dict[str, Any]] = {}
        self.last: dict[str, Any] = {}
        self.day: dict[str, list[tuple[float, float]]] = {}
        """The points of the day of each underlying that has any; of the market alone."""
        self.seen: Seen | None = None

    @property
    def revision(self) -> int:
        return 0 if self.seen is None else self.seen.revision

    def look(self, hub: Hub, as_of: date) -> None:
        """Take what the hub has for who has seen what this one has."""
        hub.board_of(as_of)
        built = hub.message(as_of, self.table, self.selection, self.seen)
        if built is not None:
            self.seen = built[0]
            self.take(built[1])

    def take(self, message: bytes) -> None:
        """A row that is not known must come with text."""
        if self.table == "explore":
            self._take_arrow(message)
            return
        header, columns = decode(message)
        ids = columns.pop("row", np.arange(header["rows"], dtype=np.float64)).astype(int).tolist()
        if header["kind"] == "snapshot":
            self.rows = {}
        for gone in header.get("gone", []):
            self.rows.pop(gone, None)
        text = {name: plain_text(column) for name, column in header["text"].items()}
        with_text = header.get("text_rows", len(ids) if text else 0)
        for place, row in enumerate(ids):
            if place >= with_text:
                assert row in self.rows, f"row {row} of {self.table} is not known and has no text"
            shown = self.rows.setdefault(row, {})
            shown.update({name: _plain(values[place]) for name, values in columns.items()})
            if place < with_text:
                shown.update({name: values[place] for name, values in text.items()})
        self.last = header
        self._take_day(header)

    def _take_day(self, header: dict[str, Any]) -> None:
        for ticker, points in header.get("day", {}).items():
            self.day[ticker] = [(at, quote) for at, quote in points]
        for ticker, (first, tail) in header.get("day_tail", {}).items():
            kept = [point for point in self.day.get(ticker, []) if point[0] < first]
            self.day[ticker] = [*kept, *((at, quote) for at, quote in tail)]
        self.day = {ticker: points for ticker, points in self.day.items() if points}

    def _take_arrow(self, message: bytes) -> None:
        header, tables = decode_arrow(message)
        if header["kind"] == "snapshot":
            self.rows = {}
        for gone in header.get("gone", []):
            self.rows.pop(gone, None)
        for table in tables:
            for columns in table.to_pylist():
                row = columns.pop(ROW)
                assert row in self.rows or "Trade" in columns, f"row {row} is not known and has no text"
                self.rows.setdefault(row, {}).update(columns)
        self.last = header


def _plain(number: float) -> float | None:
    return None if np.isnan(number) else float(number)
