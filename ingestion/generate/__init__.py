"""Generated trades and quotes as Kafka messages: demo, load and tests."""
