"""Fixtures that all tests share: databases, Kafka broker, browser, a small book, one of many boundaries, and the
ways a file comes in; and the tiers of tests."""

pytest_plugins = [
    "tests.tiers",
    "tests.fixtures.browser",
    "tests.fixtures.databases",
    "tests.fixtures.kafka",
    "tests.fixtures.small_book",
    "tests.fixtures.boundaries",
    "tests.fixtures.ways_in",
]
