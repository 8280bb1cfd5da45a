"""Benchmarks of identity."""
