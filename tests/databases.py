"""Both databases, real: SQLite files, and a PostgreSQL server started for the tests and thrown away after them.

Where PostgreSQL is missing its tests are skipped, loudly; under CI, where it must be, they fail.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count, cycle
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url

from launch.components import find_postgresql, is_ci
from services.load_demo import load_demo
from storage.database import Store

DATA = Path(__file__).parent.parent / "data"
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
PORTS = range(20_000, 32_000)
"""Below those that systems give to connections: nobody's connection takes a port between our look and the server's."""
PORTS_A_WORKER = 1000
_names = (f"board_{number}" for number in count())


def _ports_of_this_worker() -> Iterator[int]:
    """Around and around, from one at random: another run on this machine is likely to be elsewhere."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = PORTS[worker * PORTS_A_WORKER % len(PORTS)]
    begin = random.randrange(PORTS_A_WORKER)
    return cycle(first + (begin + number) % PORTS_A_WORKER for number in range(PORTS_A_WORKER))


_ports = _ports_of_this_worker()


def free_port() -> int:
    """A loopback port that nobody uses at this moment, and that no other test of this run is given soon."""
    while True:
        port = next(_ports)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def _as_postgres() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    return {"user": "postgres", "group": "postgres"} if sys.platform != "win32" and os.geteuid() == 0 else {}


class PostgresServer:
    """A throw-away server on loopback."""

    def __init__(self, programs: Path, folder: Path | None = None, settings: str = "") -> None:
        self._programs = programs
        self._settings = settings
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="deltaboard-pg-", dir=folder))
        if _as_postgres():
            shutil.chown(self.folder, "postgres", "postgres")
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "postgres", "-A", "trust", "--no-sync")
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off {self._settings}"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-t", "300", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "-t", "300", "stop")

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def be_standby(self, standby: bool) -> None:
        """Restart as a standby, which takes no writes, or as a primary again."""
        self.stop()
        signal_file = self.folder / "data" / "standby.signal"
        if standby:
            signal_file.touch()
            if _as_postgres():
                shutil.chown(signal_file, "postgres", "postgres")
        else:
            signal_file.unlink()
        self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all its processes where they are: the kernel still takes connections, and nobody answers."""
        first = int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(first, signal.SIGSTOP)
        processes = [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]
        for process in processes[1:]:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in reversed(processes):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the superuser, each by itself."""
        engine = create_engine(self.url(database), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        engine.dispose()

    def cut_off(self, database: str) -> None:
        """End every session on a database."""
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, template: str = "template1") -> str:
        """Make a database, as a copy of another, and return its URL.

        The server refuses to copy one that somebody is still connected to: who has closed its connections has to be
        gone from there, too.
        """
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        there = f"SELECT 1 FROM pg_stat_activity WHERE datname = '{template}' AND backend_type = 'client backend'"
        with engine.connect() as connection:
            wait_for(lambda: not connection.exec_driver_sql(there).all(), 60, f"everybody to leave {template}")
            connection.exec_driver_sql(f"CREATE DATABASE {database} TEMPLATE {template}")
        engine.dispose()
        return self.url(database)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **_as_postgres())


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresServer]:
    """A running PostgreSQL server."""
    programs = find_postgresql()
    if programs is None:
        message = "PostgreSQL is missing: THE TESTS ON POSTGRESQL DID NOT RUN"
        if is_ci():
            pytest.fail(message)
        pytest.skip(message)
    server = PostgresServer(programs)
    yield server
    server.close()


class Templates:
    """Stores that are made once and copied for each test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: dict[tuple[str, str], str] = {}

    def copy(self, dialect: str, what: str, fill: Callable[[Store], None], server: PostgresServer | None) -> str:
        """The URL of a fresh copy of a store that ``fill`` filled."""
        template = self._made.get((dialect, what))
        if template is None:
            template = f"template_{what}"
            path = self.folder / f"{template}.sqlite"
            store = Store(f"sqlite:///{path}" if server is None else server.create(template))
            store.migrate()
            fill(store)
            store.close()
            self._made[(dialect, what)] = template
        name = next(_names)
        if server is not None:
            return server.create(name, template)
        shutil.copy(self.folder / f"{template}.sqlite", self.folder / f"{name}.sqlite")
        return f"sqlite:///{self.folder / f'{name}.sqlite'}"


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates(tmp_path_factory.mktemp("stores"))


def server_of(request: pytest.FixtureRequest) -> PostgresServer | None:
    """The server of a fixture that is made on each database in turn; None on SQLite."""
    return request.getfixturevalue("postgresql") if request.param == "postgresql" else None


@pytest.fixture(params=DATABASES)
def store(request: pytest.FixtureRequest, templates: Templates) -> Iterator[Store]:
    """An empty store of the newest schema, on each database in turn."""
    opened = Store(templates.copy(request.param, "empty", lambda _: None, server_of(request)))
    yield opened
    opened.close()


@pytest.fixture(params=DATABASES)
def demo_store(request: pytest.FixtureRequest, templates: Templates) -> Iterator[Store]:
    """A store with the demo book, priced at the last close before the replay, on each database in turn."""
    opened = Store(templates.copy(request.param, "demo", load_demo_book, server_of(request)))
    yield opened
    opened.close()


@pytest.fixture
def sqlite_demo_url(templates: Templates) -> str:
    """The URL of an embedded store with the demo book, for tests that start processes."""
    return templates.copy("sqlite", "demo", load_demo_book, None)


def load_demo_book(store: Store) -> None:
    """Fill a store with the demo book."""
    load_demo(store, DATA)


def database_name(url: str) -> str:
    """The database or file that a URL names."""
    return make_url(url).database or ""


def wait_for(condition: Callable[[], object], seconds: float, what: str, *, pause: float = 0.05) -> None:
    """Wait until a condition holds, looking after each pause; fails with ``what`` after some seconds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds:g} s for {what}")
        time.sleep(pause)
