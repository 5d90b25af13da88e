"""Record kinds: what columns and values mean, and why a row is refused."""
