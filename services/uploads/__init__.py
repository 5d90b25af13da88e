"""Uploads: preview, comparison, application and undo."""
