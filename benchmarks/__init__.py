"""Measurements of Upgraph beside something that does the same work, repeated with ``make bench``."""
