"""Widgets of the risk board."""
