"""Widgets of the list of trades and of one trade."""
