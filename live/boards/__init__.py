"""Boards: what the live tables show of a business date, and the messages about it."""
