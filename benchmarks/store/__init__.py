"""Ticks, trades and files up to their commit."""
