"""``kill -9`` at each point of a file: the store and the folders are what an undisturbed run leaves."""

import hashlib
import os
import random
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import func, select

from storage.core.database import Store
from storage.core.schema import (
    books,
    feeds,
    instruments,
    loaded_files,
    metadata,
    pricing_failures,
    pricing_parameters,
    quote_versions,
    quotes,
    record_versions,
    rejections,
    sensitivities,
    trades,
)
from tests.fixtures.databases import Templates
from tests.ingestion.crash_points import CrashPoint
from tests.ingestion.crashing import IS_COMMITTED, OF_EVERY_FEED, Commands, commands, crash_at, url_of, wait_until
from tests.ingestion.watching import BOOKS, INSTRUMENTS, QUOTES, SENSITIVITIES, TRADES, call, parquet_of, table, tree

__all__ = ["commands"]

RANDOM_KILLS = {"sqlite": 2, "postgresql": 1}
COMPARED = (
    trades,
    books,
    instruments,
    pricing_parameters,
    record_versions,
    quotes,
    quote_versions,
    sensitivities,
    pricing_failures,
    loaded_files,
    rejections,
)
TRADES_FILES, REFUSED = ("a.csv", "b.csv", "c.csv", "d.csv", "e.csv"), ("c.csv", "d.csv")
PASSAGE_OF_GOOD, PASSAGE_OF_BAD = 2, 4
OF_THE_RUN = {"revision", "received_at", "recorded_at", "loaded_at", "modified_ns", "rejection_id"}

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is neither fork nor kill -9")


@dataclass(frozen=True)
class Step:
    """Files that come at once. Whatever their order is, the same is in the store in the end."""

    drop: bool
    files: dict[str, str | bytes]

    def digest(self, name: str) -> str:
        content = self.files[name]
        return hashlib.sha256(content if isinstance(content, bytes) else content.encode()).hexdigest()


def parameters(vol: float) -> str:
    return table("AsOfDate,Ticker,ImpliedVol,RiskFreeRate,DividendYield", f"2020-03-09,AAPL,{vol},0.006,0.012")


def quoted(at: str, price: float) -> str:
    return table(QUOTES, f"{at},AAPL,{price}")


def trades_of(prefix: str, quantity: float, count: int = 12) -> str:
    return table(TRADES, *(call(f"{prefix}{i}", quantity + i, 60 + i) for i in range(count)))


def spoilt(prefix: str) -> str:
    return trades_of(prefix, 1).replace(",60,", ",-60,").replace("2020-06-19", "19/06/2020", 2)


def reported(value: float) -> str:
    return table(SENSITIVITIES, f"2020-03-09,A0,AAPL,{value},1.5", f"2020-03-09,ELSEWHERE,AAPL,{value},2.5")


def steps(folder: Path) -> list[Step]:
    """A watched folder of files that change, then a drop folder."""
    columns = {"TradeId": ["P1", "P2"], "Ticker": ["AAPL", "OXY"], "Book": ["VOL", "NEW"]}
    columns |= {"Product": ["EQ_Stock", "EQ_Stock"], "Quantity": [100.0, 200.0]}  # type: ignore[dict-item]
    parquet = parquet_of(folder / "made", columns)
    terminated = table(f"{TRADES},TradeStatus", f"{call('A11')},Terminated")
    watched: list[dict[str, str | bytes]] = [
        {"books.csv": BOOKS, "instruments.csv": INSTRUMENTS, "parameters.csv": parameters(0.4), "bad.csv": spoilt("X")},
        {"quotes.csv": quoted("2020-03-06", 72)},
        {"a.csv": trades_of("A", 1), "b.csv": trades_of("B", 1), "p.parquet": parquet, "c.csv": spoilt("C")},
        {"quotes.csv": quoted("2020-03-09T13:30:00Z", 68)},
        {"b.csv": trades_of("B", 5), "c.csv": trades_of("C", 1), "risk.csv": reported(5.0), "bad.csv": spoilt("Y")},
        {
            "b.csv": trades_of("B", 1),
            "quotes.csv": quoted("2020-03-09T14:00:00Z", 70),
            "parameters.csv": parameters(0.5),
        },
        {"end.csv": terminated, "risk.csv": reported(6.0)},
    ]
    dropped: list[dict[str, str | bytes]] = [
        {"t.csv": trades_of("D", 1), "u.csv": trades_of("E", 1), "v.csv": spoilt("F"), "p.parquet": parquet},
        {"t.csv": trades_of("D", 2), "q.csv": quoted("2020-03-09T15:00:00Z", 71), "v.csv": spoilt("G")},
        {"t.csv": trades_of("D", 2), "u.csv": trades_of("E", 3), "v.csv": trades_of("F", 1)},
        {"t.csv": trades_of("D", 1), "risk.csv": reported(7.0), "v.csv": spoilt("G")},
    ]
    return [Step(False, files) for files in watched] + [Step(True, files) for files in dropped]


