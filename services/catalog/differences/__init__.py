"""Differences: what is different between two documents, and what of it breaks callers. Pure."""
