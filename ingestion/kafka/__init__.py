"""The feed of Kafka topics: partitions, batches, offsets, dead letters."""
