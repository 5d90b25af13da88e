"""What is valued: trades and market data as they are known at one revision, immutable."""
