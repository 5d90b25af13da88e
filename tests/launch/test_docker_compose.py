"""What docker compose starts exists and fits together: it cannot be run here, so it is read."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from ingestion.command_line import app
from launch.board import HEALTH_PATH
from launch.kafka_jars import kafka_version
from launch.kafka_node import PARTITIONS
from storage.connection.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


def test_who_is_started() -> None:
    assert set(SERVICES) == {"postgres", "kafka", "prepare", "replay", "stream", "web"}
    assert set(OURS) == {"prepare", "replay", "stream", "web"}
    assert {service["image"] for service in OURS.values()} == {"deltaboard:local"}, "one image"


@pytest.mark.parametrize("name", ["prepare", "replay", "stream"])
def test_the_commands_exist_with_their_options(name: str) -> None:
    python, dash_m, package, command, *arguments = SERVICES[name]["command"]
    assert (python, dash_m, package) == ("python", "-m", "ingestion")
    known = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]
    context = known.make_context(command, list(arguments))
    assert not context.args
    for argument in arguments:
        assert not argument.endswith(".csv") or (ROOT / argument).is_file()


def test_the_web_server_is_the_one_of_run() -> None:
    assert SERVICES["web"]["command"][:5] == ["python", "-m", "streamlit", "run", "streamlit_app.py"]
    assert (ROOT / "streamlit_app.py").is_file()
    assert HEALTH_PATH in str(SERVICES["web"]["healthcheck"]["test"])
    assert "--server.port=8501" in SERVICES["web"]["command"]


def test_other_containers_ask_for_the_web_server_by_its_name() -> None:
    """A server answers by no name that it is not told; that of its container is made up at each start."""
    allowed = str(SERVICES["web"]["environment"]["DELTABOARD_ALLOWED_HOSTS"])
    assert re.fullmatch(r"\$\{DELTABOARD_ALLOWED_HOSTS:-web\}", allowed)
    assert "http://127.0.0.1:8501" in str(SERVICES["web"]["healthcheck"]["test"]), "always a name of the server"


def test_all_images_are_pinned() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    images = [service["image"] for service in SERVICES.values() if "build" not in service]
    images += re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert len(images) == 3
    for image in images:
        assert re.fullmatch(r"[a-z/]+:\d+\.\d+(\.\d+)?(-[a-z-]+)?", image), image
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka_version()}", "the same Kafka as without docker"


def test_what_others_wait_for_says_how_it_is() -> None:
    for name, service in SERVICES.items():
        for other, wanted in service.get("depends_on", {}).items():
            if wanted["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], (name, other)
            else:
                assert wanted["condition"] == "service_completed_successfully"
                assert SERVICES[other]["restart"] == "no", "it must end"
    assert all("healthcheck" in SERVICES[name] for name in ("kafka", "postgres", "web"))


def test_ports_are_open_to_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert sorted(ports) == ["127.0.0.1:8501:8501", "127.0.0.1:9092:19092"]


def test_kafka_says_where_it_is_from_inside_and_from_outside() -> None:
    environment = SERVICES["kafka"]["environment"]
    advertised = dict(listener.split("://") for listener in environment["KAFKA_ADVERTISED_LISTENERS"].split(","))
    bootstrap = SERVICES["stream"]["command"][-1]
    assert advertised == {"INSIDE": bootstrap, "OUTSIDE": Settings.model_fields["kafka_bootstrap"].default}
    assert environment["KAFKA_NUM_PARTITIONS"] == str(PARTITIONS)
    assert environment["KAFKA_PROCESS_ROLES"] == "broker,controller"
    assert all(value.__class__ is str for service in SERVICES.values() for value in service["environment"].values())


def test_no_secret_but_the_local_default() -> None:
    """Passwords and tokens come from the environment; the one default is as good as none and said to be so."""
    for line in COMPOSE.splitlines():
        if re.search(r"PASSWORD|TOKEN|SECRET", line) and not line.startswith("#"):
            assert re.search(r"\$\{DELTABOARD_(DATABASE_PASSWORD:-deltaboard|API_TOKEN:-)\}", line), line
    urls = {service["environment"]["DATABASE_URL"] for service in OURS.values()}
    assert len(urls) == 1, "all work on one store"
    assert "${DELTABOARD_DATABASE_PASSWORD:-deltaboard}@postgres:5432/deltaboard" in urls.pop()


def test_the_environment_names_settings_that_exist() -> None:
    known = {"DATABASE_URL"} | {f"DELTABOARD_{name.upper()}" for name in Settings.model_fields}
    for service in OURS.values():
        assert set(service["environment"]) <= known


def test_the_image_has_what_the_services_need_and_no_more() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for needed in (
        "ingestion",
        "services",
        "storage",
        "engine",
        "live",
        "ui",
        "pages",
        "data",
        "api",
        "streamlit_app.py",
    ):
        assert needed not in ignored
        assert (ROOT / needed).exists()
    assert {".*", "var", "tests"} <= set(ignored), "no store, no environment, no history of the repository"
    assert "!.streamlit" in ignored
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for instruction in re.findall(r"^COPY (.+)$", dockerfile, re.MULTILINE):
        *sources, _ = (part for part in shlex.split(instruction) if not part.startswith("--"))
        assert all((ROOT / source).exists() for source in sources)
    assert re.findall(r"^USER (\S+)", dockerfile, re.MULTILINE) == ["deltaboard"], "not root"
