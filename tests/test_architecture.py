"""The walls between the rooms: who imports whom, who may touch what, and how long a module may get."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.fast  # asks git what is in the repository

ALLOWED: dict[str, set[str]] = {
    "engine": set(),
    "storage": {"engine"},
    "services": {"engine", "storage"},
    "ingestion": {"engine", "storage", "services"},
    "live": {"engine", "storage"},
    "api": {"engine", "storage", "services"},
    "ui": {"engine", "storage", "services", "live"},
    "pages": {"engine", "storage", "services", "live", "ui"},
    "streamlit_app": {"storage", "live", "api", "ui"},
    "data": set(),
    "launch": set(),
}
"""Room -> the rooms that it may import; docs/architecture.md has the same table."""

WITHIN: dict[str, dict[str, set[str]]] = {
    "engine": {"pricing": set(), "rollup": set(), "snapshot": set(), "valuation": {"pricing", "snapshot"}},
    "storage": {
        "connection": set(),
        "core": {"connection"},
        "migrations": {"core"},
        "market": {"core"},
        "book": {"core"},
        "feeds": {"connection", "core"},
        "people": {"book", "core"},
        "read_models": {"book", "core", "feeds", "market", "people"},
    },
    "services": {
        "records": set(),
        "workers": set(),
        "files": {"records"},
        "access": {"records"},
        "pricing": {"records"},
        "queries": {"pricing"},
        "views": {"access"},
        "writes": {"access", "files", "pricing", "records"},
        "tagging": {"access", "pricing", "records", "writes"},
        "uploads": {"access", "files", "pricing", "records", "workers", "writes"},
        "exports": {"files", "queries", "records", "uploads", "workers"},
    },
    "ingestion": {
        "sidecar": set(),
        "kafka": {"sidecar"},
        "watch": {"sidecar"},
        "generate": {"kafka"},
        "commands": {"generate", "kafka", "sidecar", "watch"},
    },
    "live": {
        "boards": set(),
        "tables": {"boards"},
        "components": {"tables"},
        "serving": {"boards", "components", "tables"},
    },
    "ui": {
        "page": set(),
        "identity": {"page"},
        "links": {"identity", "page"},
        "board": {"identity", "page"},
        "explore": {"board", "page"},
        "start": {"board", "explore", "page"},
        "trades": {"links", "page"},
        "uploads": {"links", "page"},
        "admin": {"identity", "page"},
        "asgi": {"identity", "page"},
    },
}
"""Room -> its packages -> the packages of the room that each may import. Modules at the top of a room are below its
packages, or start it."""
ASSETS = ROOT / "live" / "assets"
WITHIN_ASSETS: dict[str, set[str]] = {
    "wire": set(),
    "dom": set(),
    "grid": {"dom", "wire"},
    "pivot": {"dom"},
    "panels": {"dom", "grid", "pivot", "wire"},
    "page": set(),
    "built": set(),
}
"""Folder of what runs in the browser -> the folders from which its modules may import, types too."""
MOST_FILES = 15
"""In one folder, beside the one that says what the folder is."""

STANDS_ON_INTERNALS = {
    "streamlit": "live/components/streamlit_internals.py",
    "kafka": "ingestion/kafka/client_internals.py",
    "perspective": "live/components/pivot_engine.py",
}
"""Library -> the one module that knows names of it that its documentation does not have."""
PUBLIC = {
    "streamlit": {"streamlit.delta_generator.DeltaGenerator", "streamlit.testing.v1"},
    "kafka": {"kafka.admin", "kafka.coordinator.assignors", "kafka.errors", "kafka.structs"},
}
"""Of their modules below the package those that are documented; what the package itself has is public."""
IN_MARKUP = re.compile(r"_stcore|__streamlit|perspective-anywidget")
"""Names of these libraries that stand in text."""

CODE = sorted(ALLOWED)
OF_THE_WEB = ("live", "api", "ui", "pages", "streamlit_app")
LONGEST_MODULE, LONGEST_PAGE, LONGEST_SCRIPT = 450, 120, 450
COLLECTORS = {"utils", "util", "common", "helpers", "helper", "misc", "tools", "shared"}
SETTINGS = ROOT / "storage" / "connection" / "settings.py"
READS_THE_ENVIRONMENT = {"launch", "tests", "benchmarks"}
MARKUP_FROM_TEXT = re.compile(r"\b(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc)\b")
MACHINE_PATHS = re.compile("|".join(f"{re.escape('/' + name)}\\b" for name in ("work/", "tmp/probe", "root/")))
OUTSIDE_THE_ENGINE = {
    "sqlalchemy",
    "alembic",
    "psycopg",
    "sqlite3",
    "streamlit",
    "starlette",
    "kafka",
    "pydantic_settings",
    "os",
    "time",
}
LOG_LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
CLOCKS = {"now", "utcnow", "today", "fromtimestamp"}


def sources_of(room: str) -> list[Path]:
    """The Python files of a room."""
    single = ROOT / f"{room}.py"
    return [single] if single.exists() else sorted((ROOT / room).rglob("*.py"))


def every_source() -> list[Path]:
    """All Python files of the repository, launchers too."""
    return [path for path in repository_files() if path.suffix == ".py" or is_launcher(path)]


def is_launcher(path: Path) -> bool:
    return path.parent == ROOT and path.name in {"run", "test", "bench"}


@cache
def repository_files() -> tuple[Path, ...]:
    """What is in the repository or about to be: not what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
        return tuple(path for name in sorted(set(names)) if name and (path := ROOT / name).is_file())
    ignored = {".git", ".venv", ".cache", "var", "__pycache__", "node_modules"}
    return tuple(p for p in sorted(ROOT.rglob("*")) if p.is_file() and not ignored & set(p.relative_to(ROOT).parts))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a file imports, wherever in the file: ``storage.core.schema.quotes``."""
    package = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = ".".join(package[: len(package) - node.level]) if node.level else ""
            module = ".".join(part for part in (up, node.module or "") if part)
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT).as_posix()}:{line}"


def top(name: str) -> str:
    return name.split(".")[0]


@pytest.mark.parametrize("room", CODE)
def test_no_arrow_points_up(room: str) -> None:
    """A room imports only the rooms below it; nobody imports tests."""
    ours = {*ALLOWED, "tests", "benchmarks"}
    wrong = [
        f"{place(path, line)} imports {name}"
        for path in sources_of(room)
        for line, name in imports_of(path)
        if top(name) in ours - {room} - ALLOWED[room]
    ]
    assert sources_of(room), f"there is no room {room}"
    assert not wrong


@pytest.mark.parametrize("room", sorted(WITHIN))
def test_no_arrow_within_a_room_points_up(room: str) -> None:
    """A package of a room imports only the packages below it."""
    packages = WITHIN[room]
    assert {path.name for path in (ROOT / room).iterdir() if any(path.glob("*.py"))} == set(packages)
    wrong = [
        f"{place(path, line)} imports {name}"
        for package, allowed in packages.items()
        for path in sorted((ROOT / room / package).rglob("*.py"))
        for line, name in imports_of(path)
        if top(name) == room and name.removeprefix(f"{room}.").split(".")[0] in packages.keys() - allowed - {package}
    ]
    assert not wrong
    assert not in_circles(packages)


def in_circles(arrows: dict[str, set[str]]) -> set[str]:
    """Those from which a chain of imports comes back, or that lead to one."""
    left = dict(arrows)
    while lowest := {name for name, below in left.items() if not below & left.keys()}:
        left = {name: below for name, below in left.items() if name not in lowest}
    return set(left)


IMPORTED_MODULE = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"\n]+\.js)['"]""")
"""In scripts: static and dynamic imports, and those of types in comments."""


