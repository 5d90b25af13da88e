"""The sidecar: reads feeds, prices, commits, and builds pricers in the background."""