class Place:
    """The two folders, and what a sidecar is told to do with them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.steps = steps(root)
        self.folders = {False: root / "in", True: root / "drop"}

    def empty(self) -> None:
        for folder in self.folders.values():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()

    def command(self, step: Step) -> list[str]:
        options = ["--settle", "0.03", "--rescan", "0.1"]
        return ["watch", str(self.folders[step.drop]), *options, *(["--drop"] if step.drop else [])]

    def write(self, step: Step, *, in_order: bool = False) -> None:
        """By turns into the file that stands there, and by putting another in its place.

        in_order: as if each had been written a second after the one before it, a while ago.
        """
        for number, (name, content) in enumerate(step.files.items()):
            path = self.folders[step.drop] / name
            there = path.with_name(f".{name}.new") if number % 2 else path
            there.write_bytes(content if isinstance(content, bytes) else content.encode())
            if in_order:
                written_ns = 1_600_000_000_123_456_789 + number * 1_000_000_000
                os.utime(there, ns=(written_ns, written_ns))
            if number % 2:
                there.replace(path)

    def settled(self, store: Store, step: Step) -> bool:
        """Whether all files of a step are in the store, and all is tidied up."""
        folder = self.folders[step.drop]
        with store.read() as connection:
            known = {
                Path(row.path): (row.content_hash, row.outcome)
                for row in connection.execute(select(loaded_files)).all()
            }
        for name in step.files:
            found, outcome = known.get(folder / name, ("", ""))
            if found != step.digest(name):
                return False
            report = folder / f"{name}.errors.csv"
            if (folder / name).exists() if step.drop else report.exists() != (outcome == "refused"):
                return False
        return True

    def left(self) -> dict[str, str]:
        """Every file, reports too, by its path."""
        return {name: hashlib.sha256((self.root / name).read_bytes()).hexdigest() for name in tree(self.root)}


def held(store: Store) -> dict[str, str]:
    """What the store holds, as hashes of its tables, and how often something was late or refused."""
    found = {}
    with store.read() as connection:
        for compared in COMPARED:
            columns = [column for column in compared.columns if column.name not in OF_THE_RUN]
            rows = sorted(repr(tuple(row)) for row in connection.execute(select(*columns)))
            found[compared.name] = f"{len(rows)} rows {hashlib.sha256(repr(rows).encode()).hexdigest()}"
        counts = connection.execute(select(func.sum(feeds.c.late_quotes), func.sum(feeds.c.rejected))).one()
        found["feeds"] = repr([int(count) for count in counts])
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("watched"))


def watch_to_the_end(commands: Commands, store: Store, place: Place, steps: Sequence[Step]) -> None:
    """One sidecar that lives on from the first of these steps, which are of one folder, to the last."""
    sidecar = commands.start(url_of(store), *place.command(steps[0]))
    for step in steps:
        place.write(step)
        wait_until(lambda step=step: place.settled(store, step), f"{list(step.files)} to be read")  # type: ignore[misc]
    os.kill(sidecar, signal.SIGTERM)
    assert commands.exit_code() == 0


Outcome = tuple[dict[str, str], dict[str, str]]
"""What the store holds, and what is in the folders."""


@pytest.fixture(scope="module")
def undisturbed(commands: Commands, templates: Templates, place: Place) -> Outcome:
    """What two sidecars leave that live on from the first step of their folder to the last."""
    store = Store(templates.copy("sqlite", "empty", lambda _: None, None))
    place.empty()
    for drop in (False, True):
        watch_to_the_end(commands, store, place, [step for step in place.steps if step.drop is drop])
    found = held(store), place.left()
    store.close()
    return found


def at_once(drop: bool) -> tuple[Step, Step]:
    """Market data that is there already, and files that come at once: they are read in the order of their names."""
    there: dict[str, str | bytes] = {
        "books.csv": BOOKS,
        "instruments.csv": INSTRUMENTS,
        "parameters.csv": parameters(0.4),
        "quotes.csv": quoted("2020-03-06", 72),
    }
    come: dict[str, str | bytes] = {
        name: spoilt(name[0]) if name in REFUSED else trades_of(name[0], 1) for name in TRADES_FILES
    }
    return Step(drop, there), Step(drop, come)


@pytest.fixture(scope="module", params=["watched", "drop"])
def come(
    request: pytest.FixtureRequest, commands: Commands, templates: Templates, place: Place
) -> tuple[bool, Outcome]:
    """Whether it is a drop folder, and what an undisturbed sidecar leaves of the files that come at once."""
    drop = request.param == "drop"
    store = Store(templates.copy("sqlite", "empty", lambda _: None, None))
    place.empty()
    watch_to_the_end(commands, store, place, at_once(drop))
    found = held(store), place.left()
    store.close()
    return drop, found


def files_read(store: Store) -> set[str]:
    """The names of the files that the store knows."""
    with store.read() as connection:
        return {Path(path).name for path in connection.execute(select(loaded_files.c.path)).scalars()}


@pytest.mark.parametrize("point", OF_EVERY_FEED)
def test_a_sidecar_that_dies_at_a_point_leaves_what_an_undisturbed_run_leaves(
    commands: Commands, store: Store, place: Place, come: tuple[bool, Outcome], tmp_path: Path, point: CrashPoint
) -> None:
    """It dies at a file of trades, and the next one at a file that is refused: that one has a report, and no rows."""
    drop, expected = come
    there, files = at_once(drop)
    place.empty()
    watch_to_the_end(commands, store, place, [there])
    place.write(files, in_order=True)
    known = set(there.files)
    command = place.command(files)
    crash_at(commands, store, point, PASSAGE_OF_GOOD, tmp_path, *command).check()
    read = PASSAGE_OF_GOOD if point in IS_COMMITTED else PASSAGE_OF_GOOD - 1
    names = list(files.files)
    assert files_read(store) - known == set(names[:read])
    if point is not CrashPoint.AFTER_ROWS:  # a refused file has no rows but its rejections, which come later
        crash_at(commands, store, point, PASSAGE_OF_BAD - read, tmp_path, *command).check()
        read = PASSAGE_OF_BAD if point in IS_COMMITTED else PASSAGE_OF_BAD - 1
        assert files_read(store) - known == set(names[:read])
    assert 0 < read < len(names)
    if point in IS_COMMITTED:
        bad = names[PASSAGE_OF_BAD - 1]
        assert (place.folders[drop] / bad).exists(), "it is read, and not moved"
        assert not list(place.folders[drop].rglob(f"{bad}.errors.csv")), "it has no report yet"
    sidecar = commands.start(url_of(store), *command)
    wait_until(lambda: place.settled(store, files), f"{names} to be read")
    os.kill(sidecar, signal.SIGTERM)
    assert commands.exit_code() == 0
    assert (held(store), place.left()) == expected


def test_a_sidecar_killed_at_random_leaves_what_an_undisturbed_run_leaves(
    commands: Commands, store: Store, place: Place, undisturbed: Outcome, chance: random.Random, many: int
) -> None:
    """It goes from step to step, and is killed and started again soon after the files of some of them came."""
    assert set(metadata.tables) >= {compared.name for compared in COMPARED}
    place.empty()
    for drop in (False, True):
        its = [step for step in place.steps if step.drop is drop]
        sidecar = commands.start(url_of(store), *place.command(its[0]))
        chosen = chance.sample(range(len(its)), min(RANDOM_KILLS[store.dialect] * many, len(its)))
        for number, step in enumerate(its):
            place.write(step)
            if number in chosen:
                time.sleep(chance.uniform(0.0, 0.3))
                os.kill(sidecar, signal.SIGKILL)
                assert commands.exit_code() == -signal.SIGKILL, "it was killed before its end"
                sidecar = commands.start(url_of(store), *place.command(step))
            wait_until(lambda step=step: place.settled(store, step), f"{list(step.files)} to be read")  # type: ignore[misc]
        os.kill(sidecar, signal.SIGTERM)
        assert commands.exit_code() == 0
    assert (held(store), place.left()) == undisturbed
