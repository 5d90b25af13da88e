"""The replay feed: plays a file of historical ticks at the pace of their own timestamps, times a speed."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from engine.trading_calendar import as_of_date
from ingestion.sidecar.feed import Batch
from services.files.open_table import require_regular
from services.records.how_many import grouped
from services.records.incoming import Incoming
from services.writes.apply_incoming import Applied, FeedPosition
from storage.feeds.feeds import REPLAY
from storage.market.quotes import Quote

_ROWS_A_BATCH = 30
_LONGEST_PAUSE_SECONDS = 1800.0
"""A longer gap between two ticks is a closed market: it is skipped, not waited for."""
_SKIPPED_GAP_SECONDS = 60.0
"""What a closed market costs instead, in seconds of the source."""


class ReplayFileFault(Exception):
    """The file of ticks cannot be played; the message says where and why."""


@dataclass(frozen=True, slots=True)
class TickRow:
    """One line of the file: the instant, its business date, and the shares that ticked."""

    observed_at: datetime
    as_of_date: date
    quotes: tuple[tuple[str, float], ...]


def read_ticks(path: Path) -> list[TickRow]:
    """Read a file with a column AsOfDate (instants, UTC where they name no zone) and a column a ticker; blank: no tick.

    Blank lines are left aside. Raises ReplayFileFault with line, column, value and reason, and OSError.
    """
    rows: list[TickRow] = []
    for place, header, cells in _lines(path):
        rows.append(_tick_row(place, header, cells))
        if len(rows) > 1 and rows[-1].observed_at <= rows[-2].observed_at:
            raise _fault(place, header[0], cells[0], "not after the line before it: sort the file")
    if not rows:
        raise ReplayFileFault(f"{path}: no ticks in it")
    return rows


def _lines(path: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Place for people, header and cells of each line."""
    require_regular(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            if len(header) < 2 or header[0] != "AsOfDate" or not all(header):
                raise ReplayFileFault(f"{path}, line 1: the first line must be AsOfDate and a ticker a column")
            twice = sorted({ticker for ticker in header if header.count(ticker) > 1})
            if twice:
                raise ReplayFileFault(f"{path}, line 1, column {twice[0]}: stands twice: keep one")
            for cells in reader:
                place = f"{path}, line {reader.line_num}"
                if cells and len(cells) != len(header):
                    raise ReplayFileFault(f"{place}: {len(cells)} values for {len(header)} columns")
                if cells:
                    yield place, header, cells
        except UnicodeDecodeError:
            raise ReplayFileFault(f"{path}: not UTF-8 text: save the file as CSV UTF-8") from None
        except csv.Error as error:
            raise ReplayFileFault(f"{path}, line {reader.line_num}: not a CSV file: {error}") from None


def _tick_row(place: str, header: list[str], cells: list[str]) -> TickRow:
    try:
        instant = datetime.fromisoformat(cells[0])
        observed_at = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
        day = as_of_date(observed_at)
    except (ValueError, OverflowError):
        raise _fault(place, header[0], cells[0], "not a time of the years 1901 to 2199") from None
    quotes = []
    for ticker, cell in zip(header[1:], cells[1:], strict=True):
        if not cell:
            continue
        try:
            quote = float(cell)
        except ValueError:
            quote = float("nan")
        if not 0 < quote < float("inf"):
            raise _fault(place, ticker, cell, "not a price above 0")
        quotes.append((ticker, quote))
    return TickRow(observed_at, day, tuple(quotes))


def _fault(place: str, column: str, value: str, reason: str) -> ReplayFileFault:
    return ReplayFileFault(f"{place}, column {column}, value '{value[:60]}': {reason}")


class ReplayFeed:
    """Plays rows from a cursor on.

    The cursor is {"row": the next row, "at": the instant of the row before it, "restarts": how often it was restarted}.
    A cursor whose instant is not at that row is of another file: this one is played from its first row.
    """

    name = REPLAY

    lag_seconds: float | None = None

    def __init__(
        self, rows: list[TickRow], cursor: dict[str, Any], speed: float | None, now: float, owner: str = ""
    ) -> None:
        """owner: the sidecar that has claimed the feed."""
        self._rows = rows
        self._owner = owner
        self.restarts: int = cursor.get("restarts", 0)
        self._next: int = cursor.get("row", 0)
        if cursor and self.cursor()["at"] != cursor.get("at"):
            self._next = 0
        self.speed = speed
        self.paused = False
        self._due = now
        self._reached = self.reached

    @property
    def ended(self) -> bool:
        return self._next >= len(self._rows)

    @property
    def first_date(self) -> date:
        return self._rows[0].as_of_date

    @property
    def reached(self) -> date | None:
        """The as-of date of the last row that was played, or None before the first."""
        return self._rows[self._next - 1].as_of_date if self._next else None

    @property
    def progress(self) -> str:
        """For people: where in the file it is."""
        return f"tick row {grouped(self._next)} of {grouped(len(self._rows))}"

    def next_batch(self, now: float) -> Batch | None:
        """The rows due by now, at most some, never of two as-of dates; what was conflated is newest last."""
        if self.ended or self.paused or self._due > now:
            return None
        taken: list[TickRow] = []
        due, first = self._due, self._next + 1
        while (
            not self.ended
            and self._due <= now
            and len(taken) < _ROWS_A_BATCH
            and (not taken or self._rows[self._next].as_of_date == taken[0].as_of_date)
        ):
            taken.append(self._rows[self._next])
            due = self._due
            self._next += 1
            if not self.ended:
                self._due += self._wait(taken[-1], self._rows[self._next])
        quotes = [
            Quote(row.as_of_date, ticker, quote, row.observed_at, place)
            for place, row in ((f"tick row {number}", row) for number, row in enumerate(taken, first))
            for ticker, quote in row.quotes
        ]
        return Batch(
            Incoming(quotes=quotes),
            FeedPosition(self.name, self._owner, self.cursor()),
            self.name,
            now if self.speed is None else due,
            not_before=self._reached,
        )

    def committed(self, _batch: Batch, _applied: Applied) -> None:
        self._reached = self.reached

    def rewind(self) -> None:
        """Nobody else moves a cursor: who has lost the feed stops."""

    def next_awake(self, _now: float) -> float | None:
        return None if self.ended else self._due

    def cursor(self) -> dict[str, Any]:
        last = self._rows[self._next - 1] if 0 < self._next <= len(self._rows) else None
        return {
            "row": self._next,
            "at": last.observed_at.isoformat() if last else None,
            "restarts": self.restarts,
        }

    def set_speed(self, speed: float | None, now: float) -> None:
        """Play at another speed from the next row on; None: do not wait."""
        self.speed = speed
        self._due = min(self._due, now)

    def pause(self) -> None:
        self.paused = True

    def resume(self, now: float) -> None:
        """Go on from here: the time of the pause is not caught up with."""
        self.paused = False
        self._due = now

    def restart(self, restarts: int, now: float) -> None:
        """Play from the first row again."""
        self._next, self.restarts, self._reached = 0, restarts, None
        self.resume(now)

    def close(self) -> None:
        """Nothing is open: the file was read at the start."""

    def _wait(self, last: TickRow, following: TickRow) -> float:
        if self.speed is None:
            return 0.0
        gap = (following.observed_at - last.observed_at).total_seconds()
        return (gap if gap <= _LONGEST_PAUSE_SECONDS else _SKIPPED_GAP_SECONDS) / self.speed
