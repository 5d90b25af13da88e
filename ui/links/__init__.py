"""Links to trades and exports."""
