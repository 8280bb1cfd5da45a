"""Retiring: announcing the end of a version, knowing whom it concerns, having them acknowledge it, and ending it."""
