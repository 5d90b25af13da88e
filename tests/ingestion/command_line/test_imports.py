"""A command imports what it needs: nobody waits for pricing engines to read a help text or a status."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage.connection.settings import ROOT

PRICING = {"numba", "QuantLib", "scipy"}
DATA = {"pandas", "numpy", "pyarrow", "sqlalchemy", "alembic", "psycopg"}
OTHERS = {"kafka", "streamlit", "structlog", "starlette"}
RUN = """
import sys
from ingestion.command_line import app
try:
    app(sys.argv[1:], prog_name="python -m ingestion")
finally:
    print("imported:", *{name.partition(".")[0] for name in sys.modules})
"""


def imported_by(folder: Path, *arguments: str) -> set[str]:
    """The packages that a command has imported when it ends."""
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{folder / 'store.sqlite'}"}
    command = [sys.executable, "-c", RUN, *arguments]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return set(ended.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("arguments", [["--help"], ["load", "--help"], ["replay", "--help"], ["generate", "--help"]])
def test_a_help_text_needs_no_library(arguments: list[str], tmp_path: Path) -> None:
    assert imported_by(tmp_path, *arguments) & (PRICING | DATA | OTHERS) == set()


def test_a_status_needs_no_pricing_engine(tmp_path: Path) -> None:
    assert imported_by(tmp_path, "status") & (PRICING | {"kafka", "streamlit", "starlette"}) == set()
