"""Saved views and start pages."""
