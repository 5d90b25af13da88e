"""Worker processes for CPU-bound jobs."""
