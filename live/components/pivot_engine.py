"""The files of the pivot's engine: Perspective's, as its Python package brings them for notebooks.

Where they are in the package is not documented: no other module knows it. `tests/live/components/test_pivot_engine.py`
says what an upgrade has moved.
"""

from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

ENGINE_URL = "/deltaboard/perspective"
ENGINE_SCRIPT = "perspective-anywidget.js"
"""The one that brings all others."""


@cache
def engine_folder() -> Path:
    """Where the package of the pivot's engine has what runs in the browser."""
    found = find_spec("perspective")  # not imported: what it runs in Python is not needed here
    if found is None or found.origin is None:
        raise RuntimeError("perspective-python is not installed: run ./run, or pip install -r requirements.txt")
    return Path(found.origin).parent / "widget" / "static"


@cache
def engine_version() -> str:
    """Of the package of the pivot's engine."""
    return version("perspective-python")


def engine_address(name: str) -> str:
    """Where the browser has a file of the engine from."""
    return f"{ENGINE_URL}/{engine_version()}/{name}"
