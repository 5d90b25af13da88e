"""Details that pages ask for: a trade, its day, the day of a selection."""
