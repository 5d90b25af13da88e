"""Fixtures that all tests share: databases, Kafka broker, browser, a small book, and one of many boundaries."""

pytest_plugins = [
    "tests.browser_fixtures",
    "tests.databases",
    "tests.kafka",
    "tests.small_book",
    "tests.boundaries",
]
