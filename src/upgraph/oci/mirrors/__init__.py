"""Repositories that are read elsewhere: rules of mirrors, and sources that follow them."""
