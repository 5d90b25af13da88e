"""Widgets of the page Upload."""
