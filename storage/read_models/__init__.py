"""Frames and details that pages read."""
