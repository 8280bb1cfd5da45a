"""Trying an operation: what is sent is built from its document, and what was sent and answered is held against it."""
