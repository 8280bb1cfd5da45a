"""Applications: what calls APIs; each has a Client ID and client secrets."""
