"""Telling: people are informed by mail of what happens elsewhere and concerns them, from one table."""
