"""Known: what others announced of who holds what, since when, and when it was used last."""
