"""Widgets of the pages, each named by what it shows."""
