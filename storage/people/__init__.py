"""Roles, sessions, saved views, uploads and the audit."""