def test_no_arrow_between_the_folders_of_scripts_points_up() -> None:
    """A module in the browser imports, by relative paths, files of its own folder and of those below it."""
    assert {path.name for path in ASSETS.iterdir()} == set(WITHIN_ASSETS)
    wrong = []
    for path in sorted(ASSETS.rglob("*.js")):
        folder = path.relative_to(ASSETS).parts[0]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for name in IMPORTED_MODULE.findall(line):
                found = (path.parent / name).resolve()
                to = found.relative_to(ASSETS).parts[0] if found.is_relative_to(ASSETS) and found.is_file() else None
                if not name.startswith(".") or to not in WITHIN_ASSETS[folder] | {folder}:
                    wrong.append(f"{place(path, number)} imports {name}")
    assert not wrong
    assert not in_circles(WITHIN_ASSETS)


def test_log_events_are_nouns_that_an_operator_can_search_for() -> None:
    """snake_case, with what varies in fields."""
    odd = []
    for path in (path for room in CODE for path in sources_of(room)):
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
                continue
            is_log = ast.unparse(node.func.value) in {"log", "logger"} and node.func.attr in LOG_LEVELS
            event = node.args[0]
            if is_log and not (isinstance(event, ast.Constant) and re.fullmatch("[a-z]+(_[a-z]+)*", str(event.value))):
                odd.append(f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(event)}")
    assert not odd


