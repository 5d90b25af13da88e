"""Fixtures that all tests share: the two databases, the Kafka broker, the browser, and a small book of trades."""

pytest_plugins = ["tests.browser_fixtures", "tests.databases", "tests.kafka", "tests.small_book"]
