"""Permissions, roles and sign-ins."""
