"""Logins for registries: the files and helpers that keep them, read and changed."""
