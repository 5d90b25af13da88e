"""Quotes, sensitivities and reported values."""
