"""Whom to trust over TLS: authorities of the system, of files and of clusters."""
