"""Widgets of Explore, and saved views."""
