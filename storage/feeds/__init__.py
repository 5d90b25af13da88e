"""Feeds with their cursors, and what they could not take."""
