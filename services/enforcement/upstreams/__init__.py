"""Upstreams as they are found: whether their names lead somewhere, and whether anybody answers there."""
