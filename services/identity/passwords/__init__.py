"""Passwords: which are accepted, how they are hashed, and how their owners replace them."""
