"""Where are Kafka's jars and the Java that runs them? What is not there yet, Maven fetches. Standard library only."""

import os
import shutil
from pathlib import Path
from xml.etree import ElementTree

from launch.fetched import Fetched, Manager, is_version
from launch.messages import Refusal

POM = Path(__file__).resolve().parent / "kafka" / "pom.xml"
OLDEST_JAVA = 17
MAVEN = Manager("Maven", program="mvn", variable="DELTABOARD_MAVEN", package="maven")


def find_java() -> Path | None:
    """The program of a Java that is new enough for Kafka."""
    named = os.environ.get("DELTABOARD_JAVA")
    home = os.environ.get("JAVA_HOME")
    there = [shutil.which("java", path=str(Path(home, "bin"))) if home else None, shutil.which("java")]
    places = [named] if named else there
    return next((Path(place) for place in places if place and _is_new_enough(Path(place))), None)


def kafka_version() -> str:
    """The version that the POM names."""
    version = ElementTree.parse(POM).getroot().findtext(".//{*}kafka.version")
    if not version:
        raise Refusal(f"{POM} names no version of Kafka")
    return version


def _copy_jars(maven: Path, folder: Path) -> list[str]:
    copy = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
    return [str(maven), "--batch-mode", "-q", "-f", str(POM), *copy]


def _is_new_enough(java: Path) -> bool:
    return is_version(java, "-version", r'version "(\d+)', OLDEST_JAVA)


KAFKA = Fetched(
    what="Kafka",
    size="43 MB",
    manager=MAVEN,
    variable="DELTABOARD_KAFKA",
    proof="kafka_2.13-*.jar",
    name=lambda: f"kafka-{kafka_version()}",
    fill=_copy_jars,
)
"""The folder with Kafka's jars."""
