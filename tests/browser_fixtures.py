"""Chromium for the tests that need a real browser.

Where it is missing they are skipped, loudly; under CI, where it must be, they fail.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


def chromium_path() -> str | None:
    """The browser that `CHROMIUM` names, or the first one on the path."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if Path(named).exists() else None
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def missing(what: str) -> None:
    """Skips where a component is optional, fails where CI says that it must be there."""
    message = f"{what} is missing: THE BROWSER TESTS DID NOT RUN"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(message)
    pytest.skip(message)


# Of a module, not of the session: while the browser's driver runs, its event loop keeps others from starting one.
@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    """A running Chromium (playwright's `Browser`)."""
    path = chromium_path()
    if path is None:
        missing("Chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