@pytest.mark.parametrize("suffixes", [{".py"}, {".js", ".mjs", ".css"}], ids=["python", "browser"])
def test_folders_stay_small(suffixes: set[str]) -> None:
    """One can see at a glance what is in a folder."""
    code = [path for path in repository_files() if path.suffix in suffixes and path.name != "__init__.py"]
    counts = Counter(path.parent.relative_to(ROOT).as_posix() for path in code)
    assert not {folder: count for folder, count in counts.items() if count > MOST_FILES}


def test_every_room_is_known() -> None:
    """A new folder of code gets its place in the table first."""
    tops = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in every_source() if not is_launcher(path)}
    assert tops - {"tests", "benchmarks"} == set(ALLOWED)


def test_the_engine_is_pure() -> None:
    """No database, no Streamlit, no Kafka, no environment, no clock."""
    wrong = [
        f"{place(path, line)} imports {name}"
        for path in sources_of("engine")
        for line, name in imports_of(path)
        if top(name) in OUTSIDE_THE_ENGINE
    ]
    wrong += [
        f"{place(path, node.lineno)} asks the clock: {ast.unparse(node)}"
        for path in sources_of("engine")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute)
        and node.attr in CLOCKS
        and ast.unparse(node.value) in {"datetime", "date", "datetime.datetime", "datetime.date", "pd.Timestamp"}
    ]
    assert not wrong


def test_only_the_engine_and_its_callers_know_quantlib() -> None:
    """Pricing libraries stay in the engine; pages and live tables call nothing of them."""
    wrong = [
        f"{place(path, line)} imports {name}"
        for room in set(CODE) - {"engine"}
        for path in sources_of(room)
        for line, name in imports_of(path)
        if top(name) in {"QuantLib", "numba"}
    ]
    assert not wrong


def test_undocumented_names_of_libraries_are_known_in_one_place() -> None:
    """An upgrade of Streamlit, kafka-python or Perspective is looked at in one module of each."""
    wrong = []
    for path in (path for room in CODE for path in sources_of(room)):
        where = path.relative_to(ROOT).as_posix()
        wrong += [
            f"{place(path, line)} imports {name}"
            for line, name in imports_of(path)
            if where != STANDS_ON_INTERNALS.get(top(name), where) and not is_public(name)
        ]
        if where not in STANDS_ON_INTERNALS.values():
            wrong += [f"{place(path, line)} names {name}" for line, name in foreign_private_names(tree_of(path))]
            wrong += [f"{place(path, line)} says {text}" for line, text in texts_of(tree_of(path), IN_MARKUP)]
    assert not wrong
    assert all((ROOT / module).is_file() for module in STANDS_ON_INTERNALS.values())


def is_public(name: str) -> bool:
    """Whether a name of such a library is of the package itself, or of a documented module."""
    return (name.count(".") < 2 and "._" not in name and not is_module(name)) or any(
        name == public or name.startswith(f"{public}.") for public in PUBLIC.get(top(name), ())
    )


def is_module(name: str) -> bool:
    """Whether ``package.name`` is a module below the package, and not what the package has."""
    return "." in name and find_spec(name) is not None


