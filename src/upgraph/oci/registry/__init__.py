"""Registries: the distribution API, read and written."""
