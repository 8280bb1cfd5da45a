"""Benchmarks of enforcement."""
