"""Chromium for the tests that need a real browser.

Where it is missing they are skipped, loudly; under CI, where it must be, they fail.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect, sync_playwright

from launch.components import find_chromium, is_ci

FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
expect.set_options(timeout=60_000)  # what is said of a page is waited for: a slow machine is no fault


def missing(what: str) -> None:
    """Skips where a component is optional, fails where CI says that it must be there."""
    message = f"{what} is missing: THE BROWSER TESTS DID NOT RUN"
    if is_ci():
        pytest.fail(message)
    pytest.skip(message)


# Of a module, not of the session: while the browser's driver runs, its event loop keeps others from starting one.
@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    """A running Chromium (playwright's `Browser`)."""
    path = find_chromium()
    if path is None:
        missing("Chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(path), args=FLAGS)
        yield browser
        browser.close()
