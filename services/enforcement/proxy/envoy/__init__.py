"""Envoy: its configuration, and how it says by itself that a call does not pass."""
