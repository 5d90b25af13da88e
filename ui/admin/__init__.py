"""Widgets of the pages People and Audit."""
