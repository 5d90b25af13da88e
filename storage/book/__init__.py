"""Trades, hierarchy and statuses, with their versions."""
