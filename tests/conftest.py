"""Fixtures that all tests share: databases, Kafka broker, browser, a small book, and one of many boundaries.

Hypothesis draws the same examples at every run, and none is too slow for it.
"""

from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.browser_fixtures",
    "tests.databases",
    "tests.kafka",
    "tests.small_book",
    "tests.boundaries",
]

settings.register_profile(
    "the same at every run", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("the same at every run")
