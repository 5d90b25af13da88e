"""What every page has: store, texts, numbers, messages."""
