"""The current user, and signing in and out."""
