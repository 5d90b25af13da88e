"""Watched files in the tests: a round with a clock of its own, and a sidecar that watches in a thread."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.sidecar.runner import Sidecar
from ingestion.watch.feed import WatchFeed
from ingestion.watch.paths import Signature
from ingestion.watch.round import FoundFile, WatchOptions, WatchRound
from services.files.file_limits import FileLimits
from storage.connection.settings import Settings
from storage.core.database import Store
from storage.feeds.feeds import Feed, read_feed
from storage.feeds.loaded_files import LoadedFileRow, read_loaded_files
from tests.ingestion.sidecar_thread import SidecarThread

TRADES = "TradeId,Ticker,Book,Product,Quantity,Strike,Maturity,OptionType,ContractMultiplier"
QUOTES = "AsOfDate,Instrument,Quote"
SENSITIVITIES = "AsOfDate,TradeId,RiskFactor,MarketValue,Delta"
BOOKS = "Book,Desk,BusinessUnit,Region\nVOL,Vol hedging,Equity derivatives,Americas\n"
INSTRUMENTS = "Ticker,Name,Sector,Region,Currency\nAAPL,Apple,Technology,Americas,USD\n"
PARAMETERS = "AsOfDate,Ticker,ImpliedVol,RiskFreeRate,DividendYield\n2020-03-09,AAPL,0.4,0.006,0.012\n"


def call(trade_id: str, quantity: float = 10, strike: float = 70) -> str:
    """A line of a trades file: a call on AAPL."""
    return f"{trade_id},AAPL,VOL,EQ_Option,{quantity:g},{strike:g},2020-06-19,call,100"


def table(header: str, *lines: str) -> str:
    """A CSV file."""
    return "".join(f"{line}\n" for line in (header, *lines))


_last_written_ns = 0


def write(path: Path, text: str) -> Path:
    """Write a file where it stands, as an editor or a script does: at another time than the file before it.

    The clock of many file systems goes in steps of some milliseconds, and a test may write twice in one. Nobody does
    whose files have to be quiet for a while, which is by a clock of its own here.
    """
    global _last_written_ns
    while True:
        path.write_text(text, encoding="utf-8")
        written_ns = path.stat().st_mtime_ns
        if written_ns != _last_written_ns:
            _last_written_ns = written_ns
            return path


def replace(path: Path, text: str) -> Path:
    """Put another file in its place, all at once."""
    beside = write(path.with_name(f".{path.name}.new"), text)
    beside.replace(path)
    return path


def parquet_of(path: Path, columns: dict[str, Sequence[Any]]) -> bytes:
    """The bytes of a Parquet file."""
    pq.write_table(pa.table(columns), path)
    return path.read_bytes()


def workbook_of(path: Path, columns: dict[str, Sequence[Any]]) -> bytes:
    """The bytes of an Excel workbook."""
    pd.DataFrame(columns).to_excel(path, index=False)
    return path.read_bytes()


class Rounds:
    """Rounds of a watcher without a store, by a clock that only goes when it is told. Everything found is committed.

    Files are whole after 1 second, and cut off ones after 10.
    """

    def __init__(self, *paths: Path, known: dict[str, LoadedFileRow] | None = None, **options: Any) -> None:
        self.known = known if known is not None else {}
        self.now = 1000.0
        limits = options.pop("limits", FileLimits())
        self.round = WatchRound(WatchOptions(paths, **{"settle": 1.0, **options}), limits, self.known)

    def look(self) -> list[FoundFile]:
        """What is found now, committed."""
        found = []
        while (one := self.round.turn(self.now)) is not None:
            self.round.committed(one)
            found.append(one)
        return found

    def after(self, seconds: float) -> list[FoundFile]:
        self.now += seconds
        return self.look()

    def settle(self) -> list[FoundFile]:
        """What is found when nothing has been written for long enough."""
        return [*self.look(), *self.after(1.0)]


def names(found: Sequence[FoundFile]) -> list[str]:
    """The names and outcomes of what was found."""
    return [f"{one.file.name} {one.row.outcome if one.content is not None else 'touched'}" for one in found]


def tree(folder: Path) -> list[str]:
    """The files of a folder and its subfolders."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


class Watching(SidecarThread):
    """A sidecar that watches, in a thread."""

    def __init__(
        self, store: Store, *paths: Path, settings: Settings | None = None, name: str = "watch", **options: Any
    ) -> None:
        self._store, self._name = store, name
        self._options = WatchOptions(paths, **{"settle": 0.05, "rescan": 0.2, **options})
        self._settings = settings or Settings()
        self._feed: WatchFeed | None = None
        super().__init__(self._sidecar)

    def _sidecar(self) -> Sidecar:
        return Sidecar(self._store, self._settings, self._name, self._open)

    def _open(self, row: Feed) -> WatchFeed:
        self._feed = WatchFeed(self._store, row, self._options, FileLimits.of(self._settings))
        return self._feed

    def __enter__(self) -> "Watching":
        sidecar = self._sidecar()  # here: a feed that is taken is the test's to see
        self._make = lambda: sidecar
        return super().__enter__()

    def wait_for_file(self, path: Path, outcome: str = "loaded") -> LoadedFileRow:
        """Wait until the store knows this content of the file, with this outcome."""
        wanted = (hashlib.sha256(path.read_bytes()).hexdigest(), outcome)

        def known() -> bool:
            row = loaded(self._store, path)
            return row is not None and (row.content_hash, row.outcome) == wanted

        self.wait_for(known, f"{path.name} to be {outcome}")
        row = loaded(self._store, path)
        assert row is not None
        return row

    def wait_until_done_with(self, path: Path) -> None:
        """Wait until the sidecar has nothing more to do with a file as it is now, whoever loaded it."""
        key, signature = os.path.realpath(path), Signature.of(path.stat())

        def done() -> bool:
            return self._feed is not None and self._feed._round._done.get(key) == signature

        self.wait_for(done, f"{self._name} to be done with {path.name}")

    def wait_for_signs_of_life(self, count: int) -> None:
        """Wait until the sidecar has reported this often: it has had the time to do what it does."""
        for _ in range(count):
            seen = feed_of(self._store).seen_at
            self.wait_for(lambda seen=seen: feed_of(self._store).seen_at != seen, "a sign of life")


def loaded(store: Store, path: Path) -> LoadedFileRow | None:
    """What the store says of a file."""
    with store.read() as connection:
        return read_loaded_files(connection).get(os.path.realpath(path.parent) + os.sep + path.name)


def feed_of(store: Store) -> Feed:
    """What the store says of the feed."""
    with store.read() as connection:
        feed = read_feed(connection, "watch")
    assert feed is not None
    return feed
