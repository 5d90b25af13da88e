"""Fixtures of the tests of the live board."""

from tests.browser_fixtures import chromium

__all__ = ["chromium"]
