"""Benchmarks: each a program of its own, which prints what it has measured."""
