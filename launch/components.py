"""Which components outside Python do the tests find on this machine: a browser, a database server, Kafka?"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from launch.environment import run_quietly
from launch.fetched import Fetched
from launch.kafka_jars import KAFKA, OLDEST_JAVA, find_java
from launch.messages import Refusal, say
from launch.script_checks import OLDEST_NODE, find_node
from launch.sign_in_provider import PROVIDER

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER_PLACES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
)
SERVER_PROGRAMS = ("initdb", "pg_ctl", "postgres")
SERVER_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


@dataclass(frozen=True, slots=True)
class Component:
    """Something that some tests need: how the tests learn where it is, and what installs it on Debian.

    brings: the program that the package brings, where that is not the component itself but what fetches it.
    """

    name: str
    variable: str
    package: str
    tests: str
    find: Callable[[], Path | None]
    brings: Callable[[], Path | None] = lambda: None


def find_chromium() -> Path | None:
    """The program of a Chromium browser."""
    named = os.environ.get("DELTABOARD_CHROMIUM")
    if named:
        return Path(named) if Path(named).is_file() else None
    found = [shutil.which(name) for name in BROWSERS] + [place for place in BROWSER_PLACES if Path(place).is_file()]
    return next((Path(path) for path in found if path), None)


def find_postgresql() -> Path | None:
    """The folder with a PostgreSQL server's programs, the newest version first."""
    named = os.environ.get("DELTABOARD_POSTGRESQL")
    if named:
        return Path(named) if _has_server(Path(named)) else None
    folders = [folder for place in SERVER_PLACES for folder in Path("/").glob(place[1:])]
    folders.sort(key=_version_in_path, reverse=True)
    on_path = shutil.which("pg_ctl")
    if on_path:
        folders.append(Path(on_path).parent)
    return next((folder for folder in folders if _has_server(folder)), None)


COMPONENTS = (
    Component("Chromium", "DELTABOARD_CHROMIUM", "chromium", "the tests in a browser", find_chromium),
    Component("PostgreSQL", "DELTABOARD_POSTGRESQL", "postgresql", "the tests on PostgreSQL", find_postgresql),
    Component(f"Java {OLDEST_JAVA}", "DELTABOARD_JAVA", "default-jre-headless", "the tests with Kafka", find_java),
    Component("Kafka", KAFKA.variable, "maven", "the tests with Kafka", KAFKA.find, brings=KAFKA.manager.find),
    Component(f"Node {OLDEST_NODE}", "DELTABOARD_NODE", "nodejs", "the tests of the sign-in", find_node),
    Component(
        "identity provider",
        PROVIDER.variable,
        "npm",
        "the tests of the sign-in",
        PROVIDER.find,
        brings=PROVIDER.manager.find,
    ),
)
FONT_PACKAGE = "fonts-inter"
_FETCHED: tuple[Fetched, ...] = (KAFKA, PROVIDER)


def is_ci() -> bool:
    """Whether this is the continuous integration, where nothing may be missing."""
    return os.environ.get("CI", "").lower() in {"true", "1", "yes"}


def install_missing() -> None:
    """Install what is missing, where one may: as root on a Debian system."""
    packages = [
        component.package for component in COMPONENTS if component.find() is None and component.brings() is None
    ]
    if not _may_install():
        return
    if not _is_installed(FONT_PACKAGE):
        packages.append(FONT_PACKAGE)
    if not packages:
        return
    say(f"Installing {', '.join(packages)} with apt ...")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    code, lines = run_quietly([*environment, *install], Path("/")) if _has_package_lists() else (1, [])
    if code:
        run_quietly([*environment, "apt-get", "update", "-qq"], Path("/"))
        code, lines = run_quietly([*environment, *install], Path("/"))
    if code:
        say(f"apt could not install them (exit code {code}): {lines[-1] if lines else 'it did not say why'}")


def fetch_missing() -> None:
    """Fetch what is not there yet where its package manager is; say why when that could not."""
    for wanted in _FETCHED:
        if wanted.find() is None and wanted.manager.find() is not None:
            try:
                wanted.fetch()
            except Refusal as refusal:
                say(f"{refusal}: {refusal.why[0] if refusal.why else 'it did not say why'}")


def settings_for_tests() -> tuple[dict[str, str], list[str]]:
    """Environment variables that tell the tests where the components are, and a line for each that is missing."""
    variables, missing = {}, []
    for component in COMPONENTS:
        place = component.find()
        if place is None:
            missing.append(
                f"{component.tests}: no {component.name} found "
                f"(install it, on Debian: apt install {component.package}, or set {component.variable})"
            )
        else:
            variables[component.variable] = str(place)
    return variables, missing


def _has_server(folder: Path) -> bool:
    suffix = ".exe" if os.name == "nt" else ""
    return all((folder / f"{program}{suffix}").exists() for program in SERVER_PROGRAMS)


def _version_in_path(folder: Path) -> int:
    digits = "".join(character for character in folder.parent.name if character.isdigit())
    return int(digits or 0)


def _may_install() -> bool:
    is_root = sys.platform != "win32" and os.geteuid() == 0
    return is_root and Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def _has_package_lists() -> bool:
    return any(Path("/var/lib/apt/lists").glob("*_Packages*"))


def _is_installed(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    return done.stdout.strip() == "installed"
