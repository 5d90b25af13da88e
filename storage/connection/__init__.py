"""Settings, the engines of both databases, their limits and faults, and supervision."""