def foreign_private_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What a module names with an underscore before it and does not define: the inside of a foreign object."""
    own = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    own |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    private = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
    ]
    own |= {node.attr for node in private if isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}}
    yield from ((node.lineno, ast.unparse(node)) for node in private if node.attr not in own | {"_exit"})


def texts_of(tree: ast.Module, pattern: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and pattern.search(node.value):
            yield node.lineno, node.value


def test_what_the_web_serves_writes_no_sql() -> None:
    """Pages, widgets and live tables read through functions of storage: no statements, no tables, no upserts.

    What SQLAlchemy raises, and the type of a connection that is passed on, they may name.
    """
    harmless = re.compile(r"sqlalchemy\.(exc\b.*|Connection|Engine)$")
    tables = {"storage.core.schema", "storage.core.bulk", "storage.migrations"}
    wrong = [
        f"{place(path, line)} imports {name}"
        for room in OF_THE_WEB
        for path in sources_of(room)
        for line, name in imports_of(path)
        if (top(name) in {"sqlalchemy", "sqlite3", "psycopg"} and not harmless.match(name))
        or ".".join(name.split(".")[:2]) in tables
    ]
    wrong += [
        f"{place(path, node.lineno)} runs SQL"
        for room in OF_THE_WEB
        for path in sources_of(room)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in {"exec_driver_sql", "executemany", "bookkeeping"}
    ]
    assert not wrong


def test_the_environment_is_read_in_one_place() -> None:
    """storage/connection/settings.py, and the launchers, tests and benchmarks, which are not the product."""
    wrong = []
    for path in every_source():
        part = path.relative_to(ROOT).parts[0]
        if part in READS_THE_ENVIRONMENT or is_launcher(path) or path == SETTINGS:
            continue
        wrong += [
            place(path, node.lineno)
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.Attribute)
            and ast.unparse(node) in {"os.environ", "os.environb", "os.getenv", "os.putenv"}
        ]
        wrong += [
            f"{place(path, line)} imports {name}"
            for line, name in imports_of(path)
            if name in {"os.environ", "os.getenv"} or top(name) in {"pydantic_settings", "dotenv"}
        ]
    assert not wrong


def test_launchers_need_the_standard_library_alone() -> None:
    """They run before anything is installed."""
    launchers = [path for path in every_source() if is_launcher(path)]
    wrong = [
        f"{place(path, line)} imports {name}"
        for path in [*sources_of("launch"), *launchers]
        for line, name in imports_of(path)
        if top(name) not in {*sys.stdlib_module_names, "launch"}
    ]
    assert {path.name for path in launchers} == {"run", "test", "bench"}
    assert not wrong


def test_modules_stay_short() -> None:
    wrong = []
    for room in CODE:
        limit = LONGEST_PAGE if room == "pages" else LONGEST_MODULE
        for path in sources_of(room):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > limit:
                wrong.append(f"{path.relative_to(ROOT).as_posix()} has {lines} lines, at most {limit}")
    assert not wrong


def test_modules_are_named_by_what_they_answer() -> None:
    wrong = [
        path.relative_to(ROOT).as_posix()
        for path in repository_files()
        if path.suffix in {".py", ".js"} and COLLECTORS & {part.split(".")[0] for part in path.relative_to(ROOT).parts}
    ]
    assert not wrong


def test_scripts_stay_short_and_make_no_markup_from_text() -> None:
    """Text from data becomes text on the page, never elements."""
    scripts = [path for path in repository_files() if path.suffix in {".js", ".mjs"}]
    assert scripts
    wrong = []
    for path in scripts:
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) > LONGEST_SCRIPT:
            wrong.append(f"{path.relative_to(ROOT).as_posix()} has {len(lines)} lines, at most {LONGEST_SCRIPT}")
        wrong += [place(path, number) for number, line in enumerate(lines, 1) if MARKUP_FROM_TEXT.search(line)]
    assert not wrong


def test_no_file_names_a_place_of_one_machine() -> None:
    wrong = []
    for path in repository_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        wrong += [place(path, number) for number, line in enumerate(text.splitlines(), 1) if MACHINE_PATHS.search(line)]
    assert not wrong
