"""Where are Kafka's jars and the Java that runs them? What is not there yet, Maven fetches. Standard library only."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from launch.environment import run_quietly
from launch.messages import Refusal, say
from launch.one_at_a_time import one_at_a_time

POM = Path(__file__).resolve().parent / "kafka" / "pom.xml"
OLDEST_JAVA = 17
_VERSION = re.compile(r'version "(\d+)')
_SERVER_JAR = "kafka_2.13-*.jar"


def find_java() -> Path | None:
    """The program of a Java that is new enough for Kafka."""
    named = os.environ.get("DELTABOARD_JAVA")
    if named:
        return Path(named) if _is_new_enough(Path(named)) else None
    home = os.environ.get("JAVA_HOME")
    places = [shutil.which("java", path=str(Path(home, "bin"))) if home else None, shutil.which("java")]
    return next((Path(place) for place in places if place and _is_new_enough(Path(place))), None)


def find_maven() -> Path | None:
    """The program of Maven."""
    named = os.environ.get("DELTABOARD_MAVEN")
    if named:
        return Path(named) if Path(named).is_file() else None
    found = shutil.which("mvn")
    return Path(found) if found else None


def find_jars() -> Path | None:
    """The folder with Kafka's jars, whole and ready."""
    named = os.environ.get("DELTABOARD_KAFKA")
    folder = Path(named) if named else cache_folder()
    return folder if any(folder.glob(_SERVER_JAR)) else None


def cache_folder() -> Path:
    """Where the jars are kept for all copies of this repository: they are there whole, or not at all."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "deltaboard", f"kafka-{kafka_version()}")


def kafka_version() -> str:
    """The version that the POM names."""
    version = ElementTree.parse(POM).getroot().findtext(".//{*}kafka.version")
    if not version:
        raise Refusal(f"{POM} names no version of Kafka")
    return version


def fetch_jars() -> Path:
    """The folder with Kafka's jars; Maven fetches them where they are not there yet.

    They are copied aside and moved into place when complete. Of two who fetch at once, one waits for the other.
    """
    ready = find_jars()
    if ready is not None:
        return ready
    if os.environ.get("DELTABOARD_KAFKA"):
        raise Refusal(f"DELTABOARD_KAFKA names {os.environ['DELTABOARD_KAFKA']}, which has no {_SERVER_JAR}")
    maven = find_maven()
    if maven is None:
        raise Refusal("Kafka's jars are not there and no Maven to fetch them: install it, on Debian: apt install maven")
    folder = cache_folder()
    with one_at_a_time(folder.with_name(f"{folder.name}.lock")):
        if find_jars() is None:
            _fetch(maven, folder)
    return folder


def _fetch(maven: Path, folder: Path) -> None:
    say(f"Fetching Kafka {kafka_version()} with Maven into {folder} (43 MB) ...")
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}.", dir=folder.parent) as aside:
        jars = Path(aside) / "jars"
        copy = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
        code, lines = run_quietly([str(maven), "--batch-mode", "-q", "-f", str(POM), *copy], Path(aside))
        if code or not any(jars.glob(_SERVER_JAR)):
            raise Refusal(f"Maven could not fetch Kafka {kafka_version()} (exit code {code})", why=lines[-8:])
        if folder.exists():  # without the server's jar: somebody's leftovers
            shutil.rmtree(folder)
        jars.rename(folder)


def _is_new_enough(java: Path) -> bool:
    try:
        told = subprocess.run([str(java), "-version"], capture_output=True, text=True, check=False, timeout=60).stderr
    except (OSError, subprocess.TimeoutExpired):
        return False
    found = _VERSION.search(told)
    return found is not None and int(found[1]) >= OLDEST_JAVA
