"""Fixtures that all tests share: databases, Kafka broker, browser, a small book, one of many boundaries, and the
ways a file comes in.

Hypothesis draws the same examples at every run, and none is too slow for it.
"""

from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.fixtures.browser",
    "tests.fixtures.databases",
    "tests.fixtures.kafka",
    "tests.fixtures.small_book",
    "tests.fixtures.boundaries",
    "tests.fixtures.ways_in",
]

settings.register_profile(
    "the same at every run", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("the same at every run")
