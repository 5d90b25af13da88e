"""``kill -9`` at any moment while files come: the store and the folders are what an undisturbed run leaves."""

import hashlib
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from storage.database import Store
from storage.schema import (
    books,
    feeds,
    instruments,
    loaded_files,
    metadata,
    pricing_failures,
    pricing_parameters,
    quote_history,
    quotes,
    record_versions,
    rejections,
    sensitivities,
    trades,
)
from tests.databases import Templates
from tests.ingestion.test_kill import Commands, url_of, wait_until
from tests.ingestion.watching import BOOKS, INSTRUMENTS, QUOTES, SENSITIVITIES, TRADES, call, parquet_of, table, tree

KILLS_A_STEP = {"sqlite": 5, "postgresql": 2}
COMPARED = (
    trades,
    books,
    instruments,
    pricing_parameters,
    record_versions,
    quotes,
    quote_history,
    sensitivities,
    pricing_failures,
    loaded_files,
    rejections,
)
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

    @property
    def worst(self) -> str:
        """The file that leaves most behind: a bad one where there is one."""
        return next(
            (name for name, content in self.files.items() if "19/06/2020" in str(content)), next(iter(self.files))
        )


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

    def write(self, step: Step) -> None:
        """By turns into the file that stands there, and by putting another in its place."""
        for number, (name, content) in enumerate(step.files.items()):
            path = self.folders[step.drop] / name
            there = path.with_name(f".{name}.new") if number % 2 else path
            there.write_bytes(content if isinstance(content, bytes) else content.encode())
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


class Sidecars(Commands):
    """Leaves no sidecar behind when a test fails while one runs."""

    _running: int | None = None

    def start(self, url: str, *arguments: str) -> int:
        self._running = super().start(url, *arguments)
        return self._running

    def exit_code(self) -> int:
        code = super().exit_code()
        self._running = None
        return code

    def close(self) -> None:
        if self._running is not None:
            os.kill(self._running, signal.SIGKILL)
        super().close()


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands]:
    running = Sidecars()
    yield running
    running.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("watched"))


@pytest.fixture(scope="module")
def undisturbed(commands: Commands, templates: Templates, place: Place) -> tuple[dict[str, str], dict[str, str]]:
    """What two sidecars leave that live on from the first step of their folder to the last."""
    store = Store(templates.copy("sqlite", "empty", lambda _: None, None))
    place.empty()
    for drop in (False, True):
        its = [step for step in place.steps if step.drop is drop]
        sidecar = commands.start(url_of(store), *place.command(its[0]))
        for step in its:
            place.write(step)
            wait_until(lambda step=step: place.settled(store, step), f"{list(step.files)} to be read")  # type: ignore[misc]
        os.kill(sidecar, signal.SIGTERM)
        assert commands.exit_code() == 0
    found = held(store), place.left()
    store.close()
    return found


def traces_of(store: Store, path: Path) -> Any:
    """What of a file is in the store: it changes with the first commit of anything that belongs to it."""
    with store.read() as connection:
        content_hash = select(loaded_files.c.content_hash).where(loaded_files.c.path == str(path))
        refused = select(func.count()).where(rejections.c.source == f"file {path.name}")
        return connection.execute(content_hash).scalar(), connection.execute(refused).scalar()


def files_read(store: Store) -> Any:
    """How often a file was read by now, whichever."""
    with store.read() as connection:
        return connection.execute(select(func.max(loaded_files.c.revision))).scalar()


def test_a_sidecar_killed_at_random_leaves_what_an_undisturbed_run_leaves(
    commands: Commands, store: Store, place: Place, undisturbed: tuple[dict[str, str], dict[str, str]]
) -> None:
    """In each step one sidecar is killed the instant that something of a bad file is in the store, before its report or
    move, and some at random. Only then is one let alone until the step is done, and killed too."""
    assert set(metadata.tables) >= {compared.name for compared in COMPARED}
    chance, kills, between = random.Random(20200309), 0, 0
    place.empty()

    def start(step: Step) -> int:
        return commands.start(url_of(store), *place.command(step))

    def kill(sidecar: int) -> None:
        nonlocal kills
        os.kill(sidecar, signal.SIGKILL)
        assert commands.exit_code() == -signal.SIGKILL, "it was killed before its end"
        kills += 1

    for step in place.steps:
        worst = place.folders[step.drop] / step.worst
        before = traces_of(store, worst)
        sidecar = start(step)
        time.sleep(chance.uniform(0.0, 0.3))
        place.write(step)
        wait_until(
            lambda before=before, step=step, worst=worst: (  # type: ignore[misc]
                traces_of(store, worst) != before or place.settled(store, step)
            ),
            f"{worst.name} to be read",
        )
        kill(sidecar)
        for _ in range(KILLS_A_STEP[store.dialect] - 2):
            known = files_read(store)
            sidecar = start(step)
            time.sleep(chance.uniform(0.0, 0.45))
            kill(sidecar)
            between += files_read(store) != known or not place.settled(store, step)
        sidecar = start(step)
        wait_until(lambda step=step: place.settled(store, step), f"{list(step.files)} to be read")  # type: ignore[misc]
        kill(sidecar)
    assert kills == len(place.steps) * KILLS_A_STEP[store.dialect]
    assert kills >= 50 or store.dialect != "sqlite"
    assert between > 0 or store.dialect != "sqlite", "none was killed while there was something to do"
    expected_store, expected_folders = undisturbed
    assert place.left() == expected_folders
    assert held(store) == expected_store
